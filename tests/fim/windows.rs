//! Change windows and maintenance mode: announced changes are summarised, all others alert.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use hids_tests::daemon::wait_for;
use hids_tests::{programs, require};
use serde_json::Value;

use crate::fixture::{Fim, REALTIME, rule};

const OPENED: u64 = 99_120;
const CLOSED: u64 = 99_121;
const MAINTENANCE_ON: u64 = 99_122;
const MAINTENANCE_OFF: u64 = 99_123;

/// Whether the kernel says who changes files; windows cover nothing without.
fn knows_who(fim: &Fim) -> bool {
    let status = fim.daemon.status().expect("a status").to_string();
    let knows = status.contains("every process is tracked");
    if !knows {
        require::skip("bpf", "no who-data");
    }
    knows
}

/// `hidsctl` with the options of this daemon, for a shell.
fn hidsctl(fim: &Fim) -> String {
    let (program, place) = (programs::hidsctl(), fim.daemon.path(""));
    format!("{} --root {1} --config {1}/ossec.conf", program.display(), place.display())
}

/// A shell that opens a window for its own process tree; `script` has `$HIDSCTL` and `$TREE`.
fn shell(hidsctl: &str, tree: &Path, script: &str) {
    let script = format!("set -e\n{script}\n:");
    let mut command = Command::new("sh");
    command.args(["-c", &script]).env("HIDSCTL", hidsctl).env("TREE", tree).stdin(Stdio::null());
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{output:?}");
}

/// A change by a process that has nothing to do with the shell's tree.
fn foreign(path: &Path) {
    fs::write(path, "foreign").expect("a file");
}

fn windows(fim: &Fim) -> Vec<Value> {
    fim.status().and_then(|status| status["windows"].as_array().cloned()).unwrap_or_default()
}

#[test]
fn what_was_announced_is_one_summary_and_a_foreign_change_inside_alerts() {
    if !require::root() {
        return;
    }
    let mut fim = Fim::with_files(&[("conf/a", "one"), ("conf/b", "one"), ("conf/foreign", "one"), ("other", "one")]);
    if !knows_who(&fim) {
        return;
    }
    let ready = fim.outside("ready");
    let (foreigner, path) = (fim.path("conf/foreign"), fim.path("conf/both"));
    fs::write(&path, "one").expect("a file");
    fim.fence();
    let before = fim.tree_alerts().len();
    let (hidsctl, tree) = (hidsctl(&fim), fim.path(""));
    std::thread::scope(|scope| {
        let ready = &ready;
        scope.spawn(move || {
            let script = format!(
                "$HIDSCTL fim window open --pid $$ --for 10m --reason 'a test' --path $TREE/conf\n: > {0}\n\
                 while [ -e {0} ]; do sleep 0.05; done\n\
                 echo two > $TREE/conf/a\nrm $TREE/conf/b\n(echo new > $TREE/conf/new)\necho two > $TREE/other\n\
                 $HIDSCTL fim window close",
                ready.display()
            );
            shell(&hidsctl, &tree, &script);
        });
        wait_for("the window", || ready.exists().then_some(()));
        foreign(&foreigner);
        fs::remove_file(ready).expect("removed");
    });
    fim.fence();
    let mut alerts = fim.tree_alerts().split_off(before);
    alerts.sort();
    assert_eq!(alerts, [(rule::CHANGED[0], "conf/foreign".to_owned()), (rule::CHANGED[0], "other".to_owned())]);
    let opened = fim.daemon.wait_for_alert(OPENED);
    assert!(
        opened["SyscheckFile"]["who"]["pid"].is_u64() && opened["full_log"].to_string().contains("a test"),
        "{opened}"
    );
    let closed = fim.daemon.wait_for_alert(CLOSED);
    assert_eq!(
        (closed["SyscheckFile"]["files"].as_u64(), closed["rule"]["level"].as_u64()),
        (Some(3), Some(3)),
        "{closed}"
    );
    // Accepted: only the other two are differences, and the history has what was done.
    let tree = fim.path("conf").to_string_lossy().into_owned();
    let listed = String::from_utf8(fim.hidsctl(&["diff", &tree, "--json"]).stdout).expect("text");
    assert!(listed.lines().count() == 2 && listed.contains("foreign") && listed.contains("both"), "{listed}");
    assert!(fim.answer(&["why", &fim.path("conf/a").to_string_lossy()]).contains("not alerted"));
    assert!(windows(&fim).is_empty());
    assert_eq!(fim.hidsctl(&["window", "close"]).status.code(), Some(1));
}

