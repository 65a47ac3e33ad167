//! `hidsctl` for a user who may not look: it says so, and is no success (O-B6).

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Output};

use hids_tests::daemon::Daemon;
use hids_tests::programs::hidsctl;
use hids_tests::require;

use crate::common::WATCH_ONE_LOG;

/// nobody on every distribution that has it by number.
const NOBODY: u32 = 65_534;

fn as_nobody(host: &Daemon, arguments: &[&str]) -> Output {
    // The programs of a checkout may lie where only root may go.
    let program = host.path("hidsctl");
    if !program.exists() {
        hids_tests::executable::copy(hidsctl(), &program);
    }
    let mut command = Command::new(program);
    command.arg("-c").arg(host.path("ossec.conf")).arg("--root").arg(host.path("")).args(arguments);
    command.uid(NOBODY).gid(NOBODY).current_dir("/").output().expect("hidsctl runs")
}

#[test]
fn every_command_names_the_missing_permission_and_fails() {
    if !require::root() {
        return;
    }
    let mut host = Daemon::new(WATCH_ONE_LOG);
    host.start();
    fs::set_permissions(host.path(""), fs::Permissions::from_mode(0o755)).expect("the test's own directory");
    let commands: [&[&str]; 6] =
        [&["alerts"], &["status"], &["blocks"], &["why", "192.0.2.1"], &["reload"], &["fim", "status"]];
    for command in commands {
        let output = as_nobody(&host, command);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(4), "{command:?}: {output:?}");
        assert!(output.stdout.is_empty() && said.contains("ermission denied"), "{command:?}: {said}");
        assert!(said.contains("run it as root"), "{command:?}: {said}");
    }
    // The same commands of root succeed, so that it was the permission.
    assert!(host.hidsctl(&["alerts"]).status.success());
    fs::set_permissions(host.path("ossec.conf"), fs::Permissions::from_mode(0o640)).expect("as installed");
    let checked = as_nobody(&host, &["check"]);
    let said = String::from_utf8_lossy(&checked.stdout);
    assert_eq!(checked.status.code(), Some(1), "{checked:?}");
    assert!(said.contains("ermission denied") && said.contains("run as root"), "{said}");
    host.stop();
}
