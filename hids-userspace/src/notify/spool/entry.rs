//! One alert in the spool.

use hids_core::model::{Alert, Level, RuleId};
use hids_core::render;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// What is needed to mail an alert, rendered when it was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailEntry {
    /// Number of the alert.
    pub sequence: u64,
    /// Seconds since 1970 of the event.
    pub epoch_seconds: i64,
    /// Level.
    pub level: Level,
    /// Rule.
    pub rule: RuleId,
    /// Its description.
    pub description: String,
    /// Its group string.
    pub group: String,
    /// `HOST->LOCATION`.
    pub location: String,
    /// Subject of a mail about it.
    pub subject: String,
    /// Its part of the mail.
    pub body: String,
}

impl MailEntry {
    /// Renders `alert`.
    pub fn new(alert: &Alert, zone: &TimeZone, full_subject: bool) -> Self {
        let host = render::visible_string(&alert.hostname);
        let location = render::visible_string(alert.source.location.as_bytes());
        Self {
            sequence: alert.id.sequence,
            epoch_seconds: alert.id.epoch_seconds,
            level: alert.rule.level,
            rule: alert.rule.id,
            description: render::header_text(&alert.rule.description),
            group: alert.rule.group.clone(),
            location: if host == location { location } else { format!("{host}->{location}") },
            subject: render::mail_subject(alert, full_subject),
            body: render::mail_body(alert, zone),
        }
    }

    /// As a line of the spool: `CRC32 JSON`.
    pub(super) fn encode(&self) -> Vec<u8> {
        let json = serde_json::to_vec(self).expect("an entry is plain strings and numbers");
        let mut line = format!("{:08x} ", crc32fast::hash(&json)).into_bytes();
        line.extend_from_slice(&json);
        line.push(b'\n');
        line
    }

    /// From a whole line; `None` if it was not written whole.
    pub(super) fn decode(line: &[u8]) -> Option<Self> {
        let (sum, json) = line.strip_suffix(b"\n")?.split_at_checked(9)?;
        let sum = u32::from_str_radix(std::str::from_utf8(sum).ok()?.strip_suffix(' ')?, 16).ok()?;
        (crc32fast::hash(json) == sum).then(|| serde_json::from_slice(json).ok())?
    }
}
