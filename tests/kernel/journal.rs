//! The journal: who is believed, each line once, and nothing about hidsd itself. The journal of the test is a program
//! that prints what the test writes, since the machine may have none.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use hids_tests::daemon::{Daemon, append, wait_for};
use hids_tests::network::{alone, new_mounts};
use hids_tests::programs::hidsd;
use hids_tests::require;
use serde_json::{Value, json};

const JOURNAL: &str = "<localfile><log_format>journald</log_format><location>all</location></localfile>";
const FILE: &str = "<localfile><log_format>syslog</log_format><location>@LOG@</location></localfile>";
const RESPONSE: &str =
    "<command><name>firewall-drop</name><executable>firewall-drop.sh</executable><expect>srcip</expect>
    <timeout_allowed>yes</timeout_allowed></command>
    <active-response><command>firewall-drop</command><location>local</location><level>7</level><timeout>600</timeout>
    </active-response>";

/// A journal that the test writes.
struct Journal {
    entries: PathBuf,
    count: std::cell::Cell<u32>,
}

impl Journal {
    /// Puts a program in the place of journalctl, in a mount namespace of the test's own; with `broken` it fails.
    fn new(daemon: &Daemon, broken: bool) -> Self {
        new_mounts();
        let (entries, program) = (daemon.path("entries"), daemon.path("journalctl"));
        let journal = Self { entries: entries.clone(), count: std::cell::Cell::new(1) };
        std::fs::write(&entries, "").expect("a journal");
        let text = match broken {
            true => "#!/bin/sh\nexit 1\n".to_owned(),
            false => format!(
                "#!/bin/sh\ncase \"$*\" in *--follow*) exec tail -n +1 -f '{}';;\n*--lines=1*) echo '{}';; esac\n",
                entries.display(),
                json!({"__CURSOR": "s=1;i=0;t=1", "__REALTIME_TIMESTAMP": "1"}),
            ),
        };
        std::fs::write(&program, text).expect("a program");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("made executable");
        let covered = Command::new("mount").arg("--bind").arg(&program).arg("/usr/bin/journalctl").status();
        assert!(covered.is_ok_and(|status| status.success()), "cannot cover journalctl");
        journal
    }

    fn add(&self, identifier: &str, sender: &Value, message: &str) {
        let count = self.count.replace(self.count.get() + 1);
        let mut entry = json!({
            "__CURSOR": format!("s=1;i={count};t=1"), "__REALTIME_TIMESTAMP": "1795558167000000",
            "_HOSTNAME": host(), "SYSLOG_IDENTIFIER": identifier, "_PID": "9", "_TRANSPORT": "syslog",
            "MESSAGE": message,
        });
        entry.as_object_mut().expect("an object").extend(sender.as_object().expect("an object").clone());
        append(&self.entries, format!("{entry}\n").as_bytes());
    }
}

fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

fn sshd() -> Value {
    json!({"_UID": "0", "_EXE": "/usr/sbin/sshd", "_SYSTEMD_UNIT": "ssh.service"})
}

fn failure(address: &str, port: u32) -> String {
    format!("Failed password for root from {address} port {port} ssh2")
}

fn alerts_of(daemon: &Daemon, rule: u64, address: &str) -> Vec<Value> {
    let alerts = daemon.alerts().into_iter();
    alerts.filter(|alert| alert["rule"]["sidid"] == rule && alert["srcip"] == address).collect()
}

// H5: twelve times `logger -t 'sshd[1]' 'Failed password …'` of nobody, beside a real attacker.
#[test]
fn whoever_forges_sshd_s_lines_raises_alerts_and_blocks_nobody() {
    if !require::programs("journalctl", &["journalctl"]) {
        return;
    }
    alone(|| {
        let mut daemon = Daemon::new(&format!("{JOURNAL}{RESPONSE}")).acting();
        let journal = Journal::new(&daemon, false);
        daemon.start();
        let forger = json!({"_UID": "65534", "_EXE": "/usr/bin/logger", "_SYSTEMD_UNIT": "session-3.scope"});
        for port in 40..52 {
            journal.add("sshd", &forger, &failure("203.0.113.9", port));
        }
        for port in 40..52 {
            // Interleaved: forged lines about the real attacker must not hide him.
            journal.add("sshd", &forger, &failure("203.0.113.5", port));
            journal.add("sshd", &sshd(), &failure("203.0.113.5", 1000 + port));
        }
        wait_for("the block of the real attacker", || {
            let blocks = daemon.hidsctl_json(&["blocks", "list"])?.to_string();
            blocks.contains("203.0.113.5").then_some(())
        });
        let forged = wait_for("the alert of the forged lines", || alerts_of(&daemon, 5720, "203.0.113.9").pop());
        assert_eq!(
            forged["untrusted_sender"],
            json!({"reason": "other_user", "uid": 65534, "executable": "/usr/bin/logger", "unit": "session-3.scope"})
        );
        let real = alerts_of(&daemon, 5720, "203.0.113.5");
        assert!(real.iter().any(|alert| alert["untrusted_sender"].is_null()), "{real:?}");
        let blocks = daemon.hidsctl_json(&["blocks", "list"]).expect("blocks").to_string();
        assert!(!blocks.contains("203.0.113.9"), "{blocks}");
        let why = String::from_utf8_lossy(&daemon.hidsctl(&["why", "203.0.113.9"]).stdout).into_owned();
        assert!(why.contains("the journal does not confirm the sender of the line"), "{why}");
    });
}

