//! An entry of the journal in journalctl's JSON, and the syslog line that is made of it.

use hids_core::model::{Timestamp, UntrustedSender};
use hids_core::sender::SenderFacts;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

/// Longest event, as for files.
const MAX_EVENT_BYTES: usize = 64 * 1024;

/// Fields that are asked for; cursor and times always come.
pub(super) const FIELDS: [&str; 13] = [
    "MESSAGE",
    "SYSLOG_IDENTIFIER",
    "SYSLOG_PID",
    "CONTAINER_NAME",
    "_COMM",
    "_PID",
    "_HOSTNAME",
    "_TRANSPORT",
    "_UID",
    "_EXE",
    "_SYSTEMD_UNIT",
    "_SYSTEMD_CGROUP",
    "_SYSTEMD_USER_UNIT",
];

/// One entry.
#[derive(Debug)]
pub(super) struct Entry {
    /// Its name in the journal.
    pub cursor: String,
    /// When journald received it.
    pub time: Timestamp,
    fields: Map<String, Value>,
}

/// Who sent an entry, as far as journald knows.
#[derive(Debug, Default)]
pub(super) struct Sender {
    pub identifier: Vec<u8>,
    transport: Vec<u8>,
    pub uid: Option<u32>,
    pub pid: Option<u32>,
    pub executable: Vec<u8>,
    pub unit: Vec<u8>,
    control_group: Vec<u8>,
    container: Vec<u8>,
}

impl Entry {
    /// The entry in one line of JSON; `None` when it is none.
    pub(super) fn parse(json: &[u8]) -> Option<Self> {
        #[cfg(feature = "faults")]
        hids_core::faults::strike("journal", json);
        let Value::Object(fields) = serde_json::from_slice(json).ok()? else { return None };
        let cursor = fields.get("__CURSOR")?.as_str()?.to_owned();
        let micros: i64 = fields.get("__REALTIME_TIMESTAMP")?.as_str()?.parse().ok()?;
        let time = Timestamp::from_unix_nanos(micros.saturating_mul(1000));
        (!cursor.is_empty() && !cursor.contains(char::is_control)).then_some(Self { cursor, time, fields })
    }

    /// `TIME HOST IDENTIFIER[PID]: TEXT`; `None` when the entry has no text.
    pub(super) fn line(&self, zone: &TimeZone) -> Option<Vec<u8>> {
        let message = self.field("MESSAGE")?;
        let time = self.time.in_zone(zone);
        let mut out = time.strftime("%Y-%m-%dT%H:%M:%S.%6f%:z ").to_string().into_bytes();
        out.extend(name(&self.field("_HOSTNAME").unwrap_or_default(), b"localhost"));
        out.push(b' ');
        out.extend(self.identifier());
        let pid = self.field("_PID").or_else(|| self.field("SYSLOG_PID")).unwrap_or_default();
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

    /// The name under which decoders and rules see the entry. The sender chooses it.
    ///
    /// Docker names a container by the start of its number, which tells nothing: its name does. Such a name can be that
    /// of a service, which confirms nothing: the line of a container is judged by `CONTAINER_NAME`.
    fn identifier(&self) -> Vec<u8> {
        let identifier = self.field("SYSLOG_IDENTIFIER").or_else(|| self.field("_COMM")).unwrap_or_default();
        let container = self.field("CONTAINER_NAME").filter(|name| !name.is_empty() && is_container_id(&identifier));
        name(&container.unwrap_or(identifier), b"unknown")
    }

    pub(super) fn sender(&self) -> Sender {
        let text = |name| self.field(name).unwrap_or_default();
        let number = |name| std::str::from_utf8(&self.field(name)?).ok()?.parse().ok();
        Sender {
            identifier: self.identifier(),
            transport: text("_TRANSPORT"),
            uid: number("_UID"),
            pid: number("_PID"),
            executable: text("_EXE"),
            unit: text("_SYSTEMD_UNIT"),
            control_group: text("_SYSTEMD_CGROUP"),
            container: text("CONTAINER_NAME"),
        }
    }

    /// The bytes of a field: a string, an array of numbers when it is not text, or the first of several.
    pub(super) fn field(&self, name: &str) -> Option<Vec<u8>> {
        bytes(self.fields.get(name)?)
    }
}

impl Sender {
    pub(super) fn facts(&self) -> SenderFacts<'_> {
        SenderFacts {
            identifier: &self.identifier,
            transport: &self.transport,
            uid: self.uid,
            executable: &self.executable,
            unit: &self.unit,
            control_group: &self.control_group,
            container: &self.container,
        }
    }

    pub(super) fn untrusted(self, doubt: hids_core::model::Doubt) -> UntrustedSender {
        let some = |text: Vec<u8>| (!text.is_empty()).then_some(text);
        UntrustedSender { doubt, uid: self.uid, executable: some(self.executable), unit: some(self.unit) }
    }
}

