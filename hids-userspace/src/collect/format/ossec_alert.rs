//! alerts.log of another OSSEC: each alert becomes the line that OSSEC's syslog output would send.

use super::assembler::{Assemble, Emit, Held, MAX_EVENT_BYTES};

/// What is known of the alert being read.
#[derive(Debug, Default)]
pub(super) struct OssecAlert {
    reading: bool,
    location: Vec<u8>,
    level: Vec<u8>,
    rule: Vec<u8>,
    description: Vec<u8>,
    source: Vec<u8>,
    user: Vec<u8>,
    log: Option<Vec<u8>>,
}

impl Assemble for OssecAlert {
    fn line(&mut self, line: &[u8], emit: Emit<'_>) -> Held {
        if line.starts_with(b"** Alert ") {
            self.flush(emit);
            self.reading = true;
            return Held::FromThisLine;
        }
        if !self.reading {
            return Held::Nothing;
        }
        if line.is_empty() {
            self.flush(emit);
            return Held::Nothing;
        }
        self.take(line);
        Held::FromEarlier
    }

    fn flush(&mut self, emit: Emit<'_>) {
        let alert = std::mem::take(self);
        if alert.rule.is_empty() || alert.location.is_empty() {
            return;
        }
        let mut event =
            [&b"ossec: Alert Level: "[..], &alert.level, b"; Rule: ", &alert.rule, b" - ", &alert.description].concat();
        event.extend_from_slice(&[b"; Location: ", &alert.location[..], b";"].concat());
        for (name, value) in [(&b" srcip: "[..], &alert.source), (b" user: ", &alert.user)] {
            if !value.is_empty() && value != b"(none)" {
                event.extend_from_slice(&[name, value, b";"].concat());
            }
        }
        // Two blanks: where OSSEC's decoder of such events finds the log.
        event.extend_from_slice(b"  ");
        event.extend_from_slice(&alert.log.unwrap_or_default());
        event.truncate(MAX_EVENT_BYTES);
        emit(&event);
    }

    fn is_holding(&self) -> bool {
        self.reading
    }
}

impl OssecAlert {
    fn take(&mut self, line: &[u8]) {
        if self.location.is_empty() {
            // `YYYY Mon dd hh:mm:ss LOCATION`
            let mut parts = line.splitn(5, |&byte| byte == b' ');
            self.location = parts.nth(4).unwrap_or(line).to_vec();
        } else if self.rule.is_empty() {
            self.take_rule(line);
        } else if self.log.is_some() {
            // Earlier lines that a composite rule counted.
        } else if let Some(address) = line.strip_prefix(b"Src IP: ") {
            self.source = address.to_vec();
        } else if let Some(user) = line.strip_prefix(b"User: ") {
            self.user = user.to_vec();
        } else if ![&b"Src Port: "[..], b"Dst IP: ", b"Dst Port: "].iter().any(|name| line.starts_with(name)) {
            self.log = Some(line.to_vec());
        }
    }

    /// `Rule: N (level L) -> 'TEXT'`
    fn take_rule(&mut self, line: &[u8]) {
        let Some(rest) = line.strip_prefix(b"Rule: ") else { return };
        let digits = |text: &[u8]| text.iter().copied().take_while(u8::is_ascii_digit).collect::<Vec<u8>>();
        self.rule = digits(rest);
        if let Some(at) = memchr::memmem::find(rest, b"(level ") {
            self.level = digits(&rest[at + 7..]);
        }
        if let Some(at) = memchr::memmem::find(rest, b"-> '") {
            let text = &rest[at + 4..];
            self.description = text.strip_suffix(b"'").unwrap_or(text).to_vec();
        }
    }
}
