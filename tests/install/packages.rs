//! The packages under test, and what is made of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use hids_tests::lab::{FRIEND, Lab};
use hids_tests::machine::{self, Machine, Release};
use hids_tests::{executable, require};

/// The configuration of the package.
pub(crate) const CONFIG: &str = "/etc/hids/ossec.conf";

/// Where `cargo xtask test` has put them.
const DIRECTORY: &str = "HIDS_PACKAGES";

/// The package with this ending; otherwise says that the test is skipped.
pub(crate) fn package(ending: &str) -> Option<PathBuf> {
    let Some(directory) = std::env::var_os(DIRECTORY) else {
        require::skip("packages", "there are no packages: cargo xtask test makes them");
        return None;
    };
    let entries = fs::read_dir(&directory).expect("the directory of the packages");
    let paths = entries.filter_map(Result::ok).map(|entry| entry.path());
    let found = paths.filter(|path| path.to_string_lossy().ends_with(ending)).max();
    Some(found.unwrap_or_else(|| panic!("no package *{ending} in {}", Path::new(&directory).display())))
}

/// A booted stock machine in a lab, on which nothing of ours is installed; where the programs of the package do not run on
/// this release says that the test is skipped.
pub(crate) fn stock(lab: &Lab, release: Release) -> Option<Machine<'_>> {
    let tree = machine::tree(&lab.server, release)?;
    let place = tempfile::tempdir().expect("a directory");
    run(Command::new("dpkg-deb").arg("--extract").arg(package(".deb")?).arg(place.path()));
    let copy = tree.path("/root/hidsd");
    executable::copy(place.path().join("usr/sbin/hidsd"), &copy);
    // Debug programs of a machine with a newer C library than the release has.
    if let Err(error) = tree.output("/root/hidsd", ["--version"]) {
        require::skip("packages", &format!("the programs do not run on {}: {error:#}", release.name()));
        return None;
    }
    fs::remove_file(copy).expect("removed");
    machine::boot(tree)
}

/// The lab of the other suites; the friend is its gateway.
pub(crate) fn lab() -> Option<Lab> {
    require::programs("packages", &["dpkg-deb"]).then(crate::support::lab).flatten()
}

/// Copies a package onto the machine, as `/root/hids.deb`.
pub(crate) fn put(machine: &Machine<'_>, package: &Path) {
    let bytes = fs::read(package).expect("a package");
    machine.tree().write("/root/hids.deb", bytes).expect("a copy on the machine");
}

/// Copies a package onto the machine and runs dpkg on it, as an administrator does who wants to keep his files.
pub(crate) fn install(machine: &Machine<'_>, package: &Path) -> String {
    put(machine, package);
    let installed = machine.output("dpkg", ["--force-confold", "--install", "/root/hids.deb"]);
    installed.unwrap_or_else(|error| panic!("{error:#}"))
}

/// What systemctl prints, whatever its status.
pub(crate) fn systemctl(machine: &Machine<'_>, arguments: &[&str]) -> String {
    let output = machine.command("systemctl").args(arguments).output().expect("systemctl runs");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The next version of a package, with another shipped configuration and rule file.
pub(crate) fn next_version(package: &Path, directory: &Path) -> PathBuf {
    let (tree, next) = (directory.join("tree"), directory.join("next.deb"));
    run(Command::new("dpkg-deb").arg("--raw-extract").arg(package).arg(&tree));
    edit(&tree.join("DEBIAN/control"), |text| {
        let version = text.lines().find_map(|line| line.strip_prefix("Version: ")).expect("a version").to_owned();
        text.replace(&format!("Version: {version}"), "Version: 999.0-1")
    });
    for name in ["etc/hids/ossec.conf", "usr/share/hids/ruleset/rules/0030-sshd.xml"] {
        let file = tree.join(name);
        if file.is_file() {
            edit(&file, |text| format!("{text}<!-- of the next version -->\n"));
        }
    }
    run(Command::new("dpkg-deb").args(["--root-owner-group", "--build"]).arg(&tree).arg(&next));
    next
}

/// Changes the text of a file.
pub(crate) fn edit(file: &Path, change: impl FnOnce(String) -> String) {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    fs::write(file, change(text)).expect("a file that can be written");
}

/// Runs a program to its end.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned();
    assert!(output.status.success(), "{command:?}: {said}");
    said
}

/// The gateway, which is never blocked.
pub(crate) const GATEWAY: &str = FRIEND;
