//! `hidsctl fim check`: one comparison, with and without a daemon, and of an image.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use hids_tests::require;
use serde_json::Value;

use crate::fixture::{Fim, REALTIME, rule, run};

/// Names that no terminal should see as they are.
const HOSTILE: [&[u8]; 4] = [b"new\nline", b"\x1b[2Jescape", b"not\xffutf8", b"quote'\" $(id)"];

fn code(output: &Output) -> i32 {
    output.status.code().expect("it ends by itself")
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("answers are UTF-8")
}

/// Path and kind of each finding.
fn findings(answer: &Value) -> Vec<(String, String)> {
    let fact = |one: &Value| (one["path"].to_string(), one["kind"].as_str().unwrap_or_default().to_owned());
    answer["findings"].as_array().expect("findings").iter().map(fact).collect()
}

#[test]
fn each_kind_of_difference_has_its_bit_whatever_the_names_are() {
    if !require::root() {
        return;
    }
    for bits in 0..8 {
        let fim = Fim::new(REALTIME);
        let tree = fim.path("").to_string_lossy().into_owned();
        let named = |kind: &str, name: &[u8]| fim.path(OsStr::from_bytes(&[kind.as_bytes(), name].concat()));
        for name in HOSTILE {
            fs::write(named("changed", name), "one").expect("a file");
            fs::write(named("removed", name), "one").expect("a file");
        }
        assert_eq!(code(&fim.hidsctl(&["check"])), 24, "there is no baseline");
        fim.answer(&["init"]);
        assert_eq!(code(&fim.hidsctl(&["init"])), 1, "there is one already");
        for name in HOSTILE {
            if bits & 1 != 0 {
                fs::write(named("new", name), "one").expect("a file");
            }
            if bits & 2 != 0 {
                fs::remove_file(named("removed", name)).expect("removed");
            }
            if bits & 4 != 0 {
                fs::write(named("changed", name), "two").expect("a file");
            }
        }
        let output = fim.hidsctl(&["check", &tree]);
        assert_eq!(code(&output), bits, "{output:?}");
        assert!(!output.stdout.contains(&0x1b), "an escape reached the terminal");
        let answer = json(&fim.hidsctl(&["check", &tree, "--json"]));
        assert_eq!(answer["exit_status"], bits);
        let count = |bit| if bits & bit != 0 { HOSTILE.len() } else { 0 };
        assert_eq!(findings(&answer).len(), count(1) + count(2) + count(4), "{answer:#}");
        // Accepted, and nothing is left; the status is still that of what was found, as AIDE's.
        assert_eq!(code(&fim.hidsctl(&["check", &tree, "--update"])), bits);
        assert_eq!(code(&fim.hidsctl(&["check", &tree])), 0, "all is accepted");
    }
}

#[test]
fn what_changed_is_said_with_names_and_both_values() {
    if !require::root() {
        return;
    }
    let fim = Fim::new(REALTIME);
    fim.write("conf", "one");
    fim.answer(&["init"]);
    fim.write("conf", "three");
    fs::set_permissions(fim.path("conf"), fs::Permissions::from_mode(0o4755)).expect("a mode");
    std::os::unix::fs::chown(fim.path("conf"), Some(65_534), None).expect("an owner");
    fs::set_permissions(fim.path("conf"), fs::Permissions::from_mode(0o4755)).expect("a mode");
    let output = fim.hidsctl(&["check"]);
    let said = text(&output);
    assert_eq!(code(&output), 4, "{said}");
    for wanted in [
        "size         3 bytes -> 5 bytes",
        "mode         rw-r--r-- (0644) -> rwsr-xr-x (4755)",
        "owner        root (0) -> nobody (65534)",
    ] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
}

#[test]
fn a_check_beside_the_daemon_disturbs_nothing_and_knows_what_was_accepted() {
    if !require::root() {
        return;
    }
    let mut fim = Fim::with_files(&[("a", "one"), ("b", "one"), ("gone", "one")]);
    let tree = fim.path("").to_string_lossy().into_owned();
    assert_eq!(code(&fim.hidsctl(&["check", &tree])), 0);
    // The daemon's own baseline has followed these changes; no one has accepted them.
    fim.alert_after(|fim| fim.write("a", "two"));
    fim.alert_after(|fim| fim.write("a", "three"));
    fim.alerts_after(|fim| fim.write("new", "one"));
    fim.alert_after(|fim| fs::remove_file(fim.path("gone")).expect("removed"));
    let answer = json(&fim.hidsctl(&["check", &tree, "--json"]));
    assert_eq!(answer["exit_status"], 7, "{answer:#}");
    assert_eq!(answer["baseline"]["source"], "daemon");
    let changed = answer["findings"].as_array().expect("findings").iter().find(|one| one["kind"] == "changed");
    assert_eq!(changed.expect("a change")["old"]["size_bytes"], 3, "as it was accepted");
    assert!(
        fs::read_dir(fim.daemon.path("state"))
            .expect("listed")
            .flatten()
            .all(|entry| { !entry.file_name().to_string_lossy().contains("snapshot") })
    );
    assert_eq!(code(&fim.hidsctl(&["init"])), 1, "the daemon keeps the baseline");
    let accepted = fim.hidsctl(&["check", &tree, "--update"]);
    assert!(code(&accepted) == 7 && text(&accepted).contains("3 paths accepted"), "{accepted:?}");
    fim.daemon.wait_for_alert(rule::ACCEPTED);
    assert_eq!(code(&fim.hidsctl(&["check", &tree])), 0);
    assert_eq!(code(&fim.hidsctl(&["diff", &tree])), 0);
    let alert = fim.alert_after(|fim| fim.write("b", "two"));
    assert_eq!(alert.rule(), rule::CHANGED[0], "the daemon still watches");
}

