//! alerts.log: OSSEC's block of lines per alert.

use jiff::tz::TimeZone;
use memchr::memmem;

use super::text::{push_log_line, push_own_lines, visible};
use crate::model::{Alert, FieldName, LogSource, Timestamp};

/// Longest value of a one-line field; OSSEC's own buffers are larger, its readers' are not.
const FIELD_LIMIT_BYTES: usize = 1024;

/// Appends the block of `alert`, its closing empty line included.
///
/// Layout of OSSEC 4.3.0 (`src/analysisd/alerts/log.c`): with the mail flag two blanks stand before
/// the dash. Only the log line, the earlier lines and the previous output come from outside whole;
/// each is exactly one line, see `push_log_line`. The texts of file integrity are lines of our own, which OSSEC's
/// readers take as what they say.
pub fn alert_log(out: &mut Vec<u8>, alert: &Alert, zone: &TimeZone) {
    let mail = if alert.mailed { " mail " } else { "" };
    out.extend_from_slice(format!("** Alert {}:{mail} - ", alert.id).as_bytes());
    visible(out, alert.rule.group.as_bytes(), FIELD_LIMIT_BYTES);
    out.push(b'\n');
    out.extend_from_slice(local_time(alert.time, zone).as_bytes());
    out.push(b' ');
    push_origin(out, &alert.hostname, &alert.source);
    out.push(b'\n');
    out.extend_from_slice(format!("Rule: {} (level {}) -> '", alert.rule.id, alert.rule.level).as_bytes());
    visible(out, alert.rule.description.as_bytes(), FIELD_LIMIT_BYTES);
    out.extend_from_slice(b"'\n");
    for (label, value) in shown_fields(alert) {
        out.extend_from_slice(format!("{label}: ").as_bytes());
        visible(out, value, FIELD_LIMIT_BYTES);
        out.push(b'\n');
    }
    match &alert.notice {
        Some(_) => push_own_lines(out, &alert.full_log),
        None => push_log_line(out, &alert.full_log),
    }
    for line in &alert.evidence {
        push_log_line(out, &line.full_log);
    }
    if let Some(target) = &alert.target {
        push_log_line(out, target.to_string().as_bytes());
    }
    if let Some(previous) = &alert.previous_output {
        out.extend_from_slice(b"Previous output:\n");
        push_log_line(out, previous);
    }
    out.push(b'\n');
}

/// `YYYY Mon DD hh:mm:ss` in `zone`.
pub fn local_time(time: Timestamp, zone: &TimeZone) -> String {
    let mut out = Vec::with_capacity(20);
    push_local_time(&mut out, time, zone);
    String::from_utf8_lossy(&out).into_owned()
}

/// Appends [`local_time`].
pub(super) fn push_local_time(out: &mut Vec<u8>, time: Timestamp, zone: &TimeZone) {
    const MONTHS: [&[u8; 5]; 12] = [
        b" Jan ", b" Feb ", b" Mar ", b" Apr ", b" May ", b" Jun ", b" Jul ", b" Aug ", b" Sep ", b" Oct ", b" Nov ",
        b" Dec ",
    ];
    let local = time.civil_in(zone);
    // A time in nanoseconds lies between the years 1677 and 2262.
    let (century, year) = (local.year() / 100, local.year() % 100);
    let digits = |value: i16| [b'0' + (value / 10 % 10) as u8, b'0' + (value % 10) as u8];
    let two = |value: i8| digits(value.into());
    out.extend(digits(century));
    out.extend(digits(year));
    out.extend_from_slice(MONTHS[(local.month() as usize).saturating_sub(1) % 12]);
    for (value, after) in [(local.day(), b' '), (local.hour(), b':'), (local.minute(), b':')] {
        out.extend(two(value));
        out.push(after);
    }
    out.extend(two(local.second()));
}

/// The fields that alerts.log and mail show, in OSSEC's order. `User` is the user acted upon.
pub(super) fn shown_fields(alert: &Alert) -> impl Iterator<Item = (&'static str, &[u8])> + '_ {
    const SHOWN: [(&str, FieldName); 5] = [
        ("Src IP", FieldName::SrcIp),
        ("Src Port", FieldName::SrcPort),
        ("Dst IP", FieldName::DstIp),
        ("Dst Port", FieldName::DstPort),
        ("User", FieldName::DstUser),
    ];
    SHOWN.into_iter().filter_map(move |(label, name)| {
        let value = alert.fields.value(&name)?;
        (!value.is_empty()).then_some((label, value))
    })
}

/// Appends `HOST->LOCATION`, or one of them when they are the same text.
///
/// A host name comes from the line: an arrow in it is escaped so that it cannot move the border.
pub(super) fn push_origin(out: &mut Vec<u8>, hostname: &[u8], source: &LogSource) {
    let mut host = Vec::new();
    visible(&mut host, hostname, FIELD_LIMIT_BYTES);
    let mut rest = host.as_slice();
    while let Some(at) = memmem::find(rest, b"->") {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(b"-\\x3e");
        rest = &rest[at + 2..];
    }
    out.extend_from_slice(rest);
    if hostname != source.location.as_bytes() {
        out.extend_from_slice(b"->");
        visible(out, source.location.as_bytes(), FIELD_LIMIT_BYTES);
    }
}
