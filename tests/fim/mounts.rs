//! One file by many ways: mounts, namespaces, hard links, moved directories.

use std::ffi::OsStr;
use std::fs;

use hids_tests::require;

use crate::fixture::{Fim, in_own_mounts, rule, run, shown};

fn mount(arguments: &[&dyn AsRef<OsStr>]) {
    let arguments: Vec<&OsStr> = arguments.iter().map(|argument| (*argument).as_ref()).collect();
    run("mount", &arguments);
}

#[test]
fn a_write_through_a_bind_mount_is_told_with_the_watched_path() {
    if !require::root() || !in_own_mounts("mounts::a_write_through_a_bind_mount_is_told_with_the_watched_path") {
        return;
    }
    let mut fim = Fim::with_files(&[("sub/a", "one")]);
    let elsewhere = fim.outside("bound");
    fs::create_dir(&elsewhere).expect("a directory");
    mount(&[&"--bind", &fim.path("sub"), &elsewhere]);
    let alert = fim.alert_after(|_| fs::write(elsewhere.join("a"), "two").expect("written"));
    assert_eq!((alert.rule(), alert.path()), (rule::CHANGED[0], shown(&fim.path("sub/a")).as_str()));
    run("umount", &[elsewhere.as_os_str()]);
}

#[test]
fn a_write_in_another_mount_namespace_is_told() {
    if !require::root() || !require::programs("root", &["unshare", "sed"]) {
        return;
    }
    let mut fim = Fim::with_files(&[("a", "one")]);
    let alert = fim.alert_after(|fim| {
        run(
            "unshare",
            &["--mount".as_ref(), "sed".as_ref(), "-i".as_ref(), "s/one/two/".as_ref(), fim.path("a").as_os_str()],
        );
    });
    assert_eq!((alert.rule(), alert.path()), (rule::CHANGED[0], shown(&fim.path("a")).as_str()));
}

#[test]
fn an_overlay_is_watched_by_its_own_paths() {
    if !require::root() || !in_own_mounts("mounts::an_overlay_is_watched_by_its_own_paths") {
        return;
    }
    let mut fim = Fim::new(crate::fixture::REALTIME);
    let top = fim.outside("layers");
    fs::create_dir(&top).expect("a directory");
    mount(&[&"-t", &"tmpfs", &"tmpfs", &top]);
    for layer in ["lower", "upper", "work"] {
        fs::create_dir(top.join(layer)).expect("a layer");
    }
    fs::write(top.join("lower/below"), "one").expect("a file");
    let options = format!("lowerdir={0}/lower,upperdir={0}/upper,workdir={0}/work", top.display());
    mount(&[&"-t", &"overlay", &"overlay", &"-o", &options, &fim.path("")]);
    fim.write("a", "one");
    fim.start();
    let alert = fim.alert_after(|fim| fim.write("a", "two"));
    assert_eq!((alert.rule(), alert.path()), (rule::CHANGED[0], shown(&fim.path("a")).as_str()));
    let alert = fim.alert_after(|fim| fim.write("below", "two"));
    assert_eq!((alert.rule(), alert.path()), (rule::CHANGED[0], shown(&fim.path("below")).as_str()), "copied up");
    let alert = fim.alert_after(|fim| fim.write("new/deep/file", "two"));
    assert_eq!((alert.rule(), alert.path()), (rule::ADDED, shown(&fim.path("new/deep/file")).as_str()));
    fim.daemon.stop();
    run("umount", &[fim.path("").as_os_str()]);
    run("umount", &[top.as_os_str()]);
}

#[test]
fn hard_links_into_and_out_of_the_tree_are_no_way_around() {
    if !require::root() {
        return;
    }
    let mut fim = Fim::with_files(&[("a", "one")]);
    // A second name outside: written through it, the watched name tells.
    fs::hard_link(fim.path("a"), fim.outside("a2")).expect("a link");
    fim.fence();
    let before = fim.alerts_of(&fim.path("a")).len();
    let alerts = fim.alerts_after(|fim| fs::write(fim.outside("a2"), "two").expect("written"));
    let told: Vec<_> = alerts.iter().map(|alert| (alert.path().to_owned(), alert.rule())).collect();
    assert!(told.len() == 1 && told[0].0 == shown(&fim.path("a")), "after {before}: {told:?}");
    // A file from outside gets a name in the tree, and is written through the other one.
    fs::write(fim.outside("b2"), "one").expect("a file");
    let alert = fim.alert_after(|fim| fs::hard_link(fim.outside("b2"), fim.path("b")).expect("a link"));
    assert_eq!((alert.rule(), alert.path()), (rule::ADDED, shown(&fim.path("b")).as_str()));
    let alert = fim.alert_after(|fim| fs::write(fim.outside("b2"), "two").expect("written"));
    assert_eq!((alert.rule(), alert.path()), (rule::CHANGED[0], shown(&fim.path("b")).as_str()));
}

#[test]
fn a_renamed_directory_is_told_file_by_file_and_watched_under_its_new_name() {
    if !require::root() {
        return;
    }
    let mut fim = Fim::with_files(&[("old/a", "one"), ("old/sub/b", "one"), ("c", "one")]);
    fs::create_dir_all(fim.outside("in/sub")).expect("a directory");
    fs::write(fim.outside("in/sub/d"), "one").expect("a file");
    let all = |fim: &Fim, alerts: &[crate::fixture::FimAlert]| {
        let tree = format!("{}/", shown(&fim.path("")).trim_end_matches('/'));
        let mut all: Vec<(u64, String)> =
            alerts.iter().map(|alert| (alert.rule(), alert.path().replacen(&tree, "", 1))).collect();
        all.sort();
        all
    };
    let alerts = fim.alerts_after(|fim| fs::rename(fim.path("old"), fim.path("new")).expect("rename"));
    let wanted =
        [(rule::DELETED, "old/a"), (rule::DELETED, "old/sub/b"), (rule::ADDED, "new/a"), (rule::ADDED, "new/sub/b")];
    assert_eq!(all(&fim, &alerts), wanted.map(|(rule, name)| (rule, name.to_owned())));
    assert!(alerts.iter().all(|alert| alert.pid() == Some(std::process::id().into())), "who: {alerts:?}");
    let alert = fim.alert_after(|fim| fim.write("new/sub/b", "two"));
    assert_eq!((alert.rule(), alert.path()), (rule::CHANGED[0], shown(&fim.path("new/sub/b")).as_str()));
    let alerts = fim.alerts_after(|fim| fs::rename(fim.outside("in"), fim.path("in")).expect("rename"));
    assert_eq!(all(&fim, &alerts), [(rule::ADDED, "in/sub/d".to_owned())]);
    let alerts = fim.alerts_after(|fim| fs::rename(fim.path("new"), fim.outside("out")).expect("rename"));
    assert_eq!(all(&fim, &alerts).len(), 2, "{alerts:?}");
    let alerts = fim.alerts_after(|fim| fs::write(fim.outside("out/a"), "not watched any more").expect("written"));
    assert!(alerts.is_empty(), "{alerts:?}");
}
