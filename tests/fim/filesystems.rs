//! Other filesystems than the machine's own: btrfs with its subvolumes, xfs.
//!
//! Each test has a filesystem in a file, mounted beside the usual tree: `tree` on it is watched, the rest is
//! not.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use hids_tests::daemon::{append, wait_for};
use hids_tests::image::{Kind, Mounted};
use hids_tests::require;

use crate::fixture::{Fim, FimAlert, in_own_mounts, rule, run, shown};

/// `tree` on the mounted filesystem.
const WATCHED: &str = r#"<directories check_all="yes" check_inode="yes" realtime="yes">@BESIDE@tree</directories>"#;

/// A daemon that is not started, and the image of an empty filesystem that is mounted at `outside("")`.
fn ground(kind: Kind) -> (Fim, PathBuf, Mounted) {
    let fim = Fim::new(WATCHED);
    let image = fim.daemon.path("image");
    let mounted = Mounted::new(kind, &image, &fim.outside(""));
    (fim, image, mounted)
}

fn btrfs(arguments: &[&dyn AsRef<OsStr>]) {
    let arguments: Vec<&OsStr> = arguments.iter().map(|argument| (*argument).as_ref()).collect();
    run("btrfs", &arguments);
}

fn make_subvolume(path: &Path) {
    btrfs(&[&"subvolume", &"create", &path]);
}

/// Checks that a change is one alert, by the right process.
#[track_caller]
fn check(fim: &mut Fim, name: &str, rule: u64, change: impl FnOnce(&Fim)) {
    let alert = fim.alert_after(change);
    assert_eq!((alert.rule(), alert.path()), (rule, shown(&fim.outside(name)).as_str()), "{alert:?}");
    assert_eq!(alert.pid(), Some(std::process::id().into()), "{alert:?}");
}

/// The same for what another program did, which need not live any more.
#[track_caller]
fn check_by(fim: &mut Fim, program: &str, wanted: &[(u64, &str)], change: impl FnOnce(&Fim)) {
    let alerts = fim.alerts_after(change);
    let mut told: Vec<(u64, String)> = alerts.iter().map(|alert| (alert.rule(), alert.path().to_owned())).collect();
    told.sort();
    let mut wanted: Vec<_> = wanted.iter().map(|(rule, name)| (*rule, shown(&fim.outside(name)))).collect();
    wanted.sort();
    assert_eq!(told, wanted, "{alerts:#?}");
    for alert in &alerts {
        let executable = alert.0["SyscheckFile"]["who"]["executable"].as_str().unwrap_or_default();
        assert!(executable.ends_with(program), "{program} did it: {alert:?}");
    }
}

fn assert_no_gap(fim: &Fim) {
    let status = fim.status().expect("an answer");
    assert_eq!(status["rescans_completed"].as_u64(), Some(0), "nothing was missed: {status:#}");
}

