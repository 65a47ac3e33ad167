//! Archives (every event) and the firewall log.

use std::sync::Arc;

use jiff::tz::TimeZone;

use super::alert_log::{local_time, push_local_time, push_origin};
use super::json::{Object, decoder_object, rule_object};
use super::syscheck::before_and_after;
use super::text::visible;
use crate::model::{DecoderNames, FieldName, Fields, FieldsView, FileNotice, LogSource, RuleFacts, Timestamp};

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
    /// What file integrity told, when the event is its.
    pub notice: Option<Arc<FileNotice>>,
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
    const FIRST: [FieldName; 14] = [
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
        FieldName::FileName,
    ];
    let fields = FieldsView::from(&event.fields);
    let mut object = Object::start(out);
    object.some("program_name", event.program_name.as_deref());
    object.some("log", event.full_log.get(event.log_offset..));
    FIRST.into_iter().for_each(|name| object.field(&fields, name));
    if let Some(notice) = &event.notice {
        before_and_after(&mut object, notice);
    }
    if let Some((rule, fired_times)) = &event.rule {
        object.object("rule", |object| rule_object(object, rule, *fired_times));
    }
    object.own_fields(&fields);
    if let Some(decoder) = &event.decoder {
        object.object("decoder", |object| decoder_object(object, decoder));
    }
    object.text("full_log", &event.full_log);
    object.plain("timestamp", |out| push_local_time(out, event.time, zone));
    object.some("agent_name", Some(&event.hostname));
    object.text("logfile", event.source.location.as_bytes());
    object.end();
    out.push(b'\n');
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
