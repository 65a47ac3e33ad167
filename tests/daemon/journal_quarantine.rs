//! Entries of the journal at which the daemon crashes. The journal of the test is a program that prints what the test
//! writes, behind the cursor that it is given.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use hids_tests::daemon::{Daemon, append};
use hids_tests::network::{alone, new_mounts};
use hids_tests::programs::hidsd_with_faults;
use hids_tests::require;
use serde_json::json;

use crate::common::recorded_numbers;
use crate::quarantine::{is_told, quarantined, supervise, told};

const JOURNAL: &str = "<global><alert_fold_above>0</alert_fold_above></global>
    <localfile><log_format>journald</log_format><location>all</location></localfile>";
const FILE: &str = "<localfile><log_format>syslog</log_format><location>@LOG@</location></localfile>";

/// A journal that the test writes.
struct Journal {
    directory: PathBuf,
}

impl Journal {
    /// Puts a program in the place of journalctl, in a mount namespace of the test's own.
    fn new(daemon: &Daemon) -> Self {
        new_mounts();
        let journal = Self { directory: daemon.path("journal") };
        std::fs::create_dir(&journal.directory).expect("a directory");
        std::fs::write(journal.entries(), "").expect("a journal");
        let text = "#!/bin/sh
            [ -e DIRECTORY/broken ] && exit 1
            for word; do case $word in --after-cursor=*) cursor=${word#*=};; esac; done
            line=$(grep -nF \"\\\"__CURSOR\\\":\\\"$cursor\\\"\" DIRECTORY/entries | cut -d: -f1)
            case \"$*\" in
            *--follow*) exec tail -n +$((line + 1)) -f DIRECTORY/entries;;
            *--since*) exec cat DIRECTORY/entries;;
            *--lines=1*) echo '{\"__CURSOR\":\"s=1;i=0;t=1\",\"__REALTIME_TIMESTAMP\":\"1\"}';;
            esac\n";
        let program = daemon.path("journalctl");
        std::fs::write(&program, text.replace("DIRECTORY", &journal.directory.to_string_lossy())).expect("a program");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("made executable");
        let covered = Command::new("mount").arg("--bind").arg(&program).arg("/usr/bin/journalctl").status();
        assert!(covered.is_ok_and(|status| status.success()), "cannot cover journalctl");
        journal
    }

    fn entries(&self) -> PathBuf {
        self.directory.join("entries")
    }

    /// From now on it cannot be read.
    fn break_down(&self) {
        std::fs::write(self.directory.join("broken"), "").expect("written");
    }
}

/// An entry of sshd with this process number.
fn entry(pid: u32, message: &str) -> String {
    let entry = json!({
        "__CURSOR": cursor(pid), "__REALTIME_TIMESTAMP": "1795558167000000", "_HOSTNAME": host(),
        "SYSLOG_IDENTIFIER": "sshd", "_PID": pid.to_string(), "_TRANSPORT": "syslog", "_UID": "0",
        "_EXE": "/usr/sbin/sshd", "_SYSTEMD_UNIT": "ssh.service", "MESSAGE": message,
    });
    format!("{entry}\n")
}

fn cursor(pid: u32) -> String {
    format!("s=1;i={pid};t=6612a6b0c9c00")
}

fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

fn failure(pid: u32) -> String {
    format!("Failed password for root from 203.0.113.{} port {} ssh2", pid % 250, 1024 + pid)
}

fn killer(fault: &str) -> String {
    format!("Failed password for @fault-{fault}@ from 203.0.113.251 port 22 ssh2")
}

fn sorted(daemon: &Daemon) -> Vec<u64> {
    let mut numbers = recorded_numbers(daemon);
    numbers.sort_unstable();
    numbers
}

fn with_journal(sections: &str, test: impl FnOnce(Daemon, Journal) + Send + 'static) {
    if !require::programs("journalctl", &["journalctl"]) {
        return;
    }
    let sections = sections.to_owned();
    alone(move || {
        let daemon = Daemon::new(&sections).running(hidsd_with_faults());
        let journal = Journal::new(&daemon);
        test(daemon, journal);
    });
}

