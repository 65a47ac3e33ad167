//! The daemon's own log in a real journal: searched by its fields, omitted when the journal is read, and never waited
//! for.

use std::os::unix::fs::MetadataExt as _;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use hids_tests::daemon::{Daemon, wait_for};
use hids_tests::network::{alone, new_mounts};
use hids_tests::{require, wait};
use rustix::process::{Pid, Signal, kill_process};

const JOURNALD: &str = "/lib/systemd/systemd-journald";
const CONFIGURATION: &str = "<global><alert_fold_above>0</alert_fold_above></global>
    <localfile><log_format>journald</log_format><location>all</location></localfile>
    <localfile><log_format>syslog</log_format><location>@LOG@</location></localfile>
    <command><name>firewall-drop</name><executable>firewall-drop.sh</executable><expect>srcip</expect>
    <timeout_allowed>yes</timeout_allowed></command>
    <active-response><command>firewall-drop</command><location>local</location><level>10</level><timeout>600</timeout>
    </active-response>";

/// A journal of the test's own, below a `/run` of its own.
struct Journald(Child);

impl Journald {
    fn start() -> Self {
        new_mounts();
        for (directory, options) in [("/run", "size=64m"), ("/var/log", "size=1m")] {
            let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs", directory]).status();
            assert!(mounted.is_ok_and(|status| status.success()), "cannot cover {directory}");
        }
        std::fs::create_dir_all("/run/systemd/journal").expect("a directory");
        let log = std::fs::File::create("/run/journald.messages").expect("a file");
        let child = Command::new(JOURNALD).stderr(log).spawn().expect("journald runs");
        let journald = Self(child);
        wait_for("the journal", || std::fs::exists("/run/systemd/journal/socket").ok().filter(|is| *is));
        journald
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.0.id().cast_signed()).expect("a process");
        kill_process(pid, signal).expect("it runs");
    }
}

impl Drop for Journald {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn entries(matches: &[&str]) -> Vec<serde_json::Value> {
    let output = Command::new("journalctl").args(["-D", "/run/log/journal", "-o", "json"]).args(matches).output();
    let text = String::from_utf8(output.expect("journalctl runs").stdout).expect("JSON");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Lets the daemon find that its standard error is the journal.
fn in_journal(daemon: &mut Daemon) {
    let file = std::fs::File::create(daemon.path("hidsd.messages")).expect("a file");
    let data = file.metadata().expect("there");
    daemon.start_by(&["/usr/bin/env", &format!("JOURNAL_STREAM={}:{}", data.dev(), data.ino())]);
}

fn attack(daemon: &Daemon, address: &str) {
    for _ in 0..8 {
        daemon.log_line(&format!("Nov 24 10:00:00 web1 sshd[5]: Failed password for root from {address} port 22 ssh2"));
    }
}

fn is_blocked(daemon: &Daemon, address: &str) -> Option<()> {
    daemon.hidsctl_json(&["blocks", "list"])?.to_string().contains(address).then_some(())
}

#[test]
fn the_journal_has_alerts_and_blocks_by_field_and_is_never_waited_for() {
    if !require::programs("journald", &[JOURNALD, "journalctl"]) {
        return;
    }
    alone(|| {
        let journald = Journald::start();
        let mut daemon = Daemon::new(CONFIGURATION).acting();
        in_journal(&mut daemon);
        daemon.start();
        attack(&daemon, "203.0.113.66");
        wait_for("the block", || is_blocked(&daemon, "203.0.113.66"));
        wait_for("the entries", || (entries(&["HIDS_RULE=5720"]).len() >= 2).then_some(()));
        let found = entries(&["HIDS_RULE=5720", "HIDS_SRCIP=203.0.113.66"]);
        let of = |beginning: &str| {
            let is = |entry: &&serde_json::Value| entry["MESSAGE"].as_str().is_some_and(|m| m.starts_with(beginning));
            found.iter().find(is).unwrap_or_else(|| panic!("{beginning}: {found:?}"))
        };
        let blocked = of("address blocked (srcip=203.0.113.66, rule=5720, offence=1, until=\"");
        assert_eq!((&blocked["PRIORITY"], &blocked["SYSLOG_IDENTIFIER"]), (&"5".into(), &"hidsd".into()));
        assert_eq!(of("alert: sshd: ")["HIDS_LEVEL"], "10");
        assert_eq!(daemon.messages(), "", "everything is in the journal, and once");
        // A warning is found by its priority.
        std::fs::write(daemon.path("ossec.conf"), "<ossec_config><global>").expect("written");
        daemon.hangup();
        wait_for("the warning", || {
            let warnings = entries(&["-p", "warning", "SYSLOG_IDENTIFIER=hidsd"]);
            warnings.iter().any(|entry| entry["MESSAGE"].to_string().contains("reload failed")).then_some(())
        });
        // It reads the same journal: its own entries lead to nothing.
        wait_for("own entries to be omitted", || {
            (daemon.status()?["collect"]["own_entries_skipped"].as_u64()? >= 2).then_some(())
        });
        let about_itself = |alert: &serde_json::Value| alert["full_log"].to_string().contains("hidsd[");
        assert!(!daemon.alerts().iter().any(about_itself), "{:?}", daemon.alerts());
        // A journal that hangs costs entries and nothing else.
        journald.signal(Signal::STOP);
        let started = Instant::now();
        for number in 1..=40 {
            attack(&daemon, &format!("198.51.100.{number}"));
        }
        wait_for("the last block", || is_blocked(&daemon, "198.51.100.40"));
        let lost = wait_for("the lost entries", || {
            let status = daemon.status()?;
            let lost = status["log"]["lost"].as_u64().filter(|lost| *lost > 0)?;
            status["problems"].to_string().contains("own log lost").then_some(lost)
        });
        let took = started.elapsed();
        assert!(took < wait::scaled(Duration::from_secs(30)), "{lost} entries lost in {took:?}");
        journald.signal(Signal::CONT);
        attack(&daemon, "203.0.113.77");
        wait_for("the log to go on", || (!entries(&["HIDS_SRCIP=203.0.113.77"]).is_empty()).then_some(()));
        wait_for("the number of lost entries", || {
            let said = entries(&["SYSLOG_IDENTIFIER=hidsd"]);
            said.iter().any(|entry| entry["HIDS_LOST"].is_string()).then_some(())
        });
    });
}

#[test]
fn without_the_journals_socket_lines_have_priorities_and_no_second_time() {
    alone(|| {
        new_mounts();
        let covered = Command::new("mount").args(["-t", "tmpfs", "tmpfs", "/run"]).status();
        assert!(covered.is_ok_and(|status| status.success()), "cannot cover /run");
        let mut daemon =
            Daemon::new("<localfile><log_format>syslog</log_format><location>@LOG@</location></localfile>");
        in_journal(&mut daemon);
        daemon.start();
        let text = daemon.messages();
        assert!(text.lines().any(|line| line.starts_with("<6>startup completed (")), "{text}");
        assert!(text.lines().all(|line| line.starts_with('<')), "{text}");
    });
}
