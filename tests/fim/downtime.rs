//! Changes made while the daemon was down are reported at the next start.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use hids_tests::require;
use rustix::fs::{FlockOperation, flock};

use crate::fixture::{Fim, REALTIME, rule, set_modified};

#[test]
fn every_change_made_while_it_was_down_is_alerted_once_before_it_says_so() {
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
        fim.daemon.spawn();
        // O-B7: it is ready earlier, and says when it has found them.
        let is_caught_up = |status: serde_json::Value| (status["fim"]["caught_up"] == true).then_some(());
        hids_tests::daemon::wait_for("the comparison", || fim.daemon.status().and_then(is_caught_up));
        let at_ready: Vec<_> = fim.tree_alerts().split_off(before);
        let told: BTreeSet<_> = at_ready.iter().cloned().collect();
        assert_eq!(told, wanted(round), "once it says that it has caught up");
        assert_eq!(at_ready.len(), told.len(), "twice: {at_ready:?}");
        fim.calm();
        fim.fence();
        assert_eq!(fim.tree_alerts().len() - before, told.len(), "more came later: {:?}", fim.tree_alerts());
    }
    fim.assert_no_alert_twice();
}

// O-B7: the network waits for READY at boot, and files may be many.
#[test]
fn it_is_ready_before_files_have_been_compared_and_loses_nothing_by_it() {
    if !require::root() {
        return;
    }
    let place = tempfile::tempdir().expect("a directory");
    let path = place.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket.set_read_timeout(Some(hids_tests::daemon::PATIENCE)).expect("a time-out");
    let said = || {
        let mut text = [0; 256];
        let length = socket.recv(&mut text).expect("the daemon says something");
        String::from_utf8_lossy(&text[..length]).into_owned()
    };
    let mut fim = Fim::with_files(&[("down", "one"), ("held", "one")]);
    fim.daemon.stop();
    fim.write("down", "two");
    // Its baseline is waited for, as a large one or a slow disk would be.
    let baseline = fs::File::open(fim.daemon.path("state/fim.redb")).expect("the baseline");
    flock(&baseline, FlockOperation::NonBlockingLockExclusive).expect("nobody else has it");
    fim.daemon.notify(&path);
    fim.daemon.spawn();
    assert_eq!(said(), "READY=1");
    let status = fim.daemon.status().expect("ready, and does not answer");
    assert_eq!(status["fim"]["caught_up"], false, "{status}");
    assert_eq!(said(), "STATUS=monitoring; comparing files with the baseline");
    fim.write("held", "two");
    drop(baseline);
    assert_eq!(said(), "STATUS=watching");
    fim.calm();
    fim.fence();
    let mut told = fim.tree_alerts();
    told.sort();
    assert_eq!(told, ["down", "held"].map(|name| (rule::CHANGED[0], name.to_owned())));
    fim.daemon.stop();
    assert_eq!(said(), "STOPPING=1");
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