/// `fault` in one entry among others, before the first look at them and again while they are followed.
fn only_the_entry_is_set_aside(fault: &'static str, part: &'static str) {
    with_journal(JOURNAL, move |mut daemon, journal| {
        daemon.start();
        for round in 0..2 {
            let others = round * 100 + 1..round * 100 + 100;
            let mut entries: Vec<String> = others.map(|pid| entry(pid, &failure(pid))).collect();
            entries.insert(50, entry(round * 100 + 100, &killer(fault)));
            append(&journal.entries(), entries.concat().as_bytes());
            let (all, told_of) = ((round as usize + 1) * 99, round as usize + 1);
            let deaths =
                supervise(&mut daemon, |daemon| recorded_numbers(daemon).len() >= all && is_told(daemon, told_of));
            assert!((1..=2).contains(&deaths), "{deaths}");
            let wanted: Vec<u64> = (1..u64::from(round + 1) * 100).filter(|pid| pid % 100 != 0).collect();
            assert_eq!(sorted(&daemon), wanted, "each of the others once");
            let kept = quarantined(&daemon);
            assert_eq!((kept.len(), told(&daemon)), (told_of, told_of), "{kept:?}");
            let last = &kept[told_of - 1];
            assert!(last["line"].as_str().is_some_and(|line| line.contains(&killer(fault))), "{last}");
            assert!(last["position"].as_str().is_some_and(|at| at.contains(&cursor(round * 100 + 100))), "{last}");
            assert_eq!((&last["part"], &last["source"]), (&json!(part), &json!("journald")));
        }
        // What was set aside is passed over without a word when the reader looks back at it after a start.
        daemon.stop();
        daemon.start();
        append(&journal.entries(), entry(300, &failure(300)).as_bytes());
        let deaths = supervise(&mut daemon, |daemon| recorded_numbers(daemon).contains(&300));
        assert_eq!((deaths, quarantined(&daemon).len()), (0, 2));
    });
}

// Item 10
#[test]
fn an_entry_that_crashes_the_reader_of_the_journal_costs_only_itself() {
    only_the_entry_is_set_aside("journal-panic", "journal");
}

#[test]
fn an_entry_that_crashes_the_analysis_costs_only_itself() {
    only_the_entry_is_set_aside("rules-overflow", "analysis");
}

#[test]
fn an_entry_whose_alert_crashes_the_recorder_costs_only_that() {
    only_the_entry_is_set_aside("record-panic", "recorder");
}

// Copies of the journal's lines are left out of what a file gives. Whether one is may differ from one life to the next.
#[test]
fn a_line_behind_copies_that_come_again_is_found_all_the_same() {
    with_journal(&format!("{JOURNAL}{FILE}"), |mut daemon, journal| {
        daemon.start();
        let in_file = |pid: u32, message: &str| {
            let short = host().split('.').next().unwrap_or_default().to_owned();
            format!("Nov 29 19:00:00 {short} sshd[{pid}]: {message}\n")
        };
        let mut entries = String::new();
        let mut lines = String::new();
        for pid in 1..=20 {
            entries.push_str(&entry(pid, &failure(pid)));
            lines.push_str(&in_file(pid, &failure(pid)));
        }
        // Only the file holds the killer, and what comes after it.
        lines.push_str(&in_file(9999, &killer("decoder-panic")));
        lines.push_str(&in_file(21, &failure(21)));
        append(&journal.entries(), entries.as_bytes());
        append(&daemon.log(), lines.as_bytes());
        let mut is_broken = false;
        let deaths = supervise(&mut daemon, |daemon| {
            let recorded = std::fs::metadata(daemon.path("state/crash.record")).is_ok_and(|record| record.len() > 0);
            // The second crash: the copies were left out twice, and from now on nobody knows that they are copies.
            if recorded && !is_broken && daemon.path("state/suspects.json").exists() {
                is_broken = true;
                journal.break_down();
            }
            recorded_numbers(daemon).contains(&21) && is_told(daemon, 1)
        });
        assert!(is_broken);
        assert_eq!(deaths, 2);
        assert_eq!(sorted(&daemon), (1..=21).collect::<Vec<u64>>());
        assert_eq!(quarantined(&daemon)[0]["source"], daemon.log().to_string_lossy().into_owned());
    });
}
