//! Writes JSON objects straight into the output buffer, without building a value first.
//!
//! Alerts are written by the hundred thousand; a tree of values costs more than all analysis.

use crate::model::{DecoderNames, FieldName, FieldsView, RuleFacts};

use crate::escape::is_dangerous;

/// More keys than any line has, decoders' own fields apart.
const MAX_KEYS: usize = 40;

/// One object being written; the keys tell which names a decoder's own fields may take.
pub(super) struct Object<'a> {
    out: &'a mut Vec<u8>,
    keys: [&'static str; MAX_KEYS],
    count: usize,
}

impl<'a> Object<'a> {
    pub(super) fn start(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, keys: [""; MAX_KEYS], count: 0 }
    }

    pub(super) fn end(self) {
        self.out.push(b'}');
    }

    /// Writes `key` and its colon; the value follows.
    fn key(&mut self, key: &'static str) -> &mut Vec<u8> {
        if self.count > 0 {
            self.out.push(b',');
        }
        if let Some(place) = self.keys.get_mut(self.count) {
            *place = key;
        }
        self.count += 1;
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    /// A text, also an empty one.
    pub(super) fn text(&mut self, key: &'static str, value: &[u8]) {
        push_string(self.key(key), value);
    }

    /// A text unless it is missing or empty.
    pub(super) fn some(&mut self, key: &'static str, value: Option<&[u8]>) {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            self.text(key, value);
        }
    }

    pub(super) fn number(&mut self, key: &'static str, value: i64) {
        push_number(self.key(key), value);
    }

    /// A text that is made by `write` and needs no escapes.
    pub(super) fn plain(&mut self, key: &'static str, write: impl FnOnce(&mut Vec<u8>)) {
        let out = self.key(key);
        out.push(b'"');
        write(out);
        out.push(b'"');
    }

    pub(super) fn object(&mut self, key: &'static str, write: impl FnOnce(&mut Object<'_>)) {
        let mut inner = Object::start(self.key(key));
        write(&mut inner);
        inner.end();
    }

    /// An array of texts, unless there are none.
    pub(super) fn texts<'t>(&mut self, key: &'static str, texts: impl Iterator<Item = &'t [u8]>) {
        let mut texts = texts.peekable();
        if texts.peek().is_none() {
            return;
        }
        let out = self.key(key);
        out.push(b'[');
        for (at, text) in texts.enumerate() {
            if at > 0 {
                out.push(b',');
            }
            push_string(out, text);
        }
        out.push(b']');
    }

    /// An array of objects, unless there are none.
    pub(super) fn objects<T>(
        &mut self,
        key: &'static str,
        values: impl Iterator<Item = T>,
        mut write: impl FnMut(&mut Object<'_>, T),
    ) {
        let mut values = values.peekable();
        if values.peek().is_none() {
            return;
        }
        let out = self.key(key);
        out.push(b'[');
        for (at, value) in values.enumerate() {
            if at > 0 {
                out.push(b',');
            }
            let mut inner = Object::start(out);
            write(&mut inner, value);
            inner.end();
        }
        out.push(b']');
    }

    pub(super) fn field(&mut self, fields: &FieldsView<'_>, name: FieldName) {
        if let Some(key) = name.fixed_name() {
            self.some(key, fields.value(&name));
        }
    }

    /// A decoder's own fields under their own names; one that other keys already use gets `field_`.
    pub(super) fn own_fields(&mut self, fields: &FieldsView<'_>) {
        const LATER_KEYS: [&str; 15] = [
            "decoder_desc",
            "agent_name",
            "agentip",
            "timestamp",
            "logfile",
            "evidence",
            "decoder",
            "full_log",
            "id",
            "group_id",
            "count",
            "first_time",
            "last_time",
            "target",
            "untrusted_sender",
        ];
        let known = &self.keys[..self.count.min(MAX_KEYS)];
        let mut own: Vec<String> = Vec::new();
        for (name, value) in &fields.0 {
            let FieldName::Dynamic(name) = name else { continue };
            let mut key = name.to_string();
            while known.contains(&key.as_str()) || LATER_KEYS.contains(&key.as_str()) || own.contains(&key) {
                key.insert_str(0, "field_");
            }
            if value.is_empty() {
                continue;
            }
            if self.count + own.len() > 0 {
                self.out.push(b',');
            }
            push_string(self.out, key.as_bytes());
            self.out.push(b':');
            push_string(self.out, value);
            own.push(key);
        }
        // Only that something stands before the next key counts from here on.
        self.count += own.len();
    }
}

