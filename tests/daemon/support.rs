//! `hidsctl support`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use hids_tests::daemon::Daemon;

use crate::common::{WATCH_ONE_LOG, failed_login};

/// Name and text of each file in the archive.
fn unpacked(archive: &Path) -> String {
    let output = Command::new("/usr/bin/tar").arg("-xOzf").arg(archive).output().expect("tar runs");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_archive_has_state_and_configuration_but_no_secrets() {
    let secrets = "<global><smtp_password>s3cret-word</smtp_password><email_to>ops@example.com</email_to></global>";
    let mut host = Daemon::new(&format!("{secrets}{WATCH_ONE_LOG}"));
    host.start();
    host.log_line(&failed_login(7));
    host.wait_for_alert(5716);
    let file = host.path("support.tar.gz");
    let name = file.to_string_lossy().into_owned();
    let made = host.hidsctl(&["support", &name]);
    let said = String::from_utf8_lossy(&made.stdout).into_owned();
    assert!(made.status.success() && said.contains("ossec.conf") && said.contains("Look through it"), "{made:?}");
    assert_eq!(file.metadata().expect("there").permissions().mode() & 0o777, 0o600);
    let text = unpacked(&file);
    assert!(text.contains("\"uptime_seconds\"") && text.contains("<smtp_password>********<"), "{text}");
    assert!(!text.contains("s3cret-word") && text.contains("ops@example.com"));
    assert!(!text.contains("Failed password for root"), "no evidence unless asked for");
    let again = host.hidsctl(&["support", &name]);
    assert_eq!(again.status.code(), Some(4), "an existing file is not replaced: {again:?}");

    let other = host.path("other.tar.gz");
    let answer = host.hidsctl_json(&["support", "--with-alerts", "--redact-mail", &other.to_string_lossy()]);
    assert_eq!(answer.expect("it works")["contents"][0]["name"], "README.txt");
    let text = unpacked(&other);
    assert!(!text.contains("ops@example.com") && text.contains("address@redacted"), "{text}");
    assert!(text.contains("Failed password for root"));
    host.stop();
}

#[test]
fn without_a_daemon_it_says_why_there_is_no_status() {
    let host = Daemon::new(WATCH_ONE_LOG);
    let file = host.path("support.tar.gz");
    let made = host.hidsctl(&["support", &file.to_string_lossy()]);
    assert!(made.status.success(), "{made:?}");
    assert!(unpacked(&file).contains("hidsd is not running"));
    fs::remove_file(file).expect("there");
}