/// Every usual way to change a file or a name.
fn each_change_is_told(kind: Kind, name: &str) {
    if !require::root() || !kind.is_possible() || !in_own_mounts(name) {
        return;
    }
    let (mut fim, _, _mounted) = ground(kind);
    fs::create_dir_all(fim.outside("tree/sub")).expect("a tree");
    fs::create_dir(fim.outside("elsewhere")).expect("a directory");
    for file in ["write", "append", "truncate", "mode", "owner", "attribute", "over", "out", "gone", "sub/linked"] {
        fs::write(fim.outside("tree").join(file), "some text").expect("a file");
    }
    for file in ["in", "replacement", "other"] {
        fs::write(fim.outside("elsewhere").join(file), "other text").expect("a file");
    }
    fs::hard_link(fim.outside("tree/sub/linked"), fim.outside("elsewhere/linked")).expect("a link");
    fim.start();
    let changed = rule::CHANGED[0];
    let write = |path: PathBuf| fs::write(path, "new").expect("written");
    check(&mut fim, "tree/write", changed, |fim| write(fim.outside("tree/write")));
    check(&mut fim, "tree/append", changed, |fim| append(&fim.outside("tree/append"), b" and more"));
    check(&mut fim, "tree/truncate", changed, |fim| {
        let file = fs::File::options().write(true).open(fim.outside("tree/truncate"));
        file.and_then(|file| file.set_len(3)).expect("truncated");
    });
    check(&mut fim, "tree/mode", changed, |fim| {
        fs::set_permissions(fim.outside("tree/mode"), fs::Permissions::from_mode(0o4755)).expect("chmod");
    });
    check(&mut fim, "tree/owner", changed, |fim| {
        chown(fim.outside("tree/owner"), Some(1), Some(1)).expect("chown");
    });
    check(&mut fim, "tree/attribute", changed, |fim| {
        let flags = rustix::fs::XattrFlags::empty();
        rustix::fs::setxattr(fim.outside("tree/attribute"), "user.note", b"evil", flags).expect("setxattr");
    });
    check(&mut fim, "tree/sub/linked", changed, |fim| write(fim.outside("elsewhere/linked")));
    let rename = |fim: &Fim, from: &str, to: &str| fs::rename(fim.outside(from), fim.outside(to)).expect("rename");
    check(&mut fim, "tree/over", changed, |fim| rename(fim, "elsewhere/replacement", "tree/over"));
    check(&mut fim, "tree/in", rule::ADDED, |fim| rename(fim, "elsewhere/in", "tree/in"));
    check(&mut fim, "tree/out", rule::DELETED, |fim| rename(fim, "tree/out", "elsewhere/out"));
    check(&mut fim, "tree/gone", rule::DELETED, |fim| fs::remove_file(fim.outside("tree/gone")).expect("unlink"));
    check(&mut fim, "tree/link", rule::ADDED, |fim| {
        fs::hard_link(fim.outside("elsewhere/other"), fim.outside("tree/link")).expect("a link");
    });
    check(&mut fim, "tree/deep/er/file", rule::ADDED, |fim| {
        fs::create_dir_all(fim.outside("tree/deep/er")).expect("directories");
        write(fim.outside("tree/deep/er/file"));
    });
    check(&mut fim, "tree/deep/er/file", rule::DELETED, |fim| {
        fs::remove_dir_all(fim.outside("tree/deep")).expect("removed");
    });
    assert_no_gap(&fim);
    fim.daemon.stop();
}

#[test]
fn each_change_on_xfs_is_told_with_who() {
    each_change_is_told(Kind::Xfs, "filesystems::each_change_on_xfs_is_told_with_who");
}

#[test]
fn each_change_on_btrfs_is_told_with_who() {
    each_change_is_told(Kind::Btrfs, "filesystems::each_change_on_btrfs_is_told_with_who");
}

