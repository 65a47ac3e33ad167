//! One behaviour each.

use std::os::unix::fs::symlink;

use super::*;
use crate::collect::SourceState;

#[test]
fn a_file_that_exists_at_the_first_start_is_read_from_its_end() {
    let mut rig = Rig::new("a.log", |root| append(&root.join("a.log"), "old 1\nold 2\n"));
    rig.append("a.log", "new\n");
    rig.expect(&["new"]);
}

#[test]
fn an_unfinished_line_at_the_first_start_is_handed_on_whole() {
    let mut rig = Rig::new("a.log", |root| append(&root.join("a.log"), "old\nbegun"));
    rig.append("a.log", " and ended\n");
    rig.expect(&["begun and ended"]);
}

#[test]
fn a_file_that_appears_later_is_read_from_its_first_byte() {
    let mut rig = Rig::new("deep/er/a.log", |_| {});
    fs::create_dir_all(rig.path("deep/er")).expect("directory");
    rig.append("deep/er/a.log", "first\n");
    rig.expect(&["first"]);
}

#[test]
fn a_wildcard_finds_new_files_and_new_directories() {
    let mut rig = Rig::new("*/x*_log", |root| fs::create_dir(root.join("one")).expect("directory"));
    rig.append("one/x_log", "a\n");
    rig.expect(&["a"]);
    fs::create_dir(rig.path("two")).expect("directory");
    rig.append("two/xy_log", "b\n");
    rig.append("two/other", "no\n");
    rig.expect(&["b"]);
}

#[test]
fn a_partial_line_waits_for_its_end() {
    let mut rig = Rig::new("a.log", |root| append(&root.join("a.log"), ""));
    rig.append("a.log", "half");
    rig.expect(&[]);
    rig.append("a.log", " whole\nnext\n");
    rig.expect(&["half whole", "next"]);
}

#[test]
fn bytes_pass_through_and_dos_line_ends_go() {
    let mut rig = Rig::new("a.log", |root| append(&root.join("a.log"), ""));
    rig.append("a.log", b"\0\xff\x1b[2J\r\n\xc3\x28\n");
    rig.receive_until("two lines", |rig| rig.lines.len() == 2);
    assert_eq!(rig.lines[0].1, b"\0\xff\x1b[2J");
    assert_eq!(rig.lines[1].1, b"\xc3\x28");
}

#[test]
fn a_line_of_a_mebibyte_is_cut_and_counted_and_the_next_is_whole() {
    let mut rig = Rig::new("a.log", |root| append(&root.join("a.log"), ""));
    rig.append("a.log", [&vec![b'x'; 1 << 20][..], b"\nnext\n"].concat());
    rig.receive_until("two lines", |rig| rig.lines.len() == 2);
    assert_eq!(rig.lines[0].1.len(), 64 * 1024);
    assert_eq!(rig.lines[1].1, b"next");
    let collector = rig.collector.as_ref().expect("runs");
    assert_eq!(collector.counters().cut_lines.load(std::sync::atomic::Ordering::Relaxed), 1);
    assert_eq!(collector.report().sources[0].cut_lines, 1);
}

#[test]
fn rotation_by_rename_finishes_the_old_file_first_and_says_so() {
    let mut rig = Rig::new("a.log", |root| append(&root.join("a.log"), ""));
    let mut old = OpenOptions::new().append(true).open(rig.path("a.log")).expect("open");
    old.write_all(b"1\n").expect("write");
    fs::rename(rig.path("a.log"), rig.path("a.log.1")).expect("rename");
    old.write_all(b"2\n").expect("write");
    rig.append("a.log", "3\n");
    rig.receive_until("three lines", |rig| rig.texts().len() == 3);
    assert_eq!(rig.texts(), ["1", "2", "3"]);
    rig.receive_rest();
    let path = rig.path("a.log");
    assert_eq!(rig.notices(), [format!("ossec: File rotated (inode changed): '{}'.", path.display())]);
    rig.lines.clear();
    // A server goes on writing to the old file until it is told.
    old.write_all(b"late\n").expect("write");
    rig.expect(&["late"]);
}

#[test]
fn the_new_file_waits_for_the_backlog_of_the_old_one() {
    let mut rig = Rig::new("a.log", |root| append(&root.join("a.log"), ""));
    let text: String = (0..100_000).map(|number| format!("{number:060}\n")).collect();
    rig.append("a.log", text);
    fs::rename(rig.path("a.log"), rig.path("a.log.1")).expect("rename");
    rig.append("a.log", "new\n");
    rig.receive_until("all lines", |rig| rig.lines.len() >= 100_002);
    let at = rig.texts().iter().position(|text| text == "new");
    assert_eq!(at, Some(100_000));
}

