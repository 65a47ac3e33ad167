//! What happened while the daemon was down is told at the next start.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use hids_tests::require;

use crate::fixture::{Fim, REALTIME, rule, set_modified};

#[test]
fn every_change_made_while_it_was_down_is_alerted_once_before_it_is_ready() {
    if !require::root() {
        return;
    }
    let names = ["content", "mode", "gone", "moved/one", "moved/two", "back-dated", "untouched"];
    let files: Vec<(&str, &str)> = names.iter().map(|name| (*name, "some text")).collect();
    let mut fim = Fim::with_files(&files);
    for round in 0..2 {
        if round == 0 {
            fim.daemon.kill();
        } else {
            fim.daemon.stop();
        }
        change_everything(&fim, round);
        let before = fim.tree_alerts().len();
        // The one before may have been killed before it said so.
        let ready = times_ready(&fim);
        fim.daemon.spawn();
        hids_tests::daemon::wait_for("hidsd to be ready", || (times_ready(&fim) > ready).then_some(()));
        let at_ready: Vec<_> = fim.tree_alerts().split_off(before);
        let told: BTreeSet<_> = at_ready.iter().cloned().collect();
        assert_eq!(told, wanted(round), "at READY");
        assert_eq!(at_ready.len(), told.len(), "twice: {at_ready:?}");
        fim.calm();
        fim.fence();
        assert_eq!(fim.tree_alerts().len() - before, told.len(), "more came later: {:?}", fim.tree_alerts());
    }
    fim.assert_no_alert_twice();
}

/// How often a daemon has said that it is ready.
fn times_ready(fim: &Fim) -> usize {
    fim.daemon.messages().matches("hidsd is ready").count()
}

fn change_everything(fim: &Fim, round: usize) {
    fim.write("content", &format!("other text {round}"));
    let mode = if round == 0 { 0o600 } else { 0o640 };
    fs::set_permissions(fim.path("mode"), fs::Permissions::from_mode(mode)).expect("chmod");
    if round == 0 {
        fs::remove_file(fim.path("gone")).expect("unlink");
        fs::rename(fim.path("moved"), fim.path("moved-away")).expect("rename");
    } else {
        fim.write("gone", "it is back");
        fs::rename(fim.path("moved-away"), fim.path("moved")).expect("rename");
    }
    fim.write(&format!("new{round}"), "new");
    // Same size, and a time of long ago: only the time of the change, which the kernel sets, tells.
    fim.write("back-dated", if round == 0 { "evil text" } else { "bad. text" });
    set_modified(&fim.path("back-dated"), Duration::from_secs(86_400 * 30));
}

fn wanted(round: usize) -> BTreeSet<(u64, String)> {
    let changed = rule::CHANGED[round];
    let (away, here) = if round == 0 { ("moved", "moved-away") } else { ("moved-away", "moved") };
    let mut all = vec![
        (changed, "content".to_owned()),
        (changed, "mode".to_owned()),
        (changed, "back-dated".to_owned()),
        (rule::ADDED, format!("new{round}")),
        (if round == 0 { rule::DELETED } else { rule::ADDED }, "gone".to_owned()),
    ];
    for file in ["one", "two"] {
        all.push((rule::DELETED, format!("{away}/{file}")));
        all.push((rule::ADDED, format!("{here}/{file}")));
    }
    all.into_iter().collect()
}

#[test]
fn trees_without_realtime_are_compared_at_the_start_as_well() {
    if !require::root() {
        return;
    }
    let mut fim = Fim::started(&REALTIME.replace(" realtime=\"yes\"", ""), &[("a", "one")]);
    fim.daemon.stop();
    fim.write("a", "two");
    fim.start();
    hids_tests::daemon::wait_for("the alert", || {
        (fim.tree_alerts() == [(rule::CHANGED[0], "a".to_owned())]).then_some(())
    });
}