#[test]
fn a_baseline_made_before_the_daemon_ran_is_the_daemons() {
    if !require::root() {
        return;
    }
    let mut fim = Fim::new(REALTIME);
    fim.write("a", "one");
    fim.answer(&["init"]);
    fim.write("a", "changed before the first start");
    fim.start();
    fim.fence();
    assert_eq!(fim.tree_alerts(), [(rule::CHANGED[0], "a".to_owned())]);
    // And what the daemon leaves is what a check without it compares with.
    fim.daemon.kill();
    fim.write("a", "two");
    let tree = fim.path("").to_string_lossy().into_owned();
    let answer = json(&fim.hidsctl(&["check", &tree, "--json"]));
    let found = (answer["baseline"]["source"].as_str(), answer["changed"].as_u64());
    assert_eq!(found, (Some("store"), Some(1)), "{answer:#}");
    assert_eq!(answer["findings"][0]["old"]["size_bytes"], 3, "as it was accepted");
    fim.start();
    fim.fence();
    assert_eq!(fim.tree_alerts().len(), 2, "the check has not changed the baseline");
}

#[test]
fn an_export_from_a_trusted_medium_is_compared_with_if_its_signature_holds() {
    if !require::root() {
        return;
    }
    let fim = Fim::new(REALTIME);
    fim.write("a", "one");
    fim.answer(&["init"]);
    let medium = fim.outside("export");
    let medium = medium.to_str().expect("a path");
    let said = fim.answer(&["export", medium]);
    let key = said.split("public key ").nth(1).and_then(|rest| rest.get(..64)).expect("a key").to_owned();
    // The intruder accepts the change into the baseline of the machine; the medium does not follow.
    fim.write("a", "two");
    assert_eq!(code(&fim.hidsctl(&["check", "--update"])), 4);
    assert_eq!(code(&fim.hidsctl(&["check"])), 0);
    assert_eq!(code(&fim.hidsctl(&["check", "--baseline", medium, "--key", &key])), 4);
    let other = "ab".repeat(32);
    assert_eq!(code(&fim.hidsctl(&["check", "--baseline", medium, "--key", &other])), 24);
    let file = fs::OpenOptions::new().write(true).open(medium).expect("opens");
    file.write_all_at(b"x", file.metadata().expect("there").len() / 2).expect("written");
    assert_eq!(code(&fim.hidsctl(&["check", "--baseline", medium, "--key", &key])), 24);
    for wrong in [&["check", "--no-such-option"][..], &["check", "--key", &key], &["check", "--init", "--update"]] {
        assert_eq!(code(&fim.hidsctl(wrong)), 15, "{wrong:?}");
    }
}

/// A copy of the machine's files under another directory, as a rescue system mounts them.
struct Image(tempfile::TempDir);

impl Image {
    fn of(fim: &Fim) -> Self {
        let image = Self(tempfile::tempdir().expect("a directory"));
        let top = fim.daemon.path("").canonicalize().expect("a real path");
        let copy = image.path(top.parent().expect("a directory"));
        fs::create_dir_all(&copy).expect("directories");
        run("cp", &["-a".as_ref(), top.as_os_str(), copy.as_os_str()]);
        fs::create_dir_all(image.path("/etc")).expect("a directory");
        fs::write(image.path("/etc/passwd"), "root:x:0:0::/:\nof-the-image:x:65534:0::/:\n").expect("a file");
        image
    }

    /// Where a path of the machine is now.
    fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.0.path().join(path.as_ref().strip_prefix("/").expect("absolute"))
    }

    fn check(&self, fim: &Fim, more: &[&str]) -> Output {
        fim.hidsctl(&[&["check", "--tree", self.0.path().to_str().expect("a path")], more].concat())
    }
}