// O-B1: rsyslog's file beside the journal.
#[test]
fn a_line_in_journal_and_file_counts_once_and_lines_of_one_of_them_are_not_lost() {
    if !require::programs("journalctl", &["journalctl"]) {
        return;
    }
    alone(|| {
        let mut daemon = Daemon::new(&format!("{JOURNAL}{FILE}"));
        let journal = Journal::new(&daemon, false);
        daemon.start();
        let in_file = |host: &str, address: &str, port: u32| {
            daemon.log_line(&format!("Nov 29 19:00:00 {host} sshd[9]: {}", failure(address, port)));
        };
        let short = host().split('.').next().expect("a name").to_owned();
        for port in 1..=3 {
            in_file(&short, "203.0.113.1", port);
            journal.add("sshd", &sshd(), &failure("203.0.113.1", port));
        }
        in_file("gate", "203.0.113.2", 1);
        in_file(&short, "203.0.113.3", 1);
        journal.add("sshd", &sshd(), &failure("203.0.113.4", 1));
        for address in ["203.0.113.2", "203.0.113.3", "203.0.113.4"] {
            wait_for("each line of one of them", || alerts_of(&daemon, 5716, address).pop());
        }
        let seen: Vec<Value> = alerts_of(&daemon, 5716, "203.0.113.1");
        assert_eq!(seen.len(), 3, "{seen:?}");
        assert!(seen.iter().all(|alert| alert["location"] == "journald"), "{seen:?}");
        let status = daemon.status().expect("the status");
        assert_eq!(status["collect"]["duplicates_skipped"], 3, "{}", status["collect"]);
    });
}

// O-B1
#[test]
fn files_are_read_by_themselves_when_the_journal_cannot_be() {
    if !require::programs("journalctl", &["journalctl"]) {
        return;
    }
    alone(|| {
        let mut daemon = Daemon::new(&format!("{JOURNAL}{FILE}"));
        let _journal = Journal::new(&daemon, true);
        daemon.start();
        daemon.log_line(&format!("Nov 29 19:00:00 {} sshd[9]: {}", host(), failure("203.0.113.1", 1)));
        wait_for("the alert", || alerts_of(&daemon, 5716, "203.0.113.1").pop());
    });
}

// O-B5
#[test]
fn the_daemon_does_not_alert_about_itself_and_nobody_hides_behind_its_name() {
    if !require::programs("journalctl", &["journalctl"]) {
        return;
    }
    alone(|| {
        let mut daemon = Daemon::new(JOURNAL);
        let journal = Journal::new(&daemon, false);
        daemon.start();
        let program = hidsd().canonicalize().expect("hidsd");
        let own = json!({"_UID": "0", "_EXE": program, "_SYSTEMD_UNIT": "hidsd.service"});
        let forger = json!({"_UID": "1000", "_EXE": "/usr/bin/logger"});
        journal.add("hidsd", &own, "WARN error: Operation not permitted, from 203.0.113.9");
        journal.add("sshd", &own, &failure("203.0.113.9", 1));
        journal.add("hidsd", &forger, "Segmentation fault");
        journal.add("app", &forger, "a fatal error: Operation not permitted");
        journal.add("sshd", &forger, &failure("203.0.113.1", 1));
        wait_for("the last entry", || alerts_of(&daemon, 5716, "203.0.113.1").pop());
        let alerts = daemon.alerts();
        let of_app = alerts.iter().filter(|alert| alert["program_name"] == "app").count();
        assert_eq!(of_app, 1, "a bad word of another program alerts: {alerts:?}");
        assert!(!alerts.iter().any(|alert| alert["full_log"].to_string().contains("203.0.113.9")), "{alerts:?}");
        assert_eq!(daemon.status().expect("the status")["collect"]["own_entries_skipped"], 2);
    });
}
