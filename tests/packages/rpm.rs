//! The .rpm, as `rpm` sees it and in a root of its own: Enterprise Linux itself cannot be had here.

use std::fs;
use std::process::Command;

use hids_tests::machine::{self, Release};
use hids_tests::require;

use crate::packages::{lab, package, run};

#[test]
fn the_rpm_installs_keeps_edited_files_and_is_removed() {
    let Some(rpm) = package(".rpm") else { return };
    if !require::programs("packages", &["rpm"]) {
        return;
    }
    let query = |what: &str| run(Command::new("rpm").args(["--query", "--package", what]).arg(&rpm));
    let kept = query("--configfiles");
    for file in ["/etc/hids/ossec.conf", "/etc/hids/rules/local_rules.xml", "/etc/hids/decoders/local_decoder.xml"] {
        assert!(kept.lines().any(|line| line == file), "{kept}");
    }
    assert!(query("--conflicts").contains("ossec-hids"), "{}", query("--conflicts"));

    let Some(lab) = lab() else { return };
    // Its shell, systemd-sysusers and others run the scripts.
    let Some(tree) = machine::tree(&lab.server, Release::Debian12) else { return };
    let file = format!("{}/root/hids.rpm", tree.place());
    lab.server.write(&file, fs::read(&rpm).expect("a package")).expect("a copy");
    let on_root = |arguments: &[&str]| {
        let all = ["--root", tree.place(), "--dbpath", "/var/lib/rpm"].into_iter().chain(arguments.iter().copied());
        lab.server.output("rpm", all).unwrap_or_else(|error| panic!("{error:#}"));
    };
    on_root(&["--initdb"]);
    // Debian's database knows what it depends on, rpm's does not.
    on_root(&["--install", "--nodeps", &file]);
    let version = tree.output("/usr/sbin/hidsctl", ["--version"]).expect("it starts");
    assert!(version.starts_with("hidsctl"), "{version}");
    assert!(fs::read_to_string(tree.path("/etc/passwd")).expect("the users").contains("\nhids:"), "post has not run");
    let config = tree.path("/etc/hids/ossec.conf");
    fs::write(&config, "<ossec_config/>").expect("an edited configuration");
    on_root(&["--upgrade", "--nodeps", "--force", &file]);
    assert_eq!(fs::read_to_string(&config).expect("kept"), "<ossec_config/>");
    // A newer version has run meanwhile: this one does not take its place.
    tree.write("/var/lib/hids/format", "2 999.0\n").expect("newer state");
    let all =
        ["--root", tree.place(), "--dbpath", "/var/lib/rpm", "--upgrade", "--oldpackage", "--nodeps", "--force", &file];
    let refused = lab.server.command("rpm").args(all).output().expect("rpm runs");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("newer version (999.0)") && said.contains("mv "), "{said}");
    assert!(tree.path("/usr/sbin/hidsd").is_file(), "the newer one is gone");
    on_root(&["--erase", "--nodeps", "hids"]);
    assert!(!tree.path("/usr/sbin/hidsd").exists());
    assert!(tree.path("/etc/hids/ossec.conf.rpmsave").is_file() || config.is_file());
}
