//! The lock and the daemon: it stays without one, the next takes it over, `unlock` ends it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crossbeam_channel::bounded;
use hids_core::model::Refusal;
use hids_tests::{Running, wait};
use hids_userspace::sensors::guard::{self, Guard, GuardMode};

use super::attempts::write_to;
use hids_tests::image::Kind;

use super::fixture::{Base, Locked, PINS, is_possible, options};
use crate::results;

/// Tells the second process what to lock.
const TREE: &str = "HIDS_VM_TREE";

#[test]
fn lock_outlives_its_daemon_is_taken_over_without_a_gap_and_ends_with_unlock() {
    if !is_possible() {
        return;
    }
    let base = Base::new(Kind::Tmpfs);
    fs::create_dir(base.tree()).expect("a tree");
    let file = base.tree().join("file");
    fs::write(&file, "content").expect("a file");
    kill_a_daemon(&base.tree(), &file);
    assert!(write_to(&file).is_err(), "locked without a daemon");
    let status = guard::status(Path::new(PINS)).expect("pins").expect("a lock");
    assert_eq!(status.mode, Some(GuardMode::Enforce));
    results::cell("Guard: the lock", "daemon killed", "stays");
    take_over(&base.tree(), &file);
    let pin = status.pins.join("link-file_open");
    assert!(fs::remove_file(&pin).is_err(), "pins are protected themselves");
    guard::set_mode(Path::new(PINS), GuardMode::Monitor).expect("switched");
    write_to(&file).expect("nothing is refused any more");
    guard::set_mode(Path::new(PINS), GuardMode::Enforce).expect("switched");
    assert!(write_to(&file).is_err());
    assert_eq!(guard::unlock(Path::new(PINS)).expect("unlocked"), 1);
    write_to(&file).expect("writable again");
    assert_eq!(guard::status(Path::new(PINS)).expect("no pins"), None);
    results::cell("Guard: the lock", "unlock", "ends it");
}

#[test]
fn directory_that_appears_under_a_wildcard_is_locked_at_the_next_look() {
    if !is_possible() {
        return;
    }
    let base = Base::new(Kind::Tmpfs);
    let place = |name: &str| base.path().join(name);
    let make = |name: &str| {
        fs::create_dir_all(place(name)).expect("a tree");
        fs::write(place(name).join("file"), "content").expect("a file");
    };
    make("a/bin");
    let locked = Locked::new(GuardMode::Enforce, &[place("*/bin")], Vec::new());
    assert!(write_to(&place("a/bin/file")).is_err());
    make("b/new");
    // A further name of a file is as good a way in.
    fs::hard_link(place("b/new/file"), place("outside")).expect("a link");
    fs::rename(place("b/new"), place("b/bin")).expect("renamed");
    for name in ["b/bin/file", "outside"] {
        wait::until("the next look", wait::PATIENCE, || write_to(&place(name)).is_err()).expect(name);
    }
    assert!(
        locked.told(|told| told.refused && told.path == place("b/bin/file").as_os_str().as_encoded_bytes()).is_some()
    );
    fs::write(place("a/file"), "x").expect("beside the tree");
    results::cell("Guard: the lock", "a directory that fits a wildcard later", "locked at the next look");
}

fn kill_a_daemon(tree: &Path, file: &Path) {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", "guard::lock::daemon_of_the_test_above", "--nocapture"]);
    command.env(TREE, tree).stdout(Stdio::null());
    let daemon = Running::start(command).expect("a second process");
    wait::until("the lock", wait::PATIENCE * 4, || write_to(file).is_err()).expect("locked");
    wait::until("its pins", wait::PATIENCE * 4, || {
        guard::status(Path::new(PINS)).is_ok_and(|status| status.is_some_and(|status| status.protected > 3))
    })
    .expect("pinned");
    // Dropping it is SIGKILL.
    drop(daemon);
}

/// While the next daemon starts, somebody tries all the time.
fn take_over(tree: &Path, file: &Path) {
    let (stop, tries) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let attacker = scope.spawn(|| {
            let mut successes = 0;
            while !stop.load(Ordering::Relaxed) {
                successes += u64::from(write_to(file).is_ok());
                tries.fetch_add(1, Ordering::Relaxed);
            }
            successes
        });
        let over = wait::SetOnDrop(&stop);
        let (sender, refusals) = bounded(4096);
        let handle = Guard::start(options(GuardMode::Enforce, vec![tree.to_path_buf()], Vec::new()), sender);
        let handle = handle.expect("the guard starts");
        wait::until("the first look", wait::PATIENCE, || handle.report().looks > 0).expect("a look");
        drop(over);
        assert_eq!(attacker.join().expect("a thread"), 0, "of {} attempts", tries.load(Ordering::Relaxed));
        assert!(handle.report().taken_over);
        // The ring may still hold what nobody read of earlier tests.
        let is_meant = |told: &Refusal| told.refused && told.path == file.as_os_str().as_encoded_bytes();
        let mut others = Vec::new();
        wait::until("the next daemon to tell of the attempts", wait::PATIENCE, || {
            refusals.try_iter().any(|told| {
                is_meant(&told) || {
                    others.push(told);
                    false
                }
            })
        })
        .unwrap_or_else(|error| {
            others.truncate(3);
            panic!("{error:#}; {} attempts; {:?}; others: {others:?}", tries.load(Ordering::Relaxed), handle.report())
        });
    });
    results::cell("Guard: the lock", "taken over by the next daemon", "without a gap");
}

/// Not a test: what the test above starts and kills.
#[test]
fn daemon_of_the_test_above() {
    let Some(tree) = std::env::var_os(TREE).map(PathBuf::from) else { return };
    let (sender, refusals) = bounded(16);
    let _handle = Guard::start(options(GuardMode::Enforce, vec![tree], Vec::new()), sender).expect("the guard starts");
    // Ends when it is killed.
    while refusals.recv().is_ok() {}
}