#[test]
fn a_window_outlives_a_killed_daemon_and_gets_no_longer() {
    if !require::root() {
        return;
    }
    let mut fim = Fim::with_files(&[("a", "one"), ("b", "one"), ("c", "one")]);
    if !knows_who(&fim) {
        return;
    }
    let pid = std::process::id().to_string();
    fim.answer(&["window", "open", "--pid", &pid, "--for", "10m"]);
    fs::write(fim.path("a"), "two").expect("a file");
    wait_for("the change", || (windows(&fim).first()?["changes"] == 1).then_some(()));
    let ends = windows(&fim)[0]["ends"].clone();
    fim.daemon.kill();
    // By whom this was done no one can know.
    fs::write(fim.path("b"), "two").expect("a file");
    fim.daemon.start();
    let after = windows(&fim);
    assert!(after.len() == 1 && after[0]["ends"] == ends && after[0]["changes"] == 1, "{after:?}");
    fs::write(fim.path("c"), "two").expect("a file");
    wait_for("the change after the restart", || (windows(&fim).first()?["changes"] == 2).then_some(()));
    fim.answer(&["window", "close"]);
    let closed = fim.daemon.wait_for_alert(CLOSED);
    assert_eq!(closed["SyscheckFile"]["files"], 2, "{closed}");
    fim.fence();
    assert_eq!(fim.tree_alerts(), [(rule::CHANGED[0], "b".to_owned())]);
}

#[test]
fn a_window_ends_by_itself_and_what_follows_alerts() {
    if !require::root() {
        return;
    }
    let mut fim = Fim::with_files(&[("a", "one"), ("b", "one")]);
    let pid = std::process::id().to_string();
    fim.answer(&["window", "open", "--pid", &pid, "--for", "1s"]);
    let closed = fim.daemon.wait_for_alert(CLOSED);
    assert_eq!(closed["SyscheckFile"]["cause"], "expired", "{closed}");
    assert_eq!(fim.alert_after(|fim| fim.write("a", "two")).rule(), rule::CHANGED[0]);
    for wrong in ["0s", "25h", "soon"] {
        assert_eq!(fim.hidsctl(&["window", "open", "--for", wrong]).status.code(), Some(2), "{wrong}");
    }
    // Its process ends, and there is no session: no one else can belong to it.
    let mut child = Command::new("sleep").arg("600").spawn().expect("it starts");
    fim.answer(&["window", "open", "--pid", &child.id().to_string()]);
    let has_session = !windows(&fim)[0]["members"].to_string().contains("session");
    child.kill().and_then(|()| child.wait().map(drop)).expect("it ends");
    if has_session {
        wait_for("the end", || windows(&fim).is_empty().then_some(()));
    }
}

#[test]
fn maintenance_accepts_everything_until_it_ends_and_status_says_so() {
    if !require::root() {
        return;
    }
    let slow = REALTIME.replace(" realtime=\"yes\"", "");
    let mut fim = Fim::started(&slow, &[("a", "one"), ("b", "one"), ("c", "one")]);
    fim.answer(&["maintenance", "on", "--reason", "the disks move"]);
    fim.daemon.wait_for_alert(MAINTENANCE_ON);
    let problems = fim.daemon.status().expect("a status")["problems"].to_string();
    assert!(problems.contains("maintenance mode since") && problems.contains("fim maintenance end"), "{problems}");
    foreign(&fim.path("a"));
    fim.daemon.kill();
    foreign(&fim.path("b"));
    fim.start();
    fim.answer(&["maintenance", "end"]);
    let off = fim.daemon.wait_for_alert(MAINTENANCE_OFF);
    assert_eq!(
        (off["SyscheckFile"]["cause"].as_str(), off["SyscheckFile"]["files"].as_u64()),
        (Some("scanned"), Some(2))
    );
    assert!(!fim.daemon.status().expect("a status")["problems"].to_string().contains("maintenance"));
    fim.fence();
    assert_eq!(fim.tree_alerts(), []);
    foreign(&fim.path("c"));
    fim.answer(&["scan"]);
    fim.fence();
    assert_eq!(fim.tree_alerts(), [(rule::CHANGED[0], "c".to_owned())]);
}
