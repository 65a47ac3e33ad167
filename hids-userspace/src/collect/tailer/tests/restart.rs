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

/// Makes the last run have read `name` under the inode number that `now` has, as if it was used again on a
/// filesystem that does not know when files were made.
fn give_number_to(rig: &mut Rig, name: &str, now: &str) {
    let key = format!("file:{}", rig.path(name).display());
    let inode = std::os::unix::fs::MetadataExt::ino(&fs::metadata(rig.path(now)).expect("exists"));
    let mut parts: Vec<String> = rig.committed[&key].split(':').map(str::to_owned).collect();
    parts[1] = inode.to_string();
    parts[6] = "-".to_owned();
    rig.committed.insert(key, parts.join(":"));
}

fn lost_positions(rig: &Rig) -> u64 {
    let counters = rig.collector.as_ref().expect("runs").counters();
    counters.lost_positions.load(std::sync::atomic::Ordering::Relaxed)
}

// C50: the number of a rotated, compressed log went to a file of somebody else.
#[test]
fn another_file_with_the_number_of_a_log_is_left_alone_and_the_loss_is_counted() {
    let mut rig = started("1\n2\n");
    rig.stop();
    fs::remove_file(rig.path("a.log")).expect("remove");
    rig.append("a.log", "3\n");
    rig.append("notes.txt", "forged\n");
    rig.append("a.log.1.gz", "forged, too\n");
    give_number_to(&mut rig, "a.log", "notes.txt");
    rig.start(&["a.log"], false);
    rig.append("a.log", "4\n");
    rig.expect(&["3", "4"]);
    assert_eq!(lost_positions(&rig), 1);
    // It is said once.
    rig.stop();
    rig.start(&["a.log"], false);
    rig.expect(&[]);
    assert_eq!(lost_positions(&rig), 0);
}

// C50: the same, where a log was empty when it was read last, so that there is nothing to know it by.
#[test]
fn another_file_with_the_number_of_an_empty_log_is_left_alone() {
    let mut rig = Rig::new("a.log", |root| append(&root.join("a.log"), ""));
    rig.expect(&[]);
    rig.stop();
    fs::remove_file(rig.path("a.log")).expect("remove");
    rig.append("a.log", "3\n");
    rig.append("notes.txt", "forged\n");
    give_number_to(&mut rig, "a.log", "notes.txt");
    rig.start(&["a.log"], false);
    rig.expect(&["3"]);
    assert_eq!(lost_positions(&rig), 1);
}

// C50: the number went to another log, whose lines stay its own.
#[test]
fn another_log_with_the_number_of_a_log_is_read_as_itself() {
    let mut rig = Rig::new("none", |_| {});
    rig.stop();
    let logs = ["auth.log", "app.log"];
    for log in logs {
        rig.append(log, "old\n");
    }
    rig.start(&logs, true);
    for log in logs {
        rig.append(log, format!("{log} 1\n"));
    }
    rig.receive_until("a line of each", |rig| rig.texts().len() == 2);
    rig.stop();
    rig.lines.clear();
    fs::remove_file(rig.path("auth.log")).expect("remove");
    fs::rename(rig.path("app.log"), rig.path("app.log.1")).expect("rename");
    rig.append("auth.log", "auth.log 2\n");
    rig.append("app.log", "app.log 2\n");
    give_number_to(&mut rig, "auth.log", "app.log");
    rig.start(&logs, false);
    rig.append("app.log", "app.log 3\n");
    rig.receive_until("the new lines", |rig| rig.texts().len() == 3);
    rig.receive_rest();
    for (location, line) in rig.lines.iter().filter(|(location, _)| location != "ossec-logcollector") {
        let name = Path::new(location).file_name().expect("a name").to_string_lossy().into_owned();
        assert!(line.starts_with(name.as_bytes()), "{location} has {}", String::from_utf8_lossy(line));
    }
    assert_eq!(lost_positions(&rig), 1);
}

// C50: /var/log in memory is filled from a copy at each boot, in another order.
#[test]
fn logs_put_back_from_a_copy_with_other_numbers_are_read_on_where_reading_stopped() {
    for lines in ["1\n", &"a line of a longer log\n".repeat(500)] {
        let mut rig = Rig::new("a.log", |root| append(&root.join("a.log"), ""));
        rig.append("a.log", lines);
        rig.receive_until("all lines", |rig| rig.texts().len() == lines.lines().count());
        rig.stop();
        rig.lines.clear();
        fs::copy(rig.path("a.log"), rig.path("saved")).expect("copy");
        fs::remove_file(rig.path("a.log")).expect("remove");
        rig.append("other.log", "takes the number perhaps\n");
        fs::rename(rig.path("saved"), rig.path("a.log")).expect("rename");
        rig.append("a.log", "new\n");
        rig.start(&["a.log"], false);
        rig.expect(&["new"]);
        assert_eq!(lost_positions(&rig), 0);
        assert!(rig.notices().is_empty());
    }
}

