//! SonicWall: `id=firewall … pri=6 c=262144 m=98 … src=1.2.3.4:68:WAN dst=… proto=tcp/http`.

use std::ops::Range;

use memchr::{memchr, memmem};

use super::super::attributes::Reading;
use super::super::decoded::Decoded;
use super::super::fields::{FieldId, FieldValues};
use super::super::kind::EventKind;
use super::{number, word};

/// OSSEC wants `pri=`, `c=` and `m=` beside one another in this order and finds the others anywhere
/// in the text, in quotes too. The default mode (K08) reads the keys wherever they stand, outside of
/// quotes; a key that is there twice with different values says nothing.
pub(super) fn decode(reading: Reading, log: &[u8], fields: &mut FieldValues, decoded: &mut Decoded) -> Option<()> {
    decoded.kind = EventKind::Syslog;
    let line = Line { reading, log };
    if reading == Reading::Ossec {
        line.has_head()?;
    }
    let status = line.value(b"pri");
    if let Some(range) = status {
        fields.set_range(FieldId::STATUS, range.start, range.end);
    }
    let id = line.value(b"m");
    if let Some(range) = id.clone() {
        fields.set_range(FieldId::ID, range.start, range.end);
    }
    for (key, address, port) in
        [(&b"src"[..], FieldId::SRC_IP, FieldId::SRC_PORT), (b"dst", FieldId::DST_IP, FieldId::DST_PORT)]
    {
        if let Some(range) = line.value(key) {
            address_and_port(log, range, [address, port], fields);
        }
    }
    if let Some(range) = line.value(b"proto") {
        let length = log[range.clone()].iter().take(6).take_while(|byte| byte.is_ascii_alphanumeric()).count();
        fields.set_range(FieldId::PROTOCOL, range.start, range.start + length);
    }
    let number = number(&log[id?])?;
    if line.value(b"c").is_some_and(|range| &log[range] == b"32") {
        decoded.kind = EventKind::Ids;
        return Some(());
    }
    let action: &[u8] = match number {
        98 | 597 | 598 => b"pass",
        36 | 37 | 38 | 173 | 174 => b"drop",
        537 => b"close",
        97 => return proxy(&line, fields, decoded),
        _ => return Some(()),
    };
    decoded.kind = EventKind::Firewall;
    fields.set_made(FieldId::ACTION, action);
    Some(())
}

/// `1.2.3.4[:68[:WAN]]`
fn address_and_port(log: &[u8], range: Range<usize>, ids: [FieldId; 2], fields: &mut FieldValues) {
    let mut parts = log[range.clone()].split(|&byte| byte == b':');
    let length = parts.next().map_or(0, <[u8]>::len);
    fields.set_range(ids[0], range.start, range.start + length);
    if let Some(digits) = parts.next().filter(|digits| !digits.is_empty()) {
        let start = range.start + length + 1;
        fields.set_range(ids[1], start, start + digits.len());
    }
}

/// A web request that the appliance saw.
fn proxy(line: &Line<'_>, fields: &mut FieldValues, decoded: &mut Decoded) -> Option<()> {
    decoded.kind = EventKind::Squid;
    let result = line.value(b"result")?;
    fields.set_range(FieldId::ID, result.start, result.end);
    let mut url = line.log[line.value(b"dstname")?].to_vec();
    if let Some(argument) = line.value(b"arg") {
        url.extend_from_slice(&line.log[argument]);
    }
    fields.set_made(FieldId::URL, &url);
    Some(())
}

struct Line<'a> {
    reading: Reading,
    log: &'a [u8],
}

impl Line<'_> {
    /// Whether `pri=1 c=2 m=3` stand together.
    fn has_head(&self) -> Option<()> {
        let mut at = memmem::find(self.log, b"pri=")?;
        for key in [&b"pri="[..], b" c=", b" m="] {
            let rest = self.log[at..].strip_prefix(key)?;
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            at += key.len() + digits;
            (digits > 0).then_some(())?;
        }
        Some(())
    }

    /// The value of `key`, not empty.
    fn value(&self, key: &[u8]) -> Option<Range<usize>> {
        if self.reading == Reading::Ossec {
            return self.first_anywhere(key);
        }
        let mut values = Pairs { log: self.log, at: 0 }.filter(|(name, _)| &self.log[name.clone()] == key);
        let (_, value) = values.next()?;
        let is_same = |(_, other): (Range<usize>, Range<usize>)| self.log[other] == self.log[value.clone()];
        (values.all(is_same) && !value.is_empty()).then_some(value)
    }

    fn first_anywhere(&self, key: &[u8]) -> Option<Range<usize>> {
        let short = key.len() == 1;
        let name = [if short { &b" "[..] } else { b"" }, key, b"="].concat();
        let range = word(self.log, memmem::find(self.log, &name)? + name.len());
        (!range.is_empty()).then_some(range)
    }
}

/// The pairs `name=value` and `name="value"` of a line.
struct Pairs<'a> {
    log: &'a [u8],
    at: usize,
}

impl Iterator for Pairs<'_> {
    type Item = (Range<usize>, Range<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        while self.at < self.log.len() {
            let part = word(self.log, self.at);
            let Some(length) = memchr(b'=', &self.log[part.clone()]) else {
                self.at = part.end + 1;
                continue;
            };
            let name = part.start..part.start + length;
            let start = name.end + 1;
            if self.log.get(start) == Some(&b'"') {
                let end = closing_quote(self.log, start + 1);
                self.at = end + 1;
                return Some((name, start + 1..end));
            }
            self.at = part.end + 1;
            return Some((name, start..part.end));
        }
        None
    }
}

/// Where the quoted text from `start` on ends: at a quote before a blank or the end. Of a line that
/// was cut off everything belongs to it.
fn closing_quote(log: &[u8], start: usize) -> usize {
    let is_end = |at: &usize| log[*at] == b'"' && log.get(at + 1).is_none_or(|next| *next == b' ');
    (start..log.len()).find(is_end).unwrap_or(log.len())
}