/// `rule` as in alerts.json and archives.json.
pub(super) fn rule_object(object: &mut Object<'_>, rule: &RuleFacts, fired_times: u64) {
    object.number("level", rule.level.0.into());
    object.text("comment", rule.description.as_bytes());
    object.number("sidid", rule.id.0.into());
    object.some("cve", rule.cve.as_deref().map(str::as_bytes));
    object.some("info", rule.info.as_deref().map(str::as_bytes));
    if !rule.mitre.is_empty() {
        // As Wazuh 4 has it.
        object.object("mitre", |object| object.texts("id", rule.mitre.iter().map(String::as_bytes)));
    }
    if let Some(frequency) = rule.frequency {
        object.number("frequency", frequency.into());
    }
    object.number("firedtimes", i64::try_from(fired_times).unwrap_or(i64::MAX));
    object.some("group", Some(rule.group.as_bytes()));
    let (pci, cis) = ("pci_dss_", "cis_");
    object.texts(
        "groups",
        rule.groups().filter(|name| !name.starts_with(pci) && !name.starts_with(cis)).map(str::as_bytes),
    );
    object.texts("PCI_DSS", rule.groups().filter_map(|name| name.strip_prefix(pci)).map(str::as_bytes));
    object.texts("CIS", rule.groups().filter_map(|name| name.strip_prefix(cis)).map(str::as_bytes));
}

/// `decoder_desc` of alerts.json, `decoder` of archives.json.
pub(super) fn decoder_object(object: &mut Object<'_>, decoder: &DecoderNames) {
    object.some("parent", decoder.parent.as_deref().map(str::as_bytes));
    object.text("name", decoder.name.as_bytes());
}

/// Appends `value` in decimal.
pub(super) fn push_number(out: &mut Vec<u8>, value: i64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = value.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}

/// Appends `bytes` as a JSON string; bytes that are not UTF-8 read `\x1b` in it, and characters
/// that a terminal or a line reader may act on are escaped even where JSON allows them.
pub(super) fn push_string(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    let mut rest = bytes;
    loop {
        let plain = plain_length(rest);
        out.extend_from_slice(&rest[..plain]);
        rest = &rest[plain..];
        let Some(&byte) = rest.first() else { break };
        if byte.is_ascii() {
            push_escaped(out, byte);
            rest = &rest[1..];
        } else {
            let length = rest.iter().take_while(|byte| !byte.is_ascii()).count();
            push_characters(out, &rest[..length]);
            rest = &rest[length..];
        }
    }
    out.push(b'"');
}

/// How many of the first bytes mean themselves in a JSON string.
fn plain_length(bytes: &[u8]) -> usize {
    let needs_care = |byte: u8| !(0x20..0x7f).contains(&byte) || byte == b'"' || byte == b'\\';
    let mut length = 0;
    // Sixteen at a time without a branch inside: the compiler makes vector instructions of it.
    for chunk in bytes.chunks_exact(16) {
        if chunk.iter().fold(false, |care, &byte| care | needs_care(byte)) {
            break;
        }
        length += 16;
    }
    length + bytes[length..].iter().take_while(|&&byte| !needs_care(byte)).count()
}

fn push_escaped(out: &mut Vec<u8>, byte: u8) {
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        b'\t' => b't',
        b'\n' => b'n',
        0x0c => b'f',
        b'\r' => b'r',
        _ => return push_unit(out, byte.into()),
    };
    out.extend_from_slice(&[b'\\', short]);
}

fn push_characters(out: &mut Vec<u8>, bytes: &[u8]) {
    for chunk in bytes.utf8_chunks() {
        for char in chunk.valid().chars() {
            if is_dangerous(char) {
                char.encode_utf16(&mut [0; 2]).iter().for_each(|&unit| push_unit(out, unit));
            } else {
                out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        for &byte in chunk.invalid() {
            out.extend_from_slice(b"\\\\x");
            out.extend([hex(byte >> 4), hex(byte)]);
        }
    }
}

/// `\u001b`
fn push_unit(out: &mut Vec<u8>, unit: u16) {
    out.extend_from_slice(b"\\u");
    out.extend([12, 8, 4, 0].map(|shift| hex((unit >> shift) as u8)));
}

fn hex(nibble: u8) -> u8 {
    b"0123456789abcdef"[usize::from(nibble & 15)]
}
