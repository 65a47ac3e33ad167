//! Which paths count: ignore, restrict, depth, nested trees, reloads.

use std::fs;

use hids_tests::daemon::wait_for;
use hids_tests::require;

use crate::fixture::{Fim, REALTIME, rule, shown};

#[test]
fn ignored_and_restricted_files_and_deeper_levels_are_left_out() {
    if !require::root() {
        return;
    }
    let cases: [(&str, &[&str]); 4] = [
        (
            r#"<directories check_all="yes" realtime="yes">@TREE@</directories><ignore>@TREE@/sub</ignore>"#,
            &["a.conf", "b"],
        ),
        (
            r#"<directories check_all="yes" realtime="yes">@TREE@</directories><ignore type="sregex">.conf$</ignore>"#,
            &["b", "sub/deep/d"],
        ),
        (
            r#"<directories check_all="yes" realtime="yes" restrict=".conf$">@TREE@</directories>"#,
            &["a.conf", "sub/c.conf"],
        ),
        (r#"<directories check_all="yes" realtime="yes" no_recurse="yes">@TREE@</directories>"#, &["a.conf", "b"]),
    ];
    let files = [("a.conf", "1"), ("b", "1"), ("sub/c.conf", "1"), ("sub/deep/d", "1")];
    for (syscheck, told) in cases {
        let mut fim = Fim::started(syscheck, &files);
        let alerts = fim.alerts_after(|fim| {
            files.iter().for_each(|(name, _)| fim.write(name, "22"));
        });
        let mut paths: Vec<&str> = alerts.iter().map(crate::fixture::FimAlert::path).collect();
        paths.sort_unstable();
        let wanted: Vec<String> = told.iter().map(|name| shown(&fim.path(name))).collect();
        assert_eq!(paths, wanted, "{syscheck}");
        // A scan leaves out the same.
        fim.answer(&["scan", "--full"]);
        fim.fence();
        assert_eq!(fim.tree_alerts().len(), told.len(), "{syscheck}: {:?}", fim.tree_alerts());
    }
}

#[test]
fn a_nested_tree_has_checks_of_its_own() {
    if !require::root() {
        return;
    }
    let syscheck = r#"<directories check_all="yes" realtime="yes">@TREE@</directories>
        <directories check_all="no" check_perm="yes" realtime="yes">@TREE@/logs</directories>"#;
    let mut fim = Fim::started(syscheck, &[("a", "one"), ("logs/b", "one")]);
    let alert = fim.alert_after(|fim| {
        fim.write("a", "two");
        fim.write("logs/b", "two");
    });
    assert_eq!(alert.path(), shown(&fim.path("a")));
    let alert = fim.alert_after(|fim| {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(fim.path("logs/b"), fs::Permissions::from_mode(0o666)).expect("chmod");
    });
    assert_eq!(alert.path(), shown(&fim.path("logs/b")));
}

#[test]
fn a_reload_adds_and_removes_trees_in_silence() {
    if !require::root() {
        return;
    }
    let mut fim = Fim::with_files(&[("a", "one")]);
    fs::write(fim.outside("b"), "one").expect("a file");
    let both = format!("{REALTIME}{}", REALTIME.replace("@TREE@", "@BESIDE@"));
    reload(&fim, &both);
    let beside = fim.outside("").to_string_lossy().into_owned();
    // It answers 1 while the baseline holds nothing there.
    let holds = |fim: &Fim| String::from_utf8_lossy(&fim.hidsctl(&["list", &beside]).stdout).contains("beside/b");
    wait_for("the new tree's baseline", || holds(&fim).then_some(()));
    fim.calm();
    let alert = fim.alert_after(|fim| fs::write(fim.outside("b"), "two").expect("written"));
    assert_eq!((alert.rule(), alert.path()), (rule::CHANGED[0], shown(&fim.outside("b")).as_str()));
    reload(&fim, REALTIME);
    wait_for("the old tree to be forgotten", || (!holds(&fim)).then_some(()));
    let alert = fim.alert_after(|fim| {
        fs::write(fim.outside("b"), "three").expect("written");
        fim.write("a", "two");
    });
    assert_eq!(alert.path(), shown(&fim.path("a")), "the removed tree is not watched, the other one still is");
    fim.daemon.hangup();
    let alert = fim.alert_after(|fim| fim.write("a", "three"));
    assert_eq!(alert.rule(), rule::CHANGED[1], "a reload that changes nothing keeps the baseline");
    assert!(fim.daemon.alerts().iter().all(|alert| alert["rule"]["sidid"] != rule::GAP), "a reload is no gap");
}

fn reload(fim: &Fim, syscheck: &str) {
    fim.configure(syscheck);
    let output = fim.daemon.hidsctl(&["reload"]);
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn wildcards_stand_for_what_is_there_at_the_start() {
    if !require::root() {
        return;
    }
    let mut fim = Fim::started(
        &REALTIME.replace("@TREE@", "@TREE@/home/*/bin"),
        &[("home/a/bin/x", "1"), ("home/b/bin/x", "1"), ("home/b/y", "1")],
    );
    let alerts = fim.alerts_after(|fim| {
        ["home/a/bin/x", "home/b/bin/x", "home/b/y"].iter().for_each(|name| fim.write(name, "22"));
    });
    assert_eq!(alerts.len(), 2, "{alerts:?}");
}

#[test]
fn what_more_checks_find_is_no_news_but_the_next_change_is() {
    if !require::root() {
        return;
    }
    let mut fim =
        Fim::started(&REALTIME.replace("check_all=\"yes\"", "check_all=\"no\" check_perm=\"yes\""), &[("a", "one")]);
    reload(&fim, REALTIME);
    wait_for("the sums of the first scan", || {
        fim.baseline().iter().any(|item| item.to_string().contains("sha256")).then_some(())
    });
    fim.calm();
    let alert = fim.alert_after(|fim| fim.write("a", "two"));
    assert!(!alert.text("sha256_before").is_empty(), "{alert:?}");
}
