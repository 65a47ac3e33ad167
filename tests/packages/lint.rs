//! What the distributions' own checkers say of the packages.

use std::process::Command;

use hids_tests::require;

use crate::packages::package;

#[test]
fn lintian_finds_no_error() {
    let Some(deb) = package(".deb") else { return };
    if !require::programs("packages", &["lintian"]) {
        return;
    }
    let said =
        Command::new("lintian").args(["--allow-root", "--no-tag-display-limit"]).arg(&deb).output().expect("it runs");
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let errors: Vec<&str> = said.lines().filter(|line| line.starts_with("E:")).collect();
    assert!(errors.is_empty(), "{said}");
}

#[test]
fn rpmlint_finds_no_error() {
    let Some(rpm) = package(".rpm") else { return };
    if !require::programs("packages", &["rpmlint"]) {
        return;
    }
    let config = hids_tests::programs::source_root().join("config/packaging/rpm/rpmlint.toml");
    let said = Command::new("rpmlint").arg("--config").arg(config).arg(&rpm).output().expect("it runs");
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains("packages and 0 specfiles checked"), "{said}");
    let errors: Vec<&str> = said.lines().filter(|line| line.contains(": E: ")).collect();
    assert!(errors.is_empty(), "{said}");
}
