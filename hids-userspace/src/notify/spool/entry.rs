//! One alert in the spool.

use std::net::IpAddr;

use hids_core::join::RuleCount;
use hids_core::model::{Alert, FieldName, FimEvent, Level, RuleId};
use hids_core::render;
use hids_core::respond::canonical;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::contracts::alert_spool::MailItem;

/// What is needed to mail an alert, rendered when it was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MailEntry {
    /// Number in the spool; of alerts mailed by earlier versions, the alert's.
    pub sequence: u64,
    /// Number of the alert; an earlier version's entry has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<u64>,
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
    /// Host of the event.
    #[serde(default)]
    pub host: String,
    /// The address that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<IpAddr>,
    /// The file that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Subject of a mail about it, as OSSEC's.
    pub subject: String,
    /// Its part of the mail.
    pub body: String,
    /// How many alerts it stands for.
    #[serde(default = "one")]
    pub count: u64,
    /// The other rules among them: granular recipients of any of these get it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<OtherRule>,
}

/// A rule among the alerts that an entry stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OtherRule {
    /// Rule.
    pub rule: RuleId,
    /// Level.
    pub level: Level,
    /// Its group string.
    pub group: String,
    /// `HOST->LOCATION`.
    pub location: String,
}

const fn one() -> u64 {
    1
}

fn source(alert: &Alert) -> Option<IpAddr> {
    std::str::from_utf8(alert.fields.value(&FieldName::SrcIp)?).ok()?.parse().ok().map(canonical)
}

fn path(alert: &Alert) -> Option<&[u8]> {
    match alert.notice.as_ref().map(|notice| &notice.news) {
        Some(FimEvent::Change(change)) => Some(&change.path),
        Some(FimEvent::Refusal(refusal)) => Some(&refusal.path),
        _ => alert.fields.value(&FieldName::FileName),
    }
}

impl MailEntry {
    /// Renders `item`.
    pub(crate) fn new(item: MailItem<'_>, zone: &TimeZone, full_subject: bool) -> Self {
        let alert = item.alert;
        let host = render::visible_string(&alert.hostname);
        let place = |location: &str| {
            let location = render::visible_string(location.as_bytes());
            if host == location { location } else { format!("{host}->{location}") }
        };
        let is_other =
            |rule: &&RuleCount| (rule.rule, rule.location.as_str()) != (alert.rule.id, alert.source.location.as_str());
        let other = |rule: &RuleCount| OtherRule {
            rule: rule.rule,
            level: rule.level,
            group: rule.group.clone(),
            location: place(&rule.location),
        };
        Self {
            sequence: item.number,
            alert: Some(alert.id.sequence),
            epoch_seconds: alert.id.epoch_seconds,
            level: alert.rule.level,
            rule: alert.rule.id,
            description: render::header_text(&alert.rule.description),
            group: alert.rule.group.clone(),
            location: place(&alert.source.location),
            source: source(alert),
            path: path(alert).map(|path| render::header_text(&render::visible_string(path))),
            subject: render::mail_subject(alert, full_subject),
            body: render::mail_body(alert, zone),
            count: item.count,
            host: render::header_text(&host),
            others: item.rules.iter().filter(is_other).map(other).collect(),
        }
    }

    /// Number of the alert, with the time for its name.
    pub(crate) fn alert_number(&self) -> u64 {
        self.alert.unwrap_or(self.sequence)
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