#[test]
fn an_image_is_checked_by_its_own_files_and_nothing_outside_of_it_is_read() {
    if !require::root() {
        return;
    }
    let fim = Fim::new(&REALTIME.replace("@TREE@", "@TREE@/link,@TREE@/*/wild"));
    for name in ["real/conf", "real/removed", "one/wild/a", "real/owned"] {
        fim.write(name, "one");
    }
    symlink(fim.path("real"), fim.path("link")).expect("a link");
    fim.answer(&["init"]);
    let image = Image::of(&fim);
    assert_eq!(code(&image.check(&fim, &[])), 0, "{:?}", image.check(&fim, &[]));
    // From now on the machine's own files are others than the image's, and the check must not look at them.
    for name in ["real/conf", "real/owned", "one/wild/a"] {
        fim.write(name, "the machine's own");
    }
    fs::remove_file(fim.daemon.path("ossec.conf")).expect("removed");
    fs::write(fim.outside("secret"), "outside").expect("a file");
    assert_eq!(code(&image.check(&fim, &[])), 0);
    let inside = |name: &str| image.path(fim.path(name));
    std::os::unix::fs::chown(inside("real/owned"), Some(65_534), None).expect("an owner");
    fs::remove_file(inside("real/removed")).expect("removed");
    let above = format!("{}{}", "../".repeat(30), fim.outside("secret").display());
    symlink(fim.outside("secret"), inside("real/escape")).expect("a link");
    symlink(above, inside("real/climb")).expect("a link");
    symlink(fim.path("real/conf"), inside("real/own")).expect("a link");
    symlink("loop", inside("real/loop")).expect("a link");
    run("mkfifo", &[inside("real/pipe").as_os_str()]);
    symlink("pipe", inside("real/to-pipe")).expect("a link");
    let output = image.check(&fim, &["--json"]);
    let answer = json(&output);
    assert_eq!(code(&output), 7, "{answer:#}");
    let of = |name: &str| {
        let path = fim.path(name).to_string_lossy().into_owned();
        let found = answer["findings"].as_array().expect("findings").iter().find(|one| one["path"] == path.as_str());
        found.unwrap_or_else(|| panic!("{name}: {answer:#}")).clone()
    };
    assert_eq!(of("real/owned")["new_user"], "of-the-image");
    assert_eq!(of("real/removed")["kind"], "removed");
    for outside in ["real/escape", "real/climb", "real/loop", "real/to-pipe"] {
        assert!(of(outside)["new"]["digests"].is_null(), "{outside} was followed: {answer:#}");
    }
    let own = of("real/own");
    let sum = &own["new"]["digests"]["sha256"];
    assert_eq!(sum, "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed", "the image's file: {own:#}");
    for refused in [&["--update"][..], &["--init"], &["--baseline", "/dev/null"]] {
        assert_eq!(code(&image.check(&fim, refused)), 15, "{refused:?}");
    }
}

#[test]
fn a_hostile_image_cannot_make_the_check_hang_or_crash() {
    if !require::root() {
        return;
    }
    let fim = Fim::new(REALTIME);
    (0..200).for_each(|number| fim.write(&format!("{number}"), "one"));
    fim.answer(&["init"]);
    let began = Instant::now();
    let in_image = |name: &str| fim.daemon.path(name).canonicalize().expect("a real path");
    let (database, key, conf) = (in_image("state/fim.redb"), in_image("state/fim.key"), in_image("ossec.conf"));
    let spoilt = |spoil: &dyn Fn(&Image)| {
        let image = Image::of(&fim);
        spoil(&image);
        let output = image.check(&fim, &[]);
        assert!(code(&output) == 0 || !output.stderr.is_empty(), "{output:?}");
        code(&output)
    };
    let replaced = |path: &Path, image: &Image, by: &str| {
        fs::remove_file(image.path(path)).expect("removed");
        match by {
            "pipe" => run("mkfifo", &[image.path(path).as_os_str()]),
            target => symlink(target, image.path(path)).expect("a link"),
        }
    };
    for by in ["pipe", "/dev/zero", "/etc/shadow", "itself"] {
        assert_eq!(spoilt(&|image| replaced(&database, image, by)), 24, "the database is {by}");
        assert_eq!(spoilt(&|image| replaced(&key, image, by)), 24, "the key is {by}");
        assert_eq!(spoilt(&|image| replaced(&conf, image, by)), 17, "the configuration is {by}");
    }
    for at in [100, 4_096, 9_000, 20_000, 60_000] {
        let code = spoilt(&|image| {
            let file = fs::OpenOptions::new().write(true).open(image.path(&database)).expect("opens");
            file.write_all_at(&[0xaa; 3_000], at).expect("written");
        });
        // What is not in use may hold anything.
        assert!(matches!(code, 0 | 24), "{code}: noise at {at}");
    }
    assert_eq!(
        spoilt(&|image| {
            let file = fs::OpenOptions::new().write(true).open(image.path(&database)).expect("opens");
            file.set_len(1 << 40).expect("a length");
        }),
        24,
        "a terabyte of nothing is not copied"
    );
    assert!(began.elapsed() < Duration::from_secs(300), "{:?}", began.elapsed());
}
