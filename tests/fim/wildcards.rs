//! Directories that come and go under a wildcard of `<directories>` (C70).

use std::fs;

use hids_tests::daemon::wait_for;
use hids_tests::require;

use crate::fixture::{Fim, rule};

const HOMES: &str = r#"<directories check_all="yes" realtime="yes">@TREE@/*/public_html</directories>"#;

fn told(fim: &Fim, rule: u64, name: &str) -> bool {
    fim.tree_alerts().contains(&(rule, name.to_owned()))
}

// C70
#[test]
fn a_directory_that_appears_under_a_wildcard_is_new_with_all_its_files_and_watched_from_then_on() {
    if !require::root() {
        return;
    }
    let mut fim = Fim::started(HOMES, &[("alice/public_html/index.html", "one")]);
    assert!(fim.tree_alerts().is_empty(), "{:?}", fim.tree_alerts());
    // While the daemon runs.
    fim.write("bob/public_html/shell.php", "<?php");
    wait_for("the file of the new directory", || told(&fim, rule::ADDED, "bob/public_html/shell.php").then_some(()));
    assert!(!told(&fim, rule::GAP, "bob/public_html"), "{:?}", fim.tree_alerts());
    fim.calm();
    let alert = fim.alert_after(|fim| fim.write("bob/public_html/shell.php", "<?php evil"));
    assert_eq!(alert.rule(), rule::CHANGED[0], "{alert:?}");
    assert!(alert.path().ends_with("shell.php"), "{alert:?}");
    // While it does not.
    fim.daemon.stop();
    fim.write("carol/public_html/late.php", "<?php");
    fs::remove_dir_all(fim.path("alice")).expect("removed");
    fim.start();
    wait_for("what happened meanwhile", || {
        let added = told(&fim, rule::ADDED, "carol/public_html/late.php");
        (added && told(&fim, rule::DELETED, "alice/public_html/index.html")).then_some(())
    });
    fim.assert_no_alert_twice();
    fim.daemon.stop();
}

// C70: a wildcard that is new to the configuration begins with a silent baseline.
#[test]
fn what_a_new_wildcard_stands_for_is_no_news() {
    if !require::root() {
        return;
    }
    let mut fim = Fim::started(r#"<directories realtime="yes">@TREE@/etc</directories>"#, &[("etc/a", "one")]);
    fim.write("alice/public_html/index.html", "one");
    fim.configure(HOMES);
    let reloaded = fim.daemon.hidsctl(&["reload"]);
    assert!(reloaded.status.success(), "{reloaded:?}");
    fim.calm();
    assert!(fim.tree_alerts().is_empty(), "{:?}", fim.tree_alerts());
    let alert = fim.alert_after(|fim| fim.write("alice/public_html/index.html", "two"));
    assert_eq!(alert.rule(), rule::CHANGED[0], "{alert:?}");
    fim.daemon.stop();
}