/// A tree with a subvolume in it, of which others come and go. `top` is the subvolume that is mounted.
fn subvolumes_are_watched(top: Option<&str>, name: &str) {
    if !require::root()
        || !require::programs("filesystems", &["btrfs"])
        || !Kind::Btrfs.is_possible()
        || !in_own_mounts(name)
    {
        return;
    }
    let (mut fim, image, whole) = ground(Kind::Btrfs);
    let _mounted = match top {
        Some(top) => {
            make_subvolume(&fim.outside(top));
            whole.unmount();
            Mounted::mount(Kind::Btrfs, &image, &fim.outside(""), &format!("subvol={top}"))
        }
        None => whole,
    };
    fs::create_dir(fim.outside("tree")).expect("a tree");
    make_subvolume(&fim.outside("tree/before"));
    let write = |path: PathBuf, text: &str| fs::write(path, text).expect("written");
    write(fim.outside("tree/a"), "one");
    write(fim.outside("tree/before/b"), "one");
    let device = |name: &str| fs::metadata(fim.outside(name)).expect("it is there").dev();
    assert_ne!(device("tree"), device("tree/before"), "each subvolume has a device number of its own");
    fim.start();
    assert_marked_as_a_whole(&fim);
    let changed = rule::CHANGED[0];
    check(&mut fim, "tree/a", changed, |fim| write(fim.outside("tree/a"), "two"));
    check(&mut fim, "tree/before/b", changed, |fim| write(fim.outside("tree/before/b"), "two"));
    let alerts = fim.alerts_after(|fim| make_subvolume(&fim.outside("tree/made")));
    assert!(alerts.is_empty(), "there is nothing in it yet: {alerts:#?}");
    check(&mut fim, "tree/made/sub/c", rule::ADDED, |fim| {
        fs::create_dir(fim.outside("tree/made/sub")).expect("a directory");
        write(fim.outside("tree/made/sub/c"), "one");
    });
    check(&mut fim, "tree/made/sub/c", changed, |fim| write(fim.outside("tree/made/sub/c"), "two"));
    // The files of a snapshot come with no event of their own.
    let wanted = [(rule::ADDED, "tree/snapshot/b")];
    check_by(&mut fim, "/btrfs", &wanted, |fim| {
        btrfs(&[&"subvolume", &"snapshot", &fim.outside("tree/before"), &fim.outside("tree/snapshot")]);
    });
    check(&mut fim, "tree/snapshot/b", changed, |fim| write(fim.outside("tree/snapshot/b"), "three"));
    // Nor do those of a subvolume that is renamed or deleted.
    let wanted = [(rule::DELETED, "tree/snapshot/b"), (rule::ADDED, "tree/renamed/b")];
    let alerts = |fim: &mut Fim| {
        fim.alerts_after(|fim| fs::rename(fim.outside("tree/snapshot"), fim.outside("tree/renamed")).expect("renamed"))
    };
    assert_told(&fim.outside(""), &alerts(&mut fim), &wanted);
    check(&mut fim, "tree/renamed/b", changed, |fim| write(fim.outside("tree/renamed/b"), "four"));
    check_by(&mut fim, "/btrfs", &[(rule::DELETED, "tree/before/b")], |fim| {
        btrfs(&[&"subvolume", &"delete", &fim.outside("tree/before")]);
    });
    assert_no_gap(&fim);
    fim.assert_no_alert_twice();
    fim.daemon.stop();
}

fn assert_told(base: &Path, alerts: &[FimAlert], wanted: &[(u64, &str)]) {
    let mut told: Vec<_> = alerts.iter().map(|alert| (alert.rule(), alert.path().to_owned())).collect();
    told.sort();
    let mut wanted: Vec<_> = wanted.iter().map(|(rule, name)| (*rule, shown(&base.join(name)))).collect();
    wanted.sort();
    assert_eq!(told, wanted, "{alerts:#?}");
}

/// Checks what `hidsctl status` says of the filesystem.
fn assert_marked_as_a_whole(fim: &Fim) {
    let status = fim.daemon.status().expect("an answer");
    let roots = find(&status, "roots").and_then(|roots| roots.as_array()).expect("a report on roots");
    let tree = shown(&fim.outside("tree"));
    let root = roots.iter().find(|root| root["root"].as_str() == Some(&tree)).expect("a report on the tree");
    assert_eq!((root["filesystem"].as_str(), root["marks"].as_str()), (Some("btrfs"), Some("filesystem")), "{root}");
    assert!(root["reason"].is_null(), "{root}");
}

/// The value of `key`, wherever it is.
fn find<'a>(value: &'a serde_json::Value, key: &str) -> Option<&'a serde_json::Value> {
    match value {
        serde_json::Value::Object(map) => map.get(key).or_else(|| map.values().find_map(|value| find(value, key))),
        _ => None,
    }
}

#[test]
fn subvolumes_below_a_btrfs_that_is_mounted_as_a_whole_are_watched() {
    subvolumes_are_watched(None, "filesystems::subvolumes_below_a_btrfs_that_is_mounted_as_a_whole_are_watched");
}

