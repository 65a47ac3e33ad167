//! Archives (every event) and the firewall log.

use std::sync::Arc;

use jiff::tz::TimeZone;
use serde_json::Map;

use super::alert_json::{decoder_object, insert_bytes, insert_dynamic, insert_field, push_line, rule_object};
use super::alert_log::{local_time, push_origin};
use super::text::{lossless, visible};
use crate::model::{DecoderNames, FieldName, Fields, LogSource, RuleFacts, Timestamp};

/// Longest line of archives.log: the collector's longest line, every byte of it escaped.
const ARCHIVE_LIMIT_BYTES: usize = 4 * 64 * 1024;

/// An event for the archives (`<logall>`, `<logall_json>`).
#[derive(Clone, Debug)]
pub struct ArchivedEvent {
    /// When it was received.
    pub time: Timestamp,
    /// Host name from the line, or this machine's.
    pub hostname: Vec<u8>,
    /// Program name from the line.
    pub program_name: Option<Vec<u8>>,
    /// Where it comes from.
    pub source: Arc<LogSource>,
    /// The whole line.
    pub full_log: Vec<u8>,
    /// Where in `full_log` the text after the syslog header starts.
    pub log_offset: usize,
    /// The decoder, if one took it.
    pub decoder: Option<DecoderNames>,
    /// The decoded fields.
    pub fields: Fields,
    /// The rule that won and how often it has fired, if one matched.
    pub rule: Option<(Arc<RuleFacts>, u64)>,
}

/// An event of a firewall decoder, for firewall.log.
#[derive(Clone, Debug)]
pub struct FirewallEvent {
    /// When it was received.
    pub time: Timestamp,
    /// Host name from the line, or this machine's.
    pub hostname: Vec<u8>,
    /// Where it comes from.
    pub source: Arc<LogSource>,
    /// Normalised action, protocol, addresses and ports.
    pub fields: Fields,
}

/// Appends the event's line of archives.log.
pub fn archive_line(out: &mut Vec<u8>, event: &ArchivedEvent, zone: &TimeZone) {
    out.extend_from_slice(local_time(event.time, zone).as_bytes());
    out.push(b' ');
    push_origin(out, &event.hostname, &event.source);
    out.push(b' ');
    visible(out, &event.full_log, ARCHIVE_LIMIT_BYTES);
    out.push(b'\n');
}

/// Appends the event's line of archives.json.
pub fn archive_json(out: &mut Vec<u8>, event: &ArchivedEvent, zone: &TimeZone) {
    const FIRST: [FieldName; 13] = [
        FieldName::SrcIp,
        FieldName::DstIp,
        FieldName::SrcPort,
        FieldName::DstPort,
        FieldName::Protocol,
        FieldName::Action,
        FieldName::SrcUser,
        FieldName::DstUser,
        FieldName::Id,
        FieldName::Status,
        FieldName::Url,
        FieldName::Data,
        FieldName::SystemName,
    ];
    let mut object = Map::new();
    insert_bytes(&mut object, "program_name", event.program_name.as_deref());
    insert_bytes(&mut object, "log", event.full_log.get(event.log_offset..));
    for name in &FIRST {
        insert_field(&mut object, &event.fields, name);
    }
    insert_field(&mut object, &event.fields, &FieldName::FileName);
    if let Some((rule, fired_times)) = &event.rule {
        object.insert("rule".into(), rule_object(rule, *fired_times));
    }
    insert_dynamic(&mut object, &event.fields);
    if let Some(decoder) = &event.decoder {
        object.insert("decoder".into(), decoder_object(decoder));
    }
    object.insert("full_log".into(), lossless(&event.full_log).into());
    object.insert("timestamp".into(), local_time(event.time, zone).into());
    insert_bytes(&mut object, "agent_name", Some(&event.hostname));
    object.insert("logfile".into(), event.source.location.clone().into());
    push_line(out, object);
}

/// Appends the event's line of firewall.log: `TIME HOST->LOCATION ACTION PROTOCOL SRC:SPORT->DST:DPORT`.
pub fn firewall_line(out: &mut Vec<u8>, event: &FirewallEvent, zone: &TimeZone) {
    out.extend_from_slice(local_time(event.time, zone).as_bytes());
    out.push(b' ');
    push_origin(out, &event.hostname, &event.source);
    let parts = [
        (" ", FieldName::Action, "-"),
        (" ", FieldName::Protocol, "-"),
        (" ", FieldName::SrcIp, "-"),
        (":", FieldName::SrcPort, "0"),
        ("->", FieldName::DstIp, "-"),
        (":", FieldName::DstPort, "0"),
    ];
    for (separator, name, missing) in parts {
        out.extend_from_slice(separator.as_bytes());
        push_word(out, event.fields.value(&name).filter(|value| !value.is_empty()).unwrap_or(missing.as_bytes()));
    }
    out.push(b'\n');
}

/// A value without blanks, so that the columns after it stay where they are.
fn push_word(out: &mut Vec<u8>, value: &[u8]) {
    let start = out.len();
    visible(out, value, 256);
    for byte in &mut out[start..] {
        if matches!(byte, b' ' | b'\t') {
            *byte = b'_';
        }
    }
}
