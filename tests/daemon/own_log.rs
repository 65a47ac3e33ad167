//! The daemon's own log on standard error, and OSSEC's `ossec.log`.

use hids_tests::daemon::{Daemon, append, wait_for};

const WATCH: &str = "<localfile><log_format>syslog</log_format><location>@LOG@</location></localfile>";

fn file(daemon: &Daemon, name: &str) -> String {
    std::fs::read_to_string(daemon.path(name)).unwrap_or_default()
}

#[test]
fn ossec_log_is_written_in_ossecs_layout_where_its_directories_are_used() {
    let mut daemon = Daemon::new("");
    for directory in ["etc", "queue"] {
        std::fs::create_dir(daemon.path(directory)).expect("a directory");
    }
    daemon.configured_at("etc/ossec.conf");
    daemon.configure(WATCH);
    std::fs::create_dir(daemon.path("logs")).expect("a directory");
    append(&daemon.path("logs/ossec.log"), b"2026/11/24 22:26:08 ossec-testrule: INFO: old\n");
    daemon.start();
    let line = |text: &str, part: &str| text.lines().find(|line| line.contains(part)).map(str::to_owned);
    let said = wait_for("the start", || line(&file(&daemon, "logs/ossec.log"), " hidsd: INFO: startup completed ("));
    let (time, rest) = said.split_at("2026/11/24 22:26:08".len());
    let is_like =
        |(char, shape): (char, char)| if shape.is_ascii_digit() { char.is_ascii_digit() } else { char == shape };
    assert!(time.chars().zip("2026/11/24 22:26:08".chars()).all(is_like) && rest.starts_with(" hidsd: "), "{said}");
    assert!(file(&daemon, "logs/ossec.log").starts_with("2026/11/24 22:26:08 ossec-testrule"), "appended");
    // After a rotation a new file begins.
    std::fs::rename(daemon.path("logs/ossec.log"), daemon.path("logs/ossec.log.1")).expect("rotated");
    daemon.hangup();
    wait_for("the new file", || line(&file(&daemon, "logs/ossec.log"), "hidsd: INFO: configuration reloaded"));
    let path = daemon.path("logs/ossec.log").display().to_string();
    assert_eq!(daemon.status().expect("a status")["log"]["ossec_log"]["path"], path);
    daemon.stop();
    assert!(line(&file(&daemon, "logs/ossec.log"), "hidsd: INFO: shutting down").is_some());
}

#[test]
fn standard_error_has_local_times_with_their_offset_and_other_layouts_have_no_ossec_log() {
    let mut daemon = Daemon::new(WATCH);
    daemon.start_by(&["/usr/bin/env", "TZ=Europe/Berlin"]);
    daemon.start();
    let text = daemon.messages();
    let said = text.lines().find(|line| line.contains("startup completed")).unwrap_or_else(|| panic!("{text}"));
    assert!(
        said[19..].starts_with(" +01:00 INFO startup completed (") || said[19..].starts_with(" +02:00 INFO"),
        "{said}"
    );
    assert!(daemon.status().expect("a status")["log"]["ossec_log"].is_null());
    assert!(!daemon.path("logs/ossec.log").exists());
}
