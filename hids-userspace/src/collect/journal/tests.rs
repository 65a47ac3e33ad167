//! A real journalctl on journal files that systemd-journal-remote makes.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crossbeam_channel::Receiver;
use hids_core::model::LogBatch;

use crate::collect::{CollectOptions, CollectTuning, CollectorHandle, start};
use crate::config::{JournalSelection, LogFormat, LogInput, LogSourceConfig};

const MAKER: &str = "/lib/systemd/systemd-journal-remote";

/// Whether the programs are here; says what is missing when not.
fn can_run() -> bool {
    let here = Path::new(MAKER).exists() && Command::new("journalctl").arg("--version").output().is_ok();
    if !here {
        let reason = format!("journalctl or {MAKER} is missing (package systemd-journal-remote)");
        hids_tests::require::skip("journal", &reason);
    }
    here
}

/// Adds entries to the journal in `directory`: number, identifier, message.
fn write_entries(directory: &Path, file: &str, entries: &[(u64, &str, &str)]) {
    let mut export = String::new();
    for (number, identifier, message) in entries {
        let micros = 1_795_558_167_000_000 + number * 1_000_000;
        export.push_str(&format!(
            "__REALTIME_TIMESTAMP={micros}\n__MONOTONIC_TIMESTAMP={micros}\n_BOOT_ID=0123456789abcdef0123456789abcdef\n\
             _MACHINE_ID=fedcba9876543210fedcba9876543210\n_HOSTNAME=box\nSYSLOG_IDENTIFIER={identifier}\n_PID=7\nMESSAGE={message}\n\n"
        ));
    }
    let input = directory.join("export");
    std::fs::write(&input, export).expect("written");
    let output = directory.join(file);
    let status = Command::new(MAKER)
        .arg("--output")
        .arg(output)
        .arg("--split-mode=none")
        .arg("--seal=no")
        .arg(&input)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("runs");
    assert!(status.success());
    std::fs::remove_file(input).expect("removed");
}

fn follow(
    directory: &Path,
    identifier: Option<&str>,
    resume: &[(String, String)],
) -> (CollectorHandle, Receiver<LogBatch>) {
    let (out, batches) = crossbeam_channel::bounded(16);
    let config = LogSourceConfig {
        input: LogInput::Journal {
            selections: vec![JournalSelection { identifier: identifier.map(str::to_owned), conditions: Vec::new() }],
            trusted: Vec::new(),
        },
        format: LogFormat::Journald,
    };
    let options = CollectOptions {
        sources: vec![config],
        resume: resume.iter().cloned().collect(),
        first_start: resume.is_empty(),
        tuning: CollectTuning { journal_directory: Some(directory.to_owned()), ..CollectTuning::default() },
        left_out: Vec::new(),
    };
    (start(options, out).expect("starts"), batches)
}

/// Receives until `count` lines are there; answers them and the last position.
fn receive(batches: &Receiver<LogBatch>, count: usize) -> (Vec<String>, Vec<(String, String)>) {
    let (mut lines, mut position) = (Vec::new(), Vec::new());
    while lines.len() < count || position.is_empty() {
        let batch = batches.recv_timeout(hids_tests::wait::scaled(Duration::from_secs(20))).expect("a batch");
        lines.extend(batch.events().map(|event| String::from_utf8_lossy(event.line).into_owned()));
        position = batch.position.into_iter().map(|position| (position.key.to_string(), position.value)).collect();
    }
    (lines, position)
}

/// Without the time, which is written for the machine's zone.
fn texts(lines: &[String]) -> Vec<&str> {
    lines.iter().map(|line| line.split_once(' ').expect("a time").1).collect()
}

#[test]
fn entries_come_from_the_first_new_one_and_go_on_after_a_restart() {
    if !can_run() {
        return;
    }
    let directory = tempfile::tempdir().expect("temporary directory");
    write_entries(directory.path(), "a.journal", &[(1, "sshd", "old"), (2, "su", "old too")]);
    let (collector, batches) = follow(directory.path(), None, &[]);
    let (none, position) = receive(&batches, 0);
    assert!(none.is_empty(), "{none:?}");
    collector.stop();
    write_entries(directory.path(), "b.journal", &[(3, "sshd", "one"), (4, "su", "two")]);
    let (collector, batches) = follow(directory.path(), None, &position);
    let (lines, position) = receive(&batches, 2);
    assert_eq!(texts(&lines), ["box sshd[7]: one", "box su[7]: two"]);
    // While it runs.
    write_entries(directory.path(), "c.journal", &[(5, "sshd", "three")]);
    let (lines, later) = receive(&batches, 1);
    assert_eq!(texts(&lines), ["box sshd[7]: three"]);
    assert_ne!(position, later);
    collector.stop();
}

#[test]
fn an_identifier_selects_entries() {
    if !can_run() {
        return;
    }
    let directory = tempfile::tempdir().expect("temporary directory");
    write_entries(directory.path(), "a.journal", &[(1, "sshd", "old")]);
    let (collector, batches) = follow(directory.path(), Some("sshd"), &[]);
    let (_, position) = receive(&batches, 0);
    collector.stop();
    write_entries(directory.path(), "b.journal", &[(2, "su", "no"), (3, "sshd", "yes")]);
    let (collector, batches) = follow(directory.path(), Some("sshd"), &position);
    let (lines, _) = receive(&batches, 1);
    assert_eq!(texts(&lines), ["box sshd[7]: yes"]);
    collector.stop();
}