#[test]
fn subvolumes_below_a_mounted_subvolume_are_watched() {
    subvolumes_are_watched(Some("@"), "filesystems::subvolumes_below_a_mounted_subvolume_are_watched");
}

#[test]
fn two_mounted_subvolumes_are_told_by_their_own_paths_and_others_are_nobodys_concern() {
    const NAME: &str = "filesystems::two_mounted_subvolumes_are_told_by_their_own_paths_and_others_are_nobodys_concern";
    if !require::root()
        || !require::programs("filesystems", &["btrfs"])
        || !Kind::Btrfs.is_possible()
        || !in_own_mounts(NAME)
    {
        return;
    }
    let (mut fim, image, mounted) = ground(Kind::Btrfs);
    for name in ["@", "@home", "@other"] {
        make_subvolume(&fim.outside(name));
    }
    mounted.unmount();
    let whole = fim.daemon.path("whole");
    fs::create_dir(&whole).expect("a directory");
    let root = Mounted::mount(Kind::Btrfs, &image, &fim.outside(""), "subvol=@");
    fs::create_dir_all(fim.outside("tree/home")).expect("directories");
    let _home = root.again(Kind::Btrfs, &fim.outside("tree/home"), "subvol=@home");
    let _whole = root.again(Kind::Btrfs, &whole, "subvolid=5");
    let write = |path: PathBuf, text: &str| fs::write(path, text).expect("written");
    // The same inode number in three subvolumes.
    for path in [fim.outside("tree/a"), fim.outside("tree/home/a"), whole.join("@other/a")] {
        write(path, "one");
    }
    fim.start();
    assert_marked_as_a_whole(&fim);
    let changed = rule::CHANGED[0];
    check(&mut fim, "tree/a", changed, |fim| write(fim.outside("tree/a"), "two"));
    check(&mut fim, "tree/home/a", changed, |fim| write(fim.outside("tree/home/a"), "two"));
    check(&mut fim, "tree/a", rule::CHANGED[1], |_| write(whole.join("@/tree/a"), "three"));
    check(&mut fim, "tree/home/a", rule::CHANGED[1], |_| write(whole.join("@home/a"), "three"));
    let alerts = fim.alerts_after(|_| write(whole.join("@other/a"), "two"));
    assert!(alerts.is_empty(), "{alerts:#?}");
    assert_no_gap(&fim);
    fim.daemon.stop();
}

#[test]
fn a_device_number_that_is_another_one_after_a_new_mount_is_no_change() {
    const NAME: &str = "filesystems::a_device_number_that_is_another_one_after_a_new_mount_is_no_change";
    if !require::root() || !Kind::Btrfs.is_possible() || !in_own_mounts(NAME) {
        return;
    }
    let (mut fim, image, mounted) = ground(Kind::Btrfs);
    fs::create_dir(fim.outside("tree")).expect("a tree");
    fs::write(fim.outside("tree/a"), "one").expect("a file");
    let device = |fim: &Fim| fs::metadata(fim.outside("tree/a")).expect("it is there").dev();
    let before = device(&fim);
    fim.start();
    fim.daemon.stop();
    mounted.unmount();
    // Takes the number that was free.
    let between = fim.daemon.path("between");
    fs::create_dir(&between).expect("a directory");
    let mut others = Vec::new();
    let again = wait_for("another device number", || {
        let again = Mounted::mount(Kind::Btrfs, &image, &fim.outside(""), "");
        if device(&fim) != before {
            return Some(again);
        }
        again.unmount();
        others.push(Mounted::mount(Kind::Tmpfs, Path::new("tmpfs"), &between, ""));
        None
    });
    fim.start();
    fim.fence();
    assert_eq!(fim.alerts_of(&fim.outside("tree/a")).len(), 0, "{:#?}", fim.alerts_of(&fim.outside("tree/a")));
    check(&mut fim, "tree/a", rule::CHANGED[0], |fim| fs::write(fim.outside("tree/a"), "two").expect("written"));
    fim.daemon.stop();
    drop(again);
}
