//! What file events are seen in kernels older than that of the machine that builds, and who did it
//! after the process has ended.

use std::path::Path;
use std::sync::Arc;

use hids_tests::require;
use hids_userspace::sensors::files::{MarkChoice, MarkKind};
use hids_userspace::sensors::selftest::{self, Actor, OperationUnderTest, Saw, SelfTest, SelfTestOptions};
use hids_userspace::sensors::{self, SensorsHandle, WhoLookup};

use super::results;

/// This test program as the one that does the operations.
fn actor() -> Actor {
    let arguments = ["--exact", "files::child", "--include-ignored", "--nocapture"];
    Actor { program: "/proc/self/exe".into(), arguments: arguments.map(Into::into).to_vec() }
}

#[test]
#[ignore = "is the child of the other tests"]
fn child() {
    let arguments: Vec<_> = std::env::args_os().collect();
    if let [.., name, directory] = arguments.as_slice()
        && Path::new(directory).is_absolute()
    {
        std::process::exit(i32::from(selftest::act(name, Path::new(directory))));
    }
}

/// The self-test in this kernel; none outside a guest.
fn proven(marks: MarkChoice) -> Option<(SensorsHandle, SelfTest)> {
    if !require::is_required("guest") {
        require::skip("guest", "only in a guest: cargo xtask test vm");
        return None;
    }
    let sensors = sensors::start();
    let who: Arc<dyn WhoLookup> = sensors.who();
    let place = tempfile::tempdir().expect("a directory");
    let directory = place.path().canonicalize().expect("its path");
    let options = SelfTestOptions { directory, actor: actor(), who, marks };
    let proven = selftest::run(&options).expect("a self-test");
    println!("{proven:#?}");
    Some((sensors, proven))
}

fn cell(saw: &Saw) -> &'static str {
    match (saw.tried, saw.what, saw.who) {
        (false, ..) => "not possible here",
        (_, true, true) => "what and who",
        (_, true, false) => "what",
        (_, false, _) => "not seen",
    }
}

#[test]
fn every_operation_is_seen_with_its_process() {
    let Some((_sensors, proven)) = proven(MarkChoice::Best) else { return };
    for tested in &proven.operations {
        let section = format!("fanotify, marks on {}, {}", proven.marks.name(), proven.filesystem);
        results::cell(&section, tested.operation.name(), cell(&tested.saw));
    }
    assert_eq!(proven.marks, MarkKind::Filesystem, "{proven:#?}");
    assert_eq!(proven.unseen().collect::<Vec<_>>(), []);
    assert_eq!(proven.anonymous().collect::<Vec<_>>(), []);
}

#[test]
fn marks_on_directories_see_all_but_writes_through_links_from_outside() {
    let Some((_sensors, proven)) = proven(MarkChoice::Directories) else { return };
    for tested in &proven.operations {
        let section = format!("fanotify, marks on {}, {}", proven.marks.name(), proven.filesystem);
        results::cell(&section, tested.operation.name(), cell(&tested.saw));
    }
    assert_eq!(proven.unseen().collect::<Vec<_>>(), [OperationUnderTest::LinkedWrite]);
}
