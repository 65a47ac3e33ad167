//! Files that even root cannot read: named, counted once, and not a change.

use std::ffi::OsStr;

use hids_tests::daemon::wait_for;
use hids_tests::require;
use serde_json::Value;

use crate::fixture::{Fim, REALTIME, in_own_mounts, rule, run, shown};

/// Puts a file over `name` that is there and gives an error when it is read: the memory of this process,
/// whose first page is not mapped.
fn make_unreadable(fim: &Fim, name: &str) {
    let memory = format!("/proc/{}/mem", std::process::id());
    run("mount", &["--bind".as_ref(), memory.as_ref(), fim.path(name).as_os_str()]);
}

fn make_readable(fim: &Fim, name: &str) {
    run("umount", &[OsStr::new("--lazy"), fim.path(name).as_os_str()]);
}

fn unreadable(fim: &Fim) -> Option<Vec<String>> {
    let status = fim.status()?;
    let named = status["unreadable_paths"].as_array().cloned().unwrap_or_default();
    assert_eq!(status["unreadable"].as_u64(), Some(named.len() as u64), "{status}");
    Some(named.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

#[test]
fn a_file_that_cannot_be_read_is_named_once_until_it_can_be() {
    let name = "unreadable::a_file_that_cannot_be_read_is_named_once_until_it_can_be";
    if !require::root() || !in_own_mounts(name) {
        return;
    }
    let mut fim = Fim::new(REALTIME);
    for name in ["a", "b", "c"] {
        fim.write(name, "one");
    }
    make_unreadable(&fim, "a");
    make_unreadable(&fim, "b");
    fim.start();
    let paths = |names: &[&str]| -> Vec<String> { names.iter().map(|name| shown(&fim.path(name))).collect() };
    let (both, only_b) = (paths(&["a", "b"]), paths(&["b"]));
    assert_eq!(unreadable(&fim), Some(both.clone()));
    let text = fim.answer(&["status"]);
    assert!(text.contains("unreadable files") && both.iter().all(|path| text.contains(path)), "{text}");
    for _ in 0..3 {
        fim.answer(&["scan", "--full"]);
    }
    assert_eq!(unreadable(&fim), Some(both), "files are counted, not looks");
    assert_eq!(fim.tree_alerts(), [], "that it cannot be read is no change");
    assert_eq!(fim.daemon.messages().matches("cannot read a watched file").count(), 1);
    make_readable(&fim, "a");
    fim.answer(&["scan", "--full"]);
    wait_for("only one that cannot be read", || (unreadable(&fim)? == only_b).then_some(()));
    // What is there now is another file than the one that could not be read.
    let alert = fim.alert_after(|fim| fim.write("c", "two"));
    assert_eq!(alert.rule(), rule::CHANGED[0]);
    make_readable(&fim, "b");
    fim.answer(&["scan", "--full"]);
    wait_for("none", || unreadable(&fim)?.is_empty().then_some(()));
    assert!(!fim.answer(&["status"]).contains("unreadable"));
}
