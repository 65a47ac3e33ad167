//! Makes a syslog line of a journal entry in journalctl's JSON.

use hids_core::model::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

/// Longest event, as for files.
const MAX_EVENT_BYTES: usize = 64 * 1024;

/// What is taken from an entry.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its name in the journal.
    pub cursor: String,
    /// `TIME HOST IDENTIFIER[PID]: TEXT`; `None` when the entry has no text.
    pub line: Option<Vec<u8>>,
}

/// Fields that are asked for; cursor and times always come.
pub(super) const FIELDS: &str = "MESSAGE,SYSLOG_IDENTIFIER,SYSLOG_PID,_COMM,_PID,_HOSTNAME";

/// The entry in one line of JSON; `None` when it is none.
pub(super) fn parse(json: &[u8], zone: &TimeZone) -> Option<Entry> {
    let Value::Object(fields) = serde_json::from_slice(json).ok()? else { return None };
    let cursor = fields.get("__CURSOR")?.as_str()?.to_owned();
    (!cursor.is_empty() && !cursor.contains(char::is_control)).then(|| Entry { line: line(&fields, zone), cursor })
}

fn line(fields: &Map<String, Value>, zone: &TimeZone) -> Option<Vec<u8>> {
    let message = field(fields, "MESSAGE")?;
    let micros: i64 = fields.get("__REALTIME_TIMESTAMP")?.as_str()?.parse().ok()?;
    let time = Timestamp::from_unix_nanos(micros.saturating_mul(1000)).in_zone(zone);
    let mut out = time.strftime("%Y-%m-%dT%H:%M:%S.%6f%:z ").to_string().into_bytes();
    out.extend(name(&field(fields, "_HOSTNAME").unwrap_or_default(), b"localhost"));
    out.push(b' ');
    let identifier = field(fields, "SYSLOG_IDENTIFIER").or_else(|| field(fields, "_COMM")).unwrap_or_default();
    out.extend(name(&identifier, b"unknown"));
    let pid = field(fields, "_PID").or_else(|| field(fields, "SYSLOG_PID")).unwrap_or_default();
    if !pid.is_empty() && pid.iter().all(u8::is_ascii_digit) {
        out.push(b'[');
        out.extend(pid);
        out.push(b']');
    }
    out.extend(b": ");
    out.extend(message);
    out.truncate(MAX_EVENT_BYTES);
    Some(out)
}

/// The bytes of a field: a string, an array of numbers when it is not text, or the first of several.
fn field(fields: &Map<String, Value>, name: &str) -> Option<Vec<u8>> {
    bytes(fields.get(name)?)
}

fn bytes(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::String(text) => Some(text.clone().into_bytes()),
        Value::Array(items) if items.iter().all(Value::is_number) => {
            items.iter().map(|item| item.as_u64().and_then(|byte| u8::try_from(byte).ok())).collect()
        }
        Value::Array(items) => items.first().and_then(bytes),
        _ => None,
    }
}

/// A host or program name that cannot be taken for another part of the line.
fn name(text: &[u8], otherwise: &[u8]) -> Vec<u8> {
    let text = if text.is_empty() { otherwise } else { text };
    text.iter()
        .map(|&byte| if byte.is_ascii_alphanumeric() || b"()-./@_".contains(&byte) { byte } else { b'_' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line_of(json: &str) -> String {
        let entry = parse(json.as_bytes(), &TimeZone::UTC).expect("an entry");
        String::from_utf8_lossy(&entry.line.expect("has text")).into_owned()
    }

    #[test]
    fn an_entry_becomes_a_line_with_iso_time() {
        let json = r#"{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1795558167000015","_HOSTNAME":"box","SYSLOG_IDENTIFIER":"sshd","_PID":"12","MESSAGE":"Failed password"}"#;
        assert_eq!(line_of(json), "2026-11-24T22:09:27.000015+00:00 box sshd[12]: Failed password");
    }

    #[test]
    fn the_kernel_has_no_process() {
        let json = r#"{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1000000","_HOSTNAME":"box","SYSLOG_IDENTIFIER":"kernel","MESSAGE":"x"}"#;
        assert_eq!(line_of(json), "1970-01-01T00:00:01.000000+00:00 box kernel: x");
    }

    #[test]
    fn bytes_that_are_not_text_come_as_numbers() {
        let json = r#"{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1","_COMM":"p","MESSAGE":[104,105,255,0]}"#;
        let line = parse(json.as_bytes(), &TimeZone::UTC).and_then(|entry| entry.line).expect("a line");
        assert!(line.ends_with(b" localhost p: hi\xff\0"), "{line:?}");
    }

    #[test]
    fn a_forged_name_stays_within_its_place() {
        let json = r#"{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1","_HOSTNAME":"h","SYSLOG_IDENTIFIER":"x: sshd[1]","_PID":"1","MESSAGE":"m"}"#;
        assert!(line_of(json).ends_with("h x__sshd_1_[1]: m"));
    }

    #[test]
    fn an_entry_without_text_has_no_line() {
        let json = br#"{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1","MESSAGE":null}"#;
        assert_eq!(parse(json, &TimeZone::UTC), Some(Entry { cursor: "s=1".into(), line: None }));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(json in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&json, &TimeZone::UTC);
        }
    }
}
