//! What happens to lines while the program does not run.

use super::*;

fn started(lines: &str) -> Rig {
    let mut rig = Rig::new("a.log", |root| append(&root.join("a.log"), "before the first start\n"));
    rig.append("a.log", lines);
    let wanted: Vec<&str> = lines.lines().collect();
    rig.expect(&wanted);
    rig
}

#[test]
fn reading_goes_on_where_it_stopped() {
    let mut rig = started("1\n2\n");
    rig.stop();
    rig.append("a.log", "3\n");
    rig.start(&["a.log"], false);
    rig.expect(&["3"]);
}

#[test]
fn a_file_with_no_line_read_yet_keeps_its_place_too() {
    let mut rig = started("");
    rig.stop();
    rig.append("a.log", "3\n");
    rig.start(&["a.log"], false);
    rig.expect(&["3"]);
}

#[test]
fn a_partial_line_at_the_stop_is_read_whole_after_the_start() {
    let mut rig = started("1\n");
    rig.append("a.log", "ha");
    rig.stop();
    rig.append("a.log", "lf\n");
    rig.start(&["a.log"], false);
    rig.expect(&["half"]);
}

#[test]
fn rotated_files_are_finished_before_the_new_one() {
    for name in ["a.log.1", "a.log-20261124"] {
        let mut rig = started("1\n");
        rig.stop();
        rig.append("a.log", "2\n");
        fs::rename(rig.path("a.log"), rig.path(name)).expect("rename");
        rig.append("a.log", "3\n");
        rig.start(&["a.log"], false);
        rig.expect(&["2", "3"]);
    }
}

#[test]
fn files_rotated_twice_are_all_read() {
    let mut rig = started("1\n");
    rig.stop();
    rig.append("a.log", "2\n");
    fs::rename(rig.path("a.log"), rig.path("a.log.2")).expect("rename");
    rig.append("a.log.1", "3\n");
    rig.append("a.log", "4\n");
    rig.start(&["a.log"], false);
    rig.expect(&["2", "3", "4"]);
}

#[test]
fn a_rotated_file_is_finished_though_nothing_is_at_its_path() {
    let mut rig = Rig::new("*.log", |root| append(&root.join("a.log"), ""));
    rig.append("a.log", "1\n");
    rig.expect(&["1"]);
    rig.stop();
    rig.append("a.log", "2\n");
    fs::rename(rig.path("a.log"), rig.path("a.log.1")).expect("rename");
    rig.start(&["*.log"], false);
    rig.expect(&["2"]);
}

#[test]
fn a_copy_made_before_truncation_is_read_from_where_reading_stopped() {
    let mut rig = started("1\n2\n");
    rig.stop();
    rig.append("a.log", "3\n");
    fs::copy(rig.path("a.log"), rig.path("a.log.1")).expect("copy");
    write_new(&rig.path("a.log"), "4\n");
    rig.start(&["a.log"], false);
    rig.expect(&["3", "4"]);
}

#[test]
fn a_truncated_file_is_read_from_its_beginning() {
    let mut rig = started("1\n2\n");
    rig.stop();
    write_new(&rig.path("a.log"), "a line that makes the file longer than it was before it was truncated\n");
    rig.start(&["a.log"], false);
    rig.expect(&["a line that makes the file longer than it was before it was truncated"]);
}

#[test]
fn an_inode_that_is_used_again_is_noticed() {
    let mut rig = started("1\n2\n");
    rig.stop();
    let key = format!("file:{}", rig.path("a.log").display());
    fs::remove_file(rig.path("a.log")).expect("remove");
    write_new(&rig.path("a.log"), "x before the first start\n1\n2\n3\n");
    let old = rig.committed[&key].clone();
    let mut parts: Vec<String> = old.split(':').map(str::to_owned).collect();
    let meta = fs::metadata(rig.path("a.log")).expect("exists");
    parts[1] = std::os::unix::fs::MetadataExt::ino(&meta).to_string();
    rig.committed.insert(key, parts.join(":"));
    rig.start(&["a.log"], false);
    rig.expect(&["x before the first start", "1", "2", "3"]);
}

#[test]
fn a_file_that_appeared_meanwhile_is_read_from_its_first_byte() {
    let mut rig = Rig::new("*.log", |root| append(&root.join("a.log"), "old\n"));
    rig.expect(&[]);
    rig.stop();
    rig.append("b.log", "1\n");
    rig.start(&["*.log"], false);
    rig.expect(&["1"]);
}

#[test]
fn a_location_that_is_new_in_the_configuration_is_read_from_its_end() {
    let mut rig = started("1\n");
    rig.stop();
    rig.append("b.log", "old\n");
    rig.start(&["a.log", "b.log"], false);
    rig.expect(&[]);
    rig.append("b.log", "new\n");
    rig.expect(&["new"]);
}

#[test]
fn a_position_that_nobody_understands_does_not_stop_the_start() {
    let mut rig = started("1\n");
    rig.stop();
    for value in rig.committed.values_mut() {
        *value = "7;what:is:this".into();
    }
    rig.start(&["a.log"], false);
    rig.append("a.log", "2\n");
    rig.receive_until("the new line", |rig| rig.texts().last().is_some_and(|text| text == "2"));
}
