//! Directories that are removed before their path is asked for (B1).

use std::fs;
use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use hids_core::model::Operations;

use super::event::Event;
use super::parse::Place;
use super::*;
use crate::sys::fanotify::handle_of;

/// Removals to be seen: every thousandth one or so is met while it goes on.
const ENOUGH: u64 = 10_000;

/// Makes and removes trees in `place`, as builds and package managers do, until `done`.
fn churn(place: &Path, done: &AtomicBool) {
    let trees = (0_u64..).map(|number| place.join(format!("tree-{number}")));
    for tree in trees.take_while(|_| !done.load(Ordering::Relaxed)) {
        fs::create_dir_all(tree.join("a/b/c")).unwrap();
        for name in ["a/1", "a/b/2", "a/b/c/3"] {
            fs::write(tree.join(name), "x").unwrap();
        }
        fs::remove_dir_all(&tree).unwrap();
    }
}

// B1: for directories that are being removed `open_by_handle_at` may fail with ENOMEM.
#[test]
fn trees_that_come_and_go_elsewhere_on_the_filesystem_are_no_gap() {
    with_place(|place| {
        let (watched, elsewhere) = (place.join("watched"), place.join("elsewhere"));
        fs::create_dir_all(&watched).unwrap();
        fs::create_dir_all(&elsewhere).unwrap();
        let mut bench = Bench::watch(&[&watched], MarkChoice::Best);
        let done = AtomicBool::new(false);
        let mut seen = Seen::default();
        std::thread::scope(|scope| {
            scope.spawn(|| churn(&elsewhere, &done));
            let deadline = Instant::now() + hids_tests::wait::scaled(Duration::from_secs(120));
            while bench.sensor.report().already_deleted < ENOUGH && Instant::now() < deadline {
                seen.gaps.extend(bench.seen().gaps);
            }
            done.store(true, Ordering::Relaxed);
        });
        let report = bench.sensor.report();
        // A queue that overflowed on a busy machine is a loss indeed.
        seen.gaps.retain(|(_, cause)| *cause != GapCause::QueueOverflow);
        assert_eq!((seen.gaps, report.unresolved), (vec![], 0));
        assert!(report.already_deleted >= ENOUGH, "only {} removals were seen", report.already_deleted);
        fs::write(watched.join("file"), "x").unwrap();
        bench.seen().has(watched.join("file"), Operation::Create);
    });
}

#[test]
fn what_can_be_resolved_later_is_reported_then_and_what_never_can_is_a_gap() {
    on_tmpfs(|base| {
        let tree = base.join("tree");
        fs::create_dir_all(&tree).unwrap();
        let mut bench = Bench::watch(&[&tree], MarkChoice::Best);
        let device = bench.sensor.watched.filesystems[0].planned.device;
        let event = Event {
            is_directory: false,
            is_about_names: true,
            pid: 7,
            operations: Operations::NONE.with(Operation::Create),
        };
        let handle = handle_of(fs::File::open(&tree).unwrap().as_fd()).unwrap();
        let waits = bench.sensor.retries.add_place(device, &Place { directory: &handle, name: b"file" }, event);
        assert!(waits.is_ok());
        let seen = bench.seen();
        seen.has(tree.join("file"), Operation::Create);
        assert_eq!(seen.gaps, []);
        // A handle of a wrong length never leads anywhere, which proves no removal.
        let waits = bench.sensor.retries.add_place(device, &Place { directory: &handle[1..], name: b"file" }, event);
        assert!(waits.is_ok());
        assert_eq!(bench.seen().gaps, [(tree.as_os_str().as_bytes().to_vec(), GapCause::Unresolved)]);
        assert_eq!(bench.sensor.report().unresolved, 1);
    });
}