// C50: the file itself, truncated and then rotated: its new content is read under its new name.
#[test]
fn a_log_truncated_and_rotated_meanwhile_is_read_under_its_new_name() {
    for lines in ["1\n", &"a line of a longer log\n".repeat(500)] {
        let mut rig = Rig::new("a.log", |root| append(&root.join("a.log"), ""));
        rig.append("a.log", lines);
        rig.receive_until("all lines", |rig| rig.texts().len() == lines.lines().count());
        rig.stop();
        rig.lines.clear();
        write_new(&rig.path("a.log"), "2\n");
        fs::rename(rig.path("a.log"), rig.path("a.log.1")).expect("rename");
        rig.append("a.log", "3\n");
        rig.start(&["a.log"], false);
        rig.expect(&["2", "3"]);
    }
}

// C50: a truncated log whose rest is nowhere is a loss, too.
#[test]
fn a_log_truncated_meanwhile_without_a_copy_is_counted_as_lost() {
    let mut rig = started("1\n2\n");
    rig.stop();
    write_new(&rig.path("a.log"), "3\n");
    rig.start(&["a.log"], false);
    rig.expect(&["3"]);
    assert_eq!(lost_positions(&rig), 1);
}

// C50: a rotated log that an administrator puts back from a backup holds nothing that is new.
#[test]
fn an_old_rotated_log_that_was_put_back_is_not_read() {
    let mut rig = started("1\n");
    rig.stop();
    write_new(&rig.path("a.log.4"), "of last month\n");
    let file = OpenOptions::new().write(true).open(rig.path("a.log.4")).expect("open");
    let month_ago = std::time::SystemTime::now() - Duration::from_secs(30 * 86_400);
    file.set_modified(month_ago).expect("time set");
    rig.append("a.log", "2\n");
    rig.start(&["a.log"], false);
    rig.expect(&["2"]);
}

// C51: what was read to its end after it had been replaced or deleted is not called lost.
#[test]
fn a_file_read_to_its_end_after_it_was_replaced_is_not_lost() {
    for (new, wanted) in [("", &[][..]), ("2\n", &["2"][..])] {
        let mut rig = started("1\n");
        write_new(&rig.path("editor"), new);
        fs::rename(rig.path("editor"), rig.path("a.log")).expect("rename");
        rig.receive_until("the rotation", |rig| !rig.notices().is_empty());
        rig.receive_rest();
        assert_eq!(rig.texts(), wanted);
        rig.stop();
        rig.start(&["a.log"], false);
        rig.receive_rest();
        assert_eq!(lost_positions(&rig), 0, "replaced by {new:?}");
        rig.lines.clear();
        rig.append("a.log", "3\n");
        rig.expect(&["3"]);
    }
}

// C51: but a late line of a server that does not know of the rotation yet may be.
#[test]
fn a_rotated_file_that_was_not_read_to_its_end_is_lost() {
    let mut rig = started("1\n");
    fs::rename(rig.path("a.log"), rig.path("a.log.1")).expect("rename");
    rig.append("a.log", "2\n");
    rig.expect(&["2"]);
    // The last batch of the old file is the last that was committed.
    for value in rig.committed.values_mut() {
        *value = value.replacen(":2:", ":0:", 1);
    }
    rig.kill();
    fs::remove_file(rig.path("a.log.1")).expect("remove");
    rig.start(&["a.log"], false);
    rig.receive_rest();
    assert_eq!(lost_positions(&rig), 1);
}

// O-B10: a rotation is told once, not again at each start while the old file is still followed.
#[test]
fn a_rotation_is_told_once_over_restarts() {
    let mut rig = started("1\n");
    fs::rename(rig.path("a.log"), rig.path("a.log.1")).expect("rename");
    rig.append("a.log", "2\n");
    rig.receive_until("the new file's line", |rig| rig.texts().len() == 1);
    rig.receive_rest();
    assert_eq!(rig.notices().len(), 1);
    for round in 0..3 {
        rig.stop();
        rig.lines.clear();
        rig.start(&["a.log"], false);
        rig.append("a.log", format!("{round}\n"));
        rig.receive_until("a line", |rig| rig.texts().len() == 1);
        rig.receive_rest();
        assert_eq!(rig.notices(), Vec::<String>::new(), "restart {round}");
    }
    // One that happened meanwhile is told once as well.
    rig.stop();
    rig.lines.clear();
    fs::rename(rig.path("a.log"), rig.path("a.log.2")).expect("rename");
    rig.append("a.log", "after\n");
    for told in [1, 0] {
        rig.start(&["a.log"], false);
        rig.receive_rest();
        assert_eq!(rig.notices().len(), told);
        rig.stop();
        rig.lines.clear();
    }
}

// L6, C50: the header that a program writes into each new log does not make it the old one.
#[test]
fn a_new_log_with_the_header_of_the_old_one_is_read_after_a_restart() {
    let header: String = (0..6).map(|number| format!("# header line {number} {}\n", "-".repeat(60))).collect();
    let mut rig = Rig::new("a.log", |root| append(&root.join("a.log"), ""));
    rig.append("a.log", format!("{header}1\n2\n"));
    rig.receive_until("the first lines", |rig| rig.texts().len() == 8);
    rig.stop();
    rig.lines.clear();
    write_new(&rig.path("a.log"), format!("{header}3\n4 {}\n5\n", "x".repeat(300)));
    rig.start(&["a.log"], false);
    rig.receive_until("the new lines", |rig| rig.texts().iter().any(|text| text == "5"));
    let new: Vec<String> = rig.texts().into_iter().filter(|text| !text.starts_with('#')).collect();
    assert_eq!(new, ["3", &format!("4 {}", "x".repeat(300)), "5"]);
}