/// What is read of an entry in JSON.
#[derive(Debug)]
pub struct ReadEntry<'a> {
    /// The line that is analysed.
    pub line: Vec<u8>,
    /// Its name in the journal.
    pub cursor: String,
    /// The same as it is found without parsing the rest.
    pub found_cursor: Option<&'a [u8]>,
}

/// Reads one entry; `None` when it has no line.
pub(crate) fn read(json: &[u8]) -> Option<ReadEntry<'_>> {
    let entry = Entry::parse(json)?;
    entry.sender();
    let line = entry.line(&TimeZone::UTC)?;
    Some(ReadEntry { line, cursor: entry.cursor, found_cursor: cursor_of(json) })
}

/// The cursor in one line of JSON, found without reading the rest. A value cannot be taken for it: quotation marks
/// in values have a backslash before them.
pub(super) fn cursor_of(json: &[u8]) -> Option<&[u8]> {
    const NAME: &[u8] = b"\"__CURSOR\"";
    let rest = &json[memchr::memmem::find(json, NAME)? + NAME.len()..];
    // Older versions write blanks around the colon.
    let value = &rest[rest.iter().position(|byte| *byte == b'"')?..];
    let before = rest.len() - value.len();
    let value = value.get(1..)?;
    let end = memchr::memchr(b'"', value)?;
    (rest[..before].iter().all(|byte| matches!(byte, b' ' | b':')) && end > 0).then_some(&value[..end])
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

/// Whether a text is the number of a container, whole or its first twelve digits.
fn is_container_id(text: &[u8]) -> bool {
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    matches!(text.len(), 12 | 64) && text.iter().all(is_digit)
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
        let entry = Entry::parse(json.as_bytes()).expect("an entry");
        String::from_utf8_lossy(&entry.line(&TimeZone::UTC).expect("has text")).into_owned()
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
        let line = Entry::parse(json.as_bytes()).and_then(|entry| entry.line(&TimeZone::UTC)).expect("a line");
        assert!(line.ends_with(b" localhost p: hi\xff\0"), "{line:?}");
    }

    #[test]
    fn a_forged_name_stays_within_its_place() {
        let json = r#"{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1","_HOSTNAME":"h","SYSLOG_IDENTIFIER":"x: sshd[1]","_PID":"1","MESSAGE":"m"}"#;
        assert!(line_of(json).ends_with("h x__sshd_1_[1]: m"));
    }

    #[test]
    fn a_container_is_called_by_its_name_where_its_tag_is_a_number() {
        let of = |identifier: &str| {
            line_of(&format!(
                r#"{{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1","_HOSTNAME":"h","SYSLOG_IDENTIFIER":"{identifier}","CONTAINER_NAME":"shop_web 1","_PID":"9","MESSAGE":"m"}}"#
            ))
        };
        assert!(of("0123456789ab").ends_with(" h shop_web_1[9]: m"));
        assert!(of("nginx").ends_with(" h nginx[9]: m"));
        assert!(of("0123456789AB").ends_with(" h 0123456789AB[9]: m"));
    }

    #[test]
    fn an_entry_without_text_has_no_line() {
        let json = br#"{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1","MESSAGE":null}"#;
        let entry = Entry::parse(json).expect("an entry");
        assert_eq!((entry.cursor.as_str(), entry.line(&TimeZone::UTC)), ("s=1", None));
    }

    #[test]
    fn the_sender_is_what_the_identifier_is_checked_against_and_several_values_cannot_differ() {
        // A client may give a field of its own twice; line and check must see the same one.
        let json = br#"{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1","SYSLOG_IDENTIFIER":["app","sshd"],"_UID":"33","MESSAGE":"m"}"#;
        let entry = Entry::parse(json).expect("an entry");
        assert!(entry.line(&TimeZone::UTC).expect("text").ends_with(b" app: m"));
        let sender = entry.sender();
        assert_eq!((sender.identifier.as_slice(), sender.uid, sender.pid), (&b"app"[..], Some(33), None));
    }

    #[test]
    fn the_cursor_is_found_without_parsing_and_not_in_a_value() {
        for json in [
            r#"{"__CURSOR":"s=1;i=2","MESSAGE":"m"}"#,
            r#"{"MESSAGE":"\"__CURSOR\":\"s=9\"","__CURSOR" : "s=1;i=2"}"#,
            r#"{"MESSAGE":[34,95],"__CURSOR":"s=1;i=2", broken"#,
        ] {
            assert_eq!(cursor_of(json.as_bytes()), Some(&b"s=1;i=2"[..]), "{json}");
        }
        for json in ["", "{}", r#"{"__CURSOR":12}"#, r#"{"__CURSOR":12,"a":"b"}"#, r#"{"__CURSOR":"#] {
            assert_eq!(cursor_of(json.as_bytes()), None, "{json}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(json in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = (cursor_of(&json), cursor_of(&[&b"\"__CURSOR\""[..], &json].concat()));
            let _ = Entry::parse(&json).map(|entry| (entry.line(&TimeZone::UTC), entry.sender()));
        }
    }
}
