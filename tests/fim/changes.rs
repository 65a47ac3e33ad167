//! One change, one alert.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

use hids_tests::daemon::append;
use hids_tests::require;

use crate::fixture::{Fim, REALTIME, rule, shown};

/// SHA-256 of `one`, by `printf one | sha256sum`.
const SHA256_ONE: &str = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed";
/// SHA-256 of `two`.
const SHA256_TWO: &str = "3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3";

#[test]
fn the_first_scan_is_silent_and_the_next_change_is_told_with_old_and_new_and_who() {
    if !require::root() {
        return;
    }
    let mut fim = Fim::with_files(&[("a", "one"), ("sub/b", "two")]);
    assert_eq!(fim.alerts().len(), 0, "the first scan: {:?}", fim.alerts());
    let alert = fim.alert_after(|fim| fim.write("a", "two"));
    assert_eq!((alert.rule(), alert.path()), (rule::CHANGED[0], shown(&fim.path("a")).as_str()));
    assert_eq!((alert.text("sha256_before"), alert.text("sha256_after")), (SHA256_ONE, SHA256_TWO));
    assert_eq!((alert.text("event"), alert.number("changes")), ("modified", Some(1)));
    assert_eq!(alert.pid(), Some(std::process::id().into()), "{alert:?}");
    let own = std::env::current_exe().and_then(fs::canonicalize).expect("the path of the tests");
    assert_eq!(alert.0["SyscheckFile"]["who"]["executable"].as_str(), own.to_str());
}

#[test]
fn the_second_and_third_change_have_rules_of_their_own() {
    if !require::root() {
        return;
    }
    let mut fim = Fim::with_files(&[("a", "one")]);
    for (count, rule) in
        [rule::CHANGED[0], rule::CHANGED[1], rule::CHANGED[2], rule::CHANGED[2]].into_iter().enumerate()
    {
        let alert = fim.alert_after(|fim| fim.write("a", &format!("change {count}")));
        assert_eq!(alert.rule(), rule, "change {count}");
    }
}

#[test]
fn each_kind_of_change_of_a_file_is_one_alert() {
    if !require::root() {
        return;
    }
    let files = ["mode", "owner", "attribute", "append", "truncate", "same-size"];
    let files: Vec<(&str, &str)> = files.iter().map(|name| (*name, "some text")).collect();
    let mut fim = Fim::with_files(&files);
    let mut check = |name: &'static str, key: &str, change: &dyn Fn(&std::path::Path)| {
        let alert = fim.alert_after(|fim| change(&fim.path(name)));
        assert_eq!((alert.rule(), alert.path()), (rule::CHANGED[0], shown(&fim.path(name)).as_str()), "{alert:?}");
        assert!(!alert.0["SyscheckFile"][format!("{key}_after")].is_null(), "{name}: no {key} in {alert:?}");
    };
    check("mode", "perm", &|path| fs::set_permissions(path, fs::Permissions::from_mode(0o4755)).expect("chmod"));
    check("owner", "owner", &|path| chown(path, Some(1), Some(1)).expect("chown"));
    check("attribute", "xattrs", &|path| {
        rustix::fs::setxattr(path, "user.note", b"evil", rustix::fs::XattrFlags::empty()).expect("setxattr");
    });
    check("append", "size", &|path| append(path, b" and more"));
    check("truncate", "size", &|path| {
        fs::File::options().write(true).open(path).and_then(|file| file.set_len(3)).expect("truncate");
    });
    check("same-size", "md5", &|path| fs::write(path, "same size").expect("write"));
}

