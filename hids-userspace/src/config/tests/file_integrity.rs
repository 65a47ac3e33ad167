//! `<syscheck>`: what its options come to.

use std::path::Path;

use super::{Folder, config, warnings};
use crate::config::{LoadOptions, ProtectMode, load};

#[test]
fn directory_attributes_count_from_left_to_right() {
    let text = "<syscheck><directories check_all=\"yes\" check_md5sum=\"no\" realtime=\"yes\">/etc, /usr/bin,/etc</directories></syscheck>";
    let syscheck = config(text).syscheck;
    assert_eq!(syscheck.directories.len(), 2);
    let checks = syscheck.directories[1].checks;
    assert!(checks.sha256 && checks.permissions && !checks.md5 && syscheck.directories[1].realtime);
    assert!(warnings(text).contains(&"C051"));
}

#[test]
fn check_all_leaves_what_ossec_does_not_have() {
    let text = "<syscheck><directories check_inode=\"yes\" check_blake3=\"yes\" check_all=\"yes\" check_mtime=\"no\">/etc</directories></syscheck>";
    let checks = config(text).syscheck.directories[0].checks;
    assert!(checks.inode && checks.blake3 && checks.md5 && checks.extended && !checks.modified);
}

#[test]
fn whodata_and_protect_are_realtime() {
    let of = |attributes: &str| {
        let text = format!("<syscheck><directories check_all=\"yes\" {attributes}>/opt/x</directories></syscheck>");
        let found = config(&text).syscheck.directories.remove(0);
        (found.realtime, found.who, found.protect)
    };
    assert_eq!(of(""), (false, false, false));
    assert_eq!(of("realtime=\"yes\""), (true, true, false));
    assert_eq!(of("realtime=\"yes\" whodata=\"no\""), (true, false, false));
    assert_eq!(of("whodata=\"yes\" realtime=\"no\""), (true, true, false));
    assert_eq!(of("protect=\"yes\""), (true, true, true));
}

#[test]
fn protection_has_a_mode_and_an_allow_list() {
    let plain = config("<syscheck><directories check_all=\"yes\">/etc</directories></syscheck>").syscheck;
    assert_eq!(plain.protect_mode, ProtectMode::Monitor);
    assert!(plain.protect_allow.iter().any(|allow| allow.path == Path::new("/usr/bin/dpkg")));
    let sum = "ab".repeat(32);
    let text = format!(
        "<syscheck><directories check_all=\"yes\" protect=\"yes\">/usr/bin</directories><protect_mode>enforce</protect_mode>
        <protect_allow sha256=\"{sum}\">/bin/sh</protect_allow></syscheck>"
    );
    let syscheck = config(&text).syscheck;
    assert_eq!(syscheck.protect_mode, ProtectMode::Enforce);
    assert_eq!(syscheck.protect_allow[0].sha256, Some([0xab; 32]));
    assert!(!syscheck.protect_allow.iter().any(|allow| allow.path == Path::new("/usr/bin/dpkg")));
    assert_eq!(
        warnings(
            "<syscheck><directories check_all=\"yes\" protect=\"yes\">/var/</directories><protect_allow>/no/such</protect_allow></syscheck>"
        ),
        ["C053", "C054"]
    );
    let wildcard = |path: &str| {
        warnings(&format!("<syscheck><directories check_all=\"yes\" protect=\"yes\">{path}</directories></syscheck>"))
    };
    assert_eq!(wildcard("/*"), ["C053"], "it stands for /var");
    assert_eq!(wildcard("/v*/t[m]p/"), ["C053"]);
    assert_eq!(wildcard("/usr/*bin"), [] as [&str; 0]);
}

#[test]
fn ignore_that_no_path_begins_with_is_named() {
    for option in ["ignore", "nodiff"] {
        let of = |attributes: &str, text: &str| {
            warnings(&format!(
                "<syscheck><directories check_all=\"yes\">/etc</directories><{option}{attributes}>{text}</{option}></syscheck>"
            ))
        };
        let sregex = " type=\"sregex\"";
        for (attributes, text) in
            [("", "etc/mtab"), ("", "*.log"), ("", "^/etc"), (sregex, "^etc"), (sregex, ".log$|^var/")]
        {
            assert_eq!(of(attributes, text), ["C058"], "{attributes} {text}");
        }
        for (attributes, text) in [("", "/etc/mtab"), ("", " /etc/mtab "), (sregex, "^/etc|.log$"), (sregex, "etc")] {
            assert_eq!(of(attributes, text), [] as [&str; 0], "{attributes} {text}");
        }
    }
}

#[test]
fn sizes_and_speeds_of_scans() {
    let text = "<syscheck><directories check_all=\"yes\" recursion_level=\"3\">/etc</directories>
        <scan_rate>20</scan_rate><process_priority>-5</process_priority><diff_size_limit>64KB</diff_size_limit></syscheck>";
    let syscheck = config(text).syscheck;
    assert_eq!((syscheck.scan_rate_mib, syscheck.scan_nice, syscheck.diff_size_limit), (Some(20), -5, 65_536));
    assert_eq!(syscheck.directories[0].recursion_level, Some(3));
    let plain = config("<syscheck><scan_rate>0</scan_rate></syscheck>").syscheck;
    assert_eq!((plain.scan_rate_mib, plain.scan_nice, plain.diff_size_limit), (None, 10, 1 << 20));
}

#[test]
fn new_files_alert_by_default_but_not_in_the_strict_mode() {
    let folder = Folder::new("<ossec_config><syscheck><frequency>60</frequency></syscheck></ossec_config>");
    for strict_ossec in [false, true] {
        let options =
            LoadOptions { config: Some(folder.path().join("ossec.conf")), strict_ossec, ..LoadOptions::default() };
        let config = load(&options).config.expect("no errors");
        assert_eq!(config.syscheck.alert_new_files, !strict_ossec);
    }
}

#[test]
fn directories_that_lead_nowhere_are_named() {
    use hids_core::diag::Severity;
    let text = "<syscheck><directories check_all=\"yes\">/etc,/no/such/place,/no/such/*</directories></syscheck>";
    let loaded = super::load_sections(text);
    assert_eq!(super::codes(&loaded.diagnostics, Severity::Note), ["C055"]);
    assert_eq!(super::codes(&loaded.diagnostics, Severity::Warning), ["C055"]);
    assert_eq!(loaded.config.expect("no errors").syscheck.directories.len(), 3);
}
