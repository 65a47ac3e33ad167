//! A package is installed by dpkg into a locked tree, while the real daemon runs: dpkg and the package's
//! scripts may, everybody else may not, and alerts tell of everybody else only.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use hids_tests::daemon::{Daemon, wait_for};
use hids_tests::image::{Kind, Mounted};
use hids_tests::require;
use serde_json::Value;

use super::fixture::is_possible;
use crate::results;

/// Where the package puts its files: as `xtask/src/vm/package.rs` makes it.
const TREE: &str = "/srv/locked";

/// The real one; busybox has an own `dpkg`, which comes first.
const DPKG: &str = "/usr/bin/dpkg";

/// The package.
const PACKAGE: &str = "/packages/demo.deb";

/// The rule of a refused write.
const REFUSED: u64 = 99_102;

#[test]
fn dpkg_installs_into_a_locked_tree_and_only_others_are_refused_and_told() {
    if !require::is_required("guest") {
        return require::skip("guest", "only in a guest: cargo xtask test vm");
    }
    if !is_possible() {
        return;
    }
    hids_userspace::sensors::guard::unlock(Path::new(super::fixture::PINS)).expect("no other guard");
    let place = tempfile::tempdir().expect("a directory");
    fs::create_dir_all(TREE).expect("a mount point");
    let mounted = Mounted::new(Kind::Ext4, &place.path().join("image"), Path::new(TREE));
    fs::write("/srv/locked/old", "here before").expect("a file");
    prepare_dpkg();
    let mut daemon = Daemon::new(&format!(
        "<syscheck><directories check_all=\"yes\" realtime=\"yes\" protect=\"yes\">{TREE}</directories>\
         <protect_mode>enforce</protect_mode></syscheck><rootcheck><disabled>yes</disabled></rootcheck>"
    ));
    daemon.start();
    wait_for("the first scan", || {
        let status = daemon.hidsctl_json(&["fim", "status"])?;
        (status["entries"].as_u64() > Some(0) && status["scans"].as_array().is_none_or(Vec::is_empty)).then_some(())
    });
    // The same content by the same system calls, but not by dpkg.
    fs::write("/tmp/evil", "evil").expect("a file elsewhere");
    let cp = |to: &str| run("cp", &["/tmp/evil", to]);
    let first = cp("/srv/locked/tool");
    assert!(!first.status.success(), "cp before the installation");
    let installed = run(DPKG, &["-i", PACKAGE]);
    assert!(installed.status.success(), "{}", said(&installed));
    assert_eq!(fs::read_to_string("/srv/locked/tool").expect("unpacked"), "of the package\n");
    assert_eq!(fs::read_to_string("/srv/locked/made").expect("by its script"), "made by postinst\n");
    let second = cp("/srv/locked/tool");
    assert!(!second.status.success() && said(&second).contains("Operation not permitted"), "{}", said(&second));
    assert_eq!(fs::read_to_string("/srv/locked/tool").expect("as it was"), "of the package\n");
    let removed = run(DPKG, &["--purge", "hids-demo"]);
    assert!(removed.status.success() && !Path::new("/srv/locked/tool").exists(), "{}", said(&removed));
    let third = cp("/srv/locked/other");
    assert!(!third.status.success() && !Path::new("/srv/locked/other").exists(), "{}", said(&third));
    // The last one: what came before it has been told when it is.
    wait_for("the refusals", || refusals(&daemon).iter().any(|path| path.0 == "/srv/locked/other").then_some(()));
    let told = refusals(&daemon);
    println!("refused, as alerts tell it: {told:?}");
    assert!(told.iter().all(|(_, program)| program.ends_with("/busybox")), "{told:?}");
    assert!(told.iter().any(|(path, _)| path == "/srv/locked/tool"), "{told:?}");
    results::cell("Guard: who may", "dpkg -i and maintainer scripts", "may");
    results::cell("Guard: who may", "cp to the same files", "may not");
    daemon.stop();
    hids_userspace::sensors::guard::unlock(Path::new(hids_userspace::sensors::guard::PINS)).expect("unlocked");
    drop(mounted);
}

/// What dpkg wants to find on a machine.
fn prepare_dpkg() {
    for directory in ["/var/lib/dpkg/info", "/var/lib/dpkg/updates", "/var/lib/dpkg/triggers", "/var/log"] {
        fs::create_dir_all(directory).expect("a directory");
    }
    for file in ["/var/lib/dpkg/status", "/var/lib/dpkg/available"] {
        fs::write(file, "").expect("a file");
    }
}

fn run(program: &str, arguments: &[&str]) -> Output {
    // So that dpkg finds its own helpers.
    let mut command = Command::new(program);
    let output = command.args(arguments).env("PATH", "/usr/bin:/bin").output().expect("a program starts");
    println!("{program} {arguments:?}: {} {}", output.status, said(&output));
    output
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

/// Path and program of each refusal that was alerted.
fn refusals(daemon: &Daemon) -> Vec<(String, String)> {
    let of = |alert: &Value| {
        let file = &alert["SyscheckFile"];
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (alert["rule"]["sidid"] == REFUSED).then(|| (word(&file["path"]), word(&file["who"]["executable"])))
    };
    daemon.alerts().iter().filter_map(of).collect()
}