#[test]
fn names_that_come_and_go_are_told_as_new_and_deleted() {
    if !require::root() {
        return;
    }
    let mut fim =
        Fim::with_files(&[("over", "one"), ("out", "one"), ("gone", "one"), ("back", "one"), ("keep", "one")]);
    fs::write(fim.outside("in"), "two").expect("a file");
    fs::write(fim.outside("replacement"), "two").expect("a file");
    let mut check = |name: &str, rule: u64, change: &dyn Fn(&Fim)| {
        let alert = fim.alert_after(change);
        assert_eq!((alert.rule(), alert.path()), (rule, shown(&fim.path(name)).as_str()), "{alert:?}");
        assert_eq!(alert.pid(), Some(std::process::id().into()), "{alert:?}");
    };
    let rename = |from: std::path::PathBuf, to: std::path::PathBuf| fs::rename(from, to).expect("rename");
    check("over", rule::CHANGED[0], &|fim| rename(fim.outside("replacement"), fim.path("over")));
    check("in", rule::ADDED, &|fim| rename(fim.outside("in"), fim.path("in")));
    check("out", rule::DELETED, &|fim| rename(fim.path("out"), fim.outside("out")));
    check("gone", rule::DELETED, &|fim| fs::remove_file(fim.path("gone")).expect("unlink"));
    check("gone", rule::ADDED, &|fim| fim.write("gone", "three"));
    check("new", rule::ADDED, &|fim| fim.write("new", "two"));
    check("new", rule::CHANGED[0], &|fim| fim.write("new", "three"));
    let moved = fim.alerts_after(|fim| rename(fim.path("keep"), fim.path("kept")));
    let mut moved: Vec<_> = moved.iter().map(|alert| (alert.rule(), alert.path().to_owned())).collect();
    moved.sort();
    let wanted = [(rule::DELETED, shown(&fim.path("keep"))), (rule::ADDED, shown(&fim.path("kept")))];
    assert_eq!(moved, wanted);
    // Deleting and writing anew at once is one save.
    let alert = fim.alert_after(|fim| {
        fs::remove_file(fim.path("back")).expect("unlink");
        fim.write("back", "two");
    });
    assert_eq!((alert.rule(), alert.text("sha256_after")), (rule::CHANGED[0], SHA256_TWO));
}

#[test]
fn new_files_are_silent_when_the_administrator_says_so_and_known_from_then_on() {
    if !require::root() {
        return;
    }
    let mut fim = Fim::started(&format!("<alert_new_files>no</alert_new_files>{REALTIME}"), &[("a", "one")]);
    let alerts = fim.alerts_after(|fim| fim.write("new", "one"));
    assert!(alerts.is_empty(), "{alerts:?}");
    let alert = fim.alert_after(|fim| fim.write("new", "two"));
    assert_eq!((alert.rule(), alert.text("sha256_before")), (rule::CHANGED[0], SHA256_ONE));
}

#[test]
fn a_link_that_leads_elsewhere_is_a_change() {
    if !require::root() {
        return;
    }
    let mut fim = Fim::new(REALTIME);
    fs::write(fim.outside("x"), "one").expect("a file");
    fs::write(fim.outside("y"), "one").expect("a file");
    symlink(fim.outside("x"), fim.path("link")).expect("a link");
    fim.start();
    let alert = fim.alert_after(|fim| {
        fs::remove_file(fim.path("link")).expect("unlink");
        symlink(fim.outside("y"), fim.path("link")).expect("a link");
    });
    assert_eq!(alert.rule(), rule::CHANGED[0]);
    let (before, after) = (shown(&fim.outside("x")), shown(&fim.outside("y")));
    assert_eq!((alert.text("link_before"), alert.text("link_after")), (before.as_str(), after.as_str()));
}

#[test]
fn a_whole_tree_that_is_made_and_removed_is_told_file_by_file() {
    if !require::root() {
        return;
    }
    let mut fim = Fim::with_files(&[("a", "one")]);
    let files: Vec<String> = (0..50).map(|n| format!("deep/{}/{}/file{n}", n % 5, n % 3)).collect();
    let alerts = fim.alerts_after(|fim| files.iter().for_each(|name| fim.write(name, "one")));
    assert_eq!(sorted(&alerts), files.iter().map(|name| (rule::ADDED, shown(&fim.path(name)))).collect());
    let alerts = fim.alerts_after(|fim| fs::remove_dir_all(fim.path("deep")).expect("removed"));
    assert_eq!(sorted(&alerts), files.iter().map(|name| (rule::DELETED, shown(&fim.path(name)))).collect());
}

fn sorted(alerts: &[crate::fixture::FimAlert]) -> std::collections::BTreeSet<(u64, String)> {
    let all: std::collections::BTreeSet<_> =
        alerts.iter().map(|alert| (alert.rule(), alert.path().to_owned())).collect();
    assert_eq!(all.len(), alerts.len(), "some alert came twice: {alerts:?}");
    all
}
