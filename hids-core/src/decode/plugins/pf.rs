//! Packets that OpenBSD's pf logged, as tcpdump prints them.
//!
//! ```text
//! rule 2/(match) pass in on xl0: 140.211.166.3.6667 > 192.168.2.10.16290: P …
//! rule 2/0(match): block in on xl0: 2001:db8::7.6667 > 2001:db8::10.22: Flags [S] …
//! ```

use std::net::Ipv6Addr;
use std::ops::Range;

use memchr::{memchr, memmem, memrchr};

use super::super::attributes::Reading;
use super::super::fields::{FieldId, FieldValues};
use super::word;

/// OSSEC reads the first form only, and IPv4. The second one is what OpenBSD since 3.5, FreeBSD and
/// NetBSD print: a number of the rule within its anchor, a colon, and where tcpdump knows them the
/// user and process in brackets (K37).
pub(super) fn decode(reading: Reading, log: &[u8], fields: &mut FieldValues) -> Option<()> {
    let mut at = memchr(b')', log)? + 1;
    if reading == Reading::AsWritten {
        at = skip_details(log, at);
    }
    at += if log[at..].starts_with(b" ") { 1 } else { return None };
    match log.get(at)? {
        b'p' => fields.set_made(FieldId::ACTION, b"pass"),
        b'b' => fields.set_made(FieldId::ACTION, b"block"),
        _ => return None,
    }
    at += memmem::find(&log[at..], b": ")? + 2;
    if reading == Reading::AsWritten {
        at += [&b"IP "[..], b"IP6 "].iter().find(|name| log[at..].starts_with(name)).map_or(0, |name| name.len());
    }
    let source = word(log, at);
    at = source.end;
    address_and_port(reading, log, source, [FieldId::SRC_IP, FieldId::SRC_PORT], fields);
    at += if log[at..].starts_with(b" > ") { 3 } else { return None };
    let mut destination = word(log, at);
    at = destination.end + 1;
    if log[destination.clone()].ends_with(b":") {
        destination.end -= 1;
    }
    address_and_port(reading, log, destination, [FieldId::DST_IP, FieldId::DST_PORT], fields);
    let protocol: &[u8] = match log.get(at)? {
        b'u' | b'U' => b"UDP",
        b'i' | b'I' => b"ICMP",
        _ => b"TCP",
    };
    fields.set_made(FieldId::PROTOCOL, protocol);
    Some(())
}

/// The colon behind `(match)` and ` [uid 0, pid 7]`.
fn skip_details(log: &[u8], mut at: usize) -> usize {
    if log[at..].starts_with(b" [")
        && let Some(length) = memchr(b']', &log[at..])
    {
        at += length + 1;
    }
    if log[at..].starts_with(b":") { at + 1 } else { at }
}

/// `a.b.c.d[.port]`, and with K37 `a:b::c[.port]`.
fn address_and_port(reading: Reading, log: &[u8], range: Range<usize>, ids: [FieldId; 2], fields: &mut FieldValues) {
    let text = &log[range.clone()];
    let fourth_dot = text.iter().enumerate().filter(|(_, byte)| **byte == b'.').nth(3).map(|(dot, _)| dot);
    let dot = if reading == Reading::AsWritten { dot_behind_ipv6(text).or(fourth_dot) } else { fourth_dot };
    let end = dot.map_or(range.end, |dot| range.start + dot);
    fields.set_range(ids[0], range.start, end);
    if dot.is_some() {
        fields.set_range(ids[1], end + 1, range.end);
    }
}

fn dot_behind_ipv6(text: &[u8]) -> Option<usize> {
    let dot = memrchr(b'.', text)?;
    std::str::from_utf8(&text[..dot]).ok()?.parse::<Ipv6Addr>().ok()?;
    // Of `::ffff:192.0.2.1` the dots belong to the address.
    std::str::from_utf8(text).ok()?.parse::<Ipv6Addr>().is_err().then_some(dot)
}
