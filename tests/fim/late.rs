//! A baseline that cannot be opened at the start: reported, retried, and no change is lost.

use std::fs;
use std::path::Path;

use hids_tests::require;
use rustix::fs::{FlockOperation, flock};

use crate::fixture::{Fim, REALTIME, rule};

const TOLD: &str = "cannot open the file integrity baseline";

/// Makes the baseline unusable, starts the daemon, lets it be used again, and expects what changed meanwhile.
fn late<T>(spoil: impl FnOnce(&Path) -> T, mend: impl FnOnce(&Path, T), reason: &str) {
    let mut fim = Fim::with_files(&[("down", "one"), ("late", "one"), ("after", "one")]);
    fim.daemon.stop();
    let state = fim.daemon.path("state");
    let spoiled = spoil(&state);
    fim.write("down", "two");
    fim.daemon.start();
    let status = fim.daemon.status().expect("the daemon does its other work");
    let problems = status["problems"].to_string();
    assert!(problems.contains("file integrity is not running") && problems.contains(reason), "{problems}");
    assert!(problems.contains("retrying in"), "{problems}");
    let text = fim.answer(&["status"]);
    assert!(text.contains("ERROR") && text.contains(reason), "{text}");
    let refused = fim.hidsctl(&["list"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("file integrity is not running"), "{refused:?}");
    fim.write("late", "two");
    // As an administrator would: the configuration that counts is the one of the moment when it works.
    fim.daemon.hangup();
    assert!(fim.tree_alerts().is_empty(), "{:?}", fim.tree_alerts());
    mend(&state, spoiled);
    let gap = fim.daemon.wait_for_alert(rule::GAP);
    assert_eq!(gap["SyscheckFile"]["cause"], "store-failed", "{gap}");
    fim.calm();
    let alert = fim.alert_after(|fim| fim.write("after", "two"));
    assert_eq!(alert.rule(), rule::CHANGED[0], "{alert:?}");
    let mut told = fim.tree_alerts();
    told.sort();
    assert_eq!(told, ["after", "down", "late"].map(|name| (rule::CHANGED[0], name.to_owned())));
    let messages = fim.daemon.messages();
    assert_eq!(messages.matches(TOLD).count(), 1, "told once:\n{messages}");
    assert!(messages.contains("baseline available: file integrity started"), "{messages}");
    let status = fim.daemon.status().expect("status");
    assert!(status["fim"]["error"].is_null() && !status["problems"].to_string().contains("integrity"), "{status}");
    fim.assert_no_alert_twice();
    fim.daemon.stop();
}

#[test]
fn a_baseline_that_another_process_holds_is_tried_again_until_it_is_free() {
    if !require::root() {
        return;
    }
    let hold = |state: &Path| {
        let file = fs::File::open(state.join("fim.redb")).expect("the baseline");
        flock(&file, FlockOperation::NonBlockingLockExclusive).expect("nobody else has it");
        file
    };
    late(hold, |_, file| drop(file), "is in use by another process");
}

#[test]
fn a_baseline_that_cannot_be_read_is_tried_again_until_it_can() {
    if !require::root() {
        return;
    }
    let aside = |state: &Path| {
        fs::rename(state.join("fim.redb"), state.join("aside")).expect("renamed");
        fs::create_dir(state.join("fim.redb")).expect("a directory in its place");
    };
    let back = |state: &Path, ()| {
        fs::remove_dir(state.join("fim.redb")).expect("removed");
        fs::rename(state.join("aside"), state.join("fim.redb")).expect("renamed");
    };
    late(aside, back, "cannot open the baseline");
}

#[test]
fn a_daemon_whose_baseline_never_works_stops_at_once() {
    if !require::root() {
        return;
    }
    let mut fim = Fim::new(REALTIME);
    fs::create_dir_all(fim.daemon.path("state/fim.redb")).expect("a directory in its place");
    fim.daemon.start();
    assert!(fim.daemon.messages().contains(TOLD), "{}", fim.daemon.messages());
    fim.daemon.stop();
}