#[test]
fn the_last_line_of_a_rotated_file_needs_no_newline() {
    let mut rig = Rig::new("a.log", |root| append(&root.join("a.log"), ""));
    rig.append("a.log", "1\nlast words");
    fs::rename(rig.path("a.log"), rig.path("a.log.1")).expect("rename");
    rig.expect(&["1", "last words"]);
}

#[test]
fn a_file_rotated_twice_before_anybody_looks_is_read() {
    let mut rig = Rig::new("a.log", |root| append(&root.join("a.log"), ""));
    for round in 0..20 {
        rig.append("a.log", format!("{round}\n"));
        for number in (1..20).rev() {
            let _ = fs::rename(rig.path(&format!("a.log.{number}")), rig.path(&format!("a.log.{}", number + 1)));
        }
        fs::rename(rig.path("a.log"), rig.path("a.log.1")).expect("rename");
    }
    rig.receive_until("all lines", |rig| rig.texts().len() >= 20);
    rig.receive_rest();
    let mut numbers: Vec<u32> = rig.texts().iter().map(|text| text.parse().expect("number")).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..20).collect::<Vec<_>>());
}

#[test]
fn copytruncate_is_noticed_even_when_the_file_has_grown_again() {
    let mut rig = Rig::new("a.log*", |root| append(&root.join("a.log"), ""));
    rig.append("a.log", "1 some line\n2 some line\n");
    rig.expect(&["1 some line", "2 some line"]);
    fs::copy(rig.path("a.log"), rig.path("a.log.1")).expect("copy");
    write_new(&rig.path("a.log"), "3 a line that is longer than\n4 all that was there before together\n");
    rig.receive_until("two lines", |rig| rig.texts().len() == 2);
    rig.receive_rest();
    assert_eq!(rig.texts(), ["3 a line that is longer than", "4 all that was there before together"]);
    let path = rig.path("a.log");
    assert_eq!(rig.notices(), [format!("ossec: File size reduced (inode remained): '{}'.", path.display())]);
}

#[test]
fn an_edited_log_does_not_make_old_lines_count_again() {
    let old: String = (0..40).map(|number| format!("{number:03} an old line of the log\n")).collect();
    let mut rig = Rig::new("a.log", |root| append(&root.join("a.log"), ""));
    rig.append("a.log", &old);
    rig.receive_until("old lines", |rig| rig.texts().len() == 40);
    rig.lines.clear();
    let edited = old.replace("020 an old line of the log\n", "");
    // As `sed -i` does, with a line that came meanwhile.
    write_new(&rig.path("sedXYZ"), format!("{edited}new\n"));
    fs::rename(rig.path("sedXYZ"), rig.path("a.log")).expect("rename");
    rig.expect(&["new"]);
}

#[test]
fn a_deleted_file_is_read_to_its_end_and_its_successor_from_the_beginning() {
    let mut rig = Rig::new("a.log", |root| append(&root.join("a.log"), ""));
    let mut old = OpenOptions::new().append(true).open(rig.path("a.log")).expect("open");
    old.write_all(b"1\n").expect("write");
    rig.receive_until("a line", |rig| rig.texts().len() == 1);
    old.write_all(b"2\n").expect("write");
    fs::remove_file(rig.path("a.log")).expect("remove");
    old.write_all(b"3\n").expect("write");
    rig.append("a.log", "4\n");
    rig.expect(&["1", "2", "3", "4"]);
}

#[test]
fn a_symbolic_link_is_followed_when_it_is_switched() {
    let mut rig = Rig::new("link.log", |root| {
        fs::create_dir(root.join("data")).expect("directory");
        append(&root.join("data/one"), "");
        symlink("data/one", root.join("link.log")).expect("link");
    });
    rig.append("data/one", "1\n");
    rig.expect(&["1"]);
    append(&rig.path("data/two"), "2\n");
    symlink("data/two", rig.path("new")).expect("link");
    fs::rename(rig.path("new"), rig.path("link.log")).expect("rename");
    rig.expect(&["2"]);
    // The target itself is rotated: nothing happens in the directory of the link.
    fs::rename(rig.path("data/two"), rig.path("data/two.1")).expect("rename");
    rig.append("data/two", "3\n");
    rig.expect(&["3"]);
}

