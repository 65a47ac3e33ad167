//! The promises of the record stage: everything once, in order, whatever happens.

mod days;
mod disk;
mod files;
mod held;
mod restored;
mod torture;

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use hids_core::model::*;
use jiff::tz::TimeZone;

use super::recover::Recovered;
use super::*;
use crate::config::{DiskReserve, RecordConfig};
use crate::contracts::alert_spool::{AlertSpool, MailItem};

/// 2026-11-24 22:09:27 UTC.
pub(super) const EVENING: i64 = 1_795_558_167;

pub(super) fn alert(sequence: u64, seconds: i64) -> Arc<Alert> {
    Arc::new(Alert {
        id: AlertId { epoch_seconds: seconds, sequence },
        time: Timestamp::from_unix_seconds(seconds),
        rule: Arc::new(RuleFacts {
            id: RuleId(5710),
            level: Level(5),
            description: "a test".into(),
            group: "syslog,sshd,".into(),
            cve: None,
            info: None,
            mitre: Vec::new(),
            frequency: None,
            may_respond: true,
        }),
        fired_times: 1,
        chain: Arc::new([]),
        recorded: true,
        mailed: true,
        decoder: None,
        fields: Fields::default(),
        hostname: b"myhost".to_vec(),
        program_name: None,
        source: Arc::new(LogSource { location: "/var/log/auth.log".into(), channel: Channel::Log }),
        full_log: format!("line {sequence}").into_bytes(),
        log_offset: 0,
        evidence: Vec::new(),
        target: None,
        previous_output: None,
        notice: None,
        untrusted: None,
    })
}

pub(super) fn config() -> RecordConfig {
    RecordConfig {
        json: true,
        compress: true,
        checksums: true,
        reserve: DiskReserve::Bytes(0),
        ..RecordConfig::default()
    }
}

pub(super) fn options(root: &Path, spool: Option<Box<dyn AlertSpool + Send>>) -> RecorderOptions {
    RecorderOptions {
        config: config(),
        logs: root.join("logs"),
        state: root.join("state"),
        zone: TimeZone::UTC,
        spool,
        left_out: None,
    }
}

pub(super) fn open(root: &Path) -> (Recorder, Recovered) {
    Recorder::open(options(root, None)).expect("recorder opens")
}

/// A batch of the given alerts whose source then stands at its last number.
pub(super) fn batch(alerts: Vec<Arc<Alert>>) -> Processed {
    let last = alerts.last().map_or(0, |alert| alert.id.sequence);
    Processed {
        alerts,
        positions: vec![SourcePosition { key: "source".into(), value: last.to_string() }],
        next_sequence: last + 1,
        ..Processed::default()
    }
}

pub(super) fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(path.as_ref()).unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()))
}

/// Numbers of the alerts in an alerts.log text.
pub(super) fn numbers(text: &str) -> Vec<u64> {
    let (alerts, taken) = hids_core::render::parse_alert_log(text.as_bytes());
    assert_eq!(taken, text.len(), "whole records only");
    alerts.iter().filter_map(|alert| Some(alert.id?.sequence)).collect()
}

/// A spool in memory.
#[derive(Clone, Default)]
pub(super) struct MemorySpool {
    pub staged: Arc<Mutex<Vec<u64>>>,
    pub committed: Arc<Mutex<u64>>,
}

impl AlertSpool for MemorySpool {
    fn stage(&mut self, item: MailItem<'_>) -> io::Result<()> {
        self.staged.lock().expect("not poisoned").push(item.number);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn committed(&mut self, next_sequence: u64) {
        *self.committed.lock().expect("not poisoned") = next_sequence;
    }

    fn drop_from(&mut self, next_sequence: u64) -> io::Result<()> {
        self.staged.lock().expect("not poisoned").retain(|&sequence| sequence < next_sequence);
        Ok(())
    }

    fn holds(&self, sequence: u64) -> bool {
        self.staged.lock().expect("not poisoned").contains(&sequence)
    }
}