#[test]
fn a_directory_may_vanish_and_come_back() {
    let mut rig = Rig::new("logs/a.log", |root| {
        fs::create_dir(root.join("logs")).expect("directory");
        append(&root.join("logs/a.log"), "");
    });
    rig.append("logs/a.log", "1\n");
    rig.expect(&["1"]);
    fs::remove_dir_all(rig.path("logs")).expect("remove");
    rig.receive_rest();
    fs::create_dir(rig.path("logs")).expect("directory");
    rig.append("logs/a.log", "2\n");
    rig.expect(&["2"]);
    fs::rename(rig.path("logs"), rig.path("logs.old")).expect("rename");
    fs::create_dir(rig.path("logs")).expect("directory");
    rig.append("logs/a.log", "3\n");
    rig.expect(&["3"]);
}

#[test]
fn a_path_that_is_no_file_is_reported_and_read_once_it_is_one() {
    let mut rig = Rig::new("a.log", |root| fs::create_dir(root.join("a.log")).expect("directory"));
    let report = rig.collector.as_ref().expect("runs").report();
    assert_eq!(report.sources[0].state, SourceState::Unreadable("not a file or named pipe".into()));
    fs::remove_dir(rig.path("a.log")).expect("remove");
    rig.append("a.log", "1\n");
    rig.expect(&["1"]);
    assert_eq!(rig.collector.as_ref().expect("runs").report().sources[0].state, SourceState::Reading);
}

#[test]
fn the_same_file_under_two_names_is_read_once() {
    let mut rig = Rig::new("*.log", |root| {
        append(&root.join("a.log"), "");
        fs::hard_link(root.join("a.log"), root.join("b.log")).expect("link");
    });
    rig.append("a.log", "1\n");
    rig.expect(&["1"]);
}

#[test]
fn a_named_pipe_is_read_while_writers_come_and_go() {
    let mut rig = Rig::new("pipe", |root| {
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, root.join("pipe"), rustix::fs::FileType::Fifo, mode, 0).expect("fifo");
    });
    for text in ["1\n2\nha", "lf\n"] {
        let mut writer = OpenOptions::new().write(true).open(rig.path("pipe")).expect("open");
        writer.write_all(text.as_bytes()).expect("write");
    }
    rig.expect(&["1", "2", "half"]);
}

#[test]
fn a_big_file_does_not_starve_a_small_one() {
    let mut rig = Rig::new("*.log", |root| {
        append(&root.join("big.log"), "");
        append(&root.join("small.log"), "");
    });
    let big: Vec<u8> = b"0123456789012345678901234567890123456789012345678901234567890123456789\n".repeat(1_000_000);
    rig.append("big.log", big);
    rig.append("small.log", "here\n");
    rig.receive_until("the small file's line", |rig| rig.lines.last().is_some_and(|(_, line)| line == b"here"));
    assert!(rig.lines.len() < 500_000, "after {} lines", rig.lines.len());
}

#[test]
fn reload_adds_and_removes_files_and_keeps_the_others_where_they_are() {
    let mut rig = Rig::new("a.log", |root| {
        append(&root.join("a.log"), "");
        append(&root.join("b.log"), "old\n");
    });
    rig.append("a.log", "1\n");
    rig.expect(&["1"]);
    let sources = vec![source(&rig.path("a.log")), source(&rig.path("b.log"))];
    let _ = rig.collector.as_mut().expect("runs").reload(sources).recv();
    let key = format!("file:{}", rig.path("b.log").display());
    rig.receive_until("position of b.log", |rig| rig.committed.contains_key(&key));
    rig.append("a.log", "2\n");
    rig.append("b.log", "3\n");
    rig.receive_until("two lines", |rig| rig.texts().len() == 2);
    let sources = vec![source(&rig.path("b.log"))];
    let _ = rig.collector.as_mut().expect("runs").reload(sources).recv();
    rig.receive_rest();
    rig.lines.clear();
    rig.append("a.log", "4\n");
    rig.append("b.log", "5\n");
    rig.expect(&["5"]);
    assert_eq!(rig.collector.as_ref().expect("runs").report().sources.len(), 1);
}

#[test]
fn time_parts_of_a_location_are_replaced() {
    let today = jiff::Zoned::now().strftime("%Y-%m-%d").to_string();
    let mut rig = Rig::new("a-%Y-%m-%d.log", |_| {});
    rig.append(&format!("a-{today}.log"), "1\n");
    rig.expect(&["1"]);
}
