//! Decoders that are code (`src/analysisd/decoders/plugins`).

use std::ops::Range;

use memchr::{memchr, memmem};

use super::fields::{FieldId, FieldValues};
use super::kind::EventKind;
use super::parse::Plugin;
use super::run::Decoded;

/// Extracts the fields of `log` as `plugin` does.
pub(super) fn run(plugin: Plugin, log: &[u8], fields: &mut FieldValues, decoded: &mut Decoded) {
    // Each stops where the text ceases to fit; what was found before stays.
    let _ = match plugin {
        Plugin::Pf => pf(log, fields),
        Plugin::SymantecWs => symantec_ws(log, fields),
        Plugin::SonicWall => sonic_wall(log, fields, decoded),
        Plugin::OssecAlert => ossec_alert(log, fields, decoded),
    };
}

/// `rule 2/0(match): pass in on xl0: 140.211.166.3.6667 > 192.168.2.10.16290: P …`
fn pf(log: &[u8], fields: &mut FieldValues) -> Option<()> {
    let mut at = memchr(b')', log)? + 1;
    at += if log[at..].starts_with(b": ") { 2 } else { return None };
    match log.get(at)? {
        b'p' => fields.set_made(FieldId::ACTION, b"pass"),
        b'b' => fields.set_made(FieldId::ACTION, b"block"),
        _ => return None,
    }
    at += memmem::find(&log[at..], b": ")? + 2;
    let source = word(log, at);
    address_and_port(log, source.clone(), FieldId::SRC_IP, FieldId::SRC_PORT, fields);
    at = source.end;
    at += if log[at..].starts_with(b" > ") { 3 } else { return None };
    let mut destination = word(log, at);
    at = destination.end + 1;
    if log[destination.clone()].ends_with(b":") {
        destination.end -= 1;
    }
    address_and_port(log, destination, FieldId::DST_IP, FieldId::DST_PORT, fields);
    let protocol: &[u8] = match log.get(at) {
        Some(b'u' | b'U') => b"UDP",
        Some(b'i' | b'I') => b"ICMP",
        Some(_) => b"TCP",
        None => return None,
    };
    fields.set_made(FieldId::PROTOCOL, protocol);
    Some(())
}

/// The blank-delimited word at `start`.
fn word(log: &[u8], start: usize) -> Range<usize> {
    let start = start.min(log.len());
    start..start + memchr(b' ', &log[start..]).unwrap_or(log.len() - start)
}

/// `a.b.c.d[.port]`
fn address_and_port(log: &[u8], range: Range<usize>, address: FieldId, port: FieldId, fields: &mut FieldValues) {
    let fourth_dot = log[range.clone()].iter().enumerate().filter(|(_, byte)| **byte == b'.').nth(3);
    match fourth_dot {
        Some((dot, _)) => {
            fields.set_range(address, range.start, range.start + dot);
            fields.set_range(port, range.start + dot + 1, range.end);
        }
        None => fields.set_range(address, range.start, range.end),
    }
}

/// `2=3,12=…,11=10.1.1.3,10=userc,60=http://…`
fn symantec_ws(log: &[u8], fields: &mut FieldValues) -> Option<()> {
    let mut start = 0;
    let mut has_id = false;
    for part in log.split(|&byte| byte == b',') {
        let end = start + part.len();
        for (prefix, field) in [(&b"10="[..], FieldId::DST_USER), (b"11=", FieldId::SRC_IP), (b"60=", FieldId::URL)] {
            if part.starts_with(prefix) {
                fields.set_range(field, start + prefix.len(), end);
            }
        }
        if !has_id && (part.starts_with(b"2=") || part.starts_with(b"3=")) {
            has_id = true;
            fields.set_range(FieldId::ID, start, end.min(start + 9));
        }
        start = end + 1;
    }
    Some(())
}

/// `id=firewall … pri=6 c=262144 m=98 … src=1.2.3.4:68:WAN dst=… proto=tcp/http`
fn sonic_wall(log: &[u8], fields: &mut FieldValues, decoded: &mut Decoded) -> Option<()> {
    decoded.kind = EventKind::Syslog;
    let status = value(log, b"pri=")?;
    fields.set_range(FieldId::STATUS, status.start, status.end);
    let id = value(log, b" m=")?;
    fields.set_range(FieldId::ID, id.start, id.end);
    let category = value(log, b" c=");
    for (prefix, address, port) in
        [(&b"src="[..], FieldId::SRC_IP, FieldId::SRC_PORT), (b"dst=", FieldId::DST_IP, FieldId::DST_PORT)]
    {
        let Some(range) = value(log, prefix) else { continue };
        let mut parts = log[range.clone()].split(|&byte| byte == b':');
        let length = parts.next().map_or(0, <[u8]>::len);
        fields.set_range(address, range.start, range.start + length);
        if let Some(digits) = parts.next().filter(|digits| !digits.is_empty()) {
            let start = range.start + length + 1;
            fields.set_range(port, start, start + digits.len());
        }
    }
    if let Some(range) = value(log, b"proto=") {
        let length = log[range.clone()].iter().take(6).take_while(|byte| byte.is_ascii_alphanumeric()).count();
        fields.set_range(FieldId::PROTOCOL, range.start, range.start + length);
    }
    let number = std::str::from_utf8(&log[id]).ok()?.parse::<u32>().ok()?;
    if category.is_some_and(|range| &log[range] == b"32") {
        decoded.kind = EventKind::Ids;
        return Some(());
    }
    let action: &[u8] = match number {
        98 | 597 | 598 => b"pass",
        36 | 37 | 38 | 173 | 174 => b"drop",
        537 => b"close",
        97 => return sonic_wall_proxy(log, fields, decoded),
        _ => return Some(()),
    };
    decoded.kind = EventKind::Firewall;
    fields.set_made(FieldId::ACTION, action);
    Some(())
}

/// A web request that the appliance saw.
fn sonic_wall_proxy(log: &[u8], fields: &mut FieldValues, decoded: &mut Decoded) -> Option<()> {
    decoded.kind = EventKind::Squid;
    let result = value(log, b"result=")?;
    fields.set_range(FieldId::ID, result.start, result.end);
    let mut url = log[value(log, b"dstname=")?].to_vec();
    if let Some(argument) = value(log, b"arg=") {
        url.extend_from_slice(&log[argument]);
    }
    fields.set_made(FieldId::URL, &url);
    Some(())
}

/// What follows `name` up to the next blank.
fn value(log: &[u8], name: &[u8]) -> Option<Range<usize>> {
    let start = memmem::find(log, name)? + name.len();
    let range = word(log, start);
    (!range.is_empty()).then_some(range)
}

/// `Alert Level: 3; Rule: 5715 - text; Location: host->/path; srcip: …; user: …; LOG`
fn ossec_alert(log: &[u8], fields: &mut FieldValues, decoded: &mut Decoded) -> Option<()> {
    let rule = memmem::find(log, b"Rule: ")? + 6;
    let digits = log[rule..].iter().take(6).take_while(|byte| byte.is_ascii_digit()).count();
    decoded.original_rule = std::str::from_utf8(&log[rule..rule + digits]).ok()?.parse().ok();
    let mut at = memmem::find(log, b"Location: ")? + 10;
    at += memmem::find(&log[at..], b"; ")? + 2;
    for (name, field) in [(&b"srcip: "[..], FieldId::SRC_IP), (b"user: ", FieldId::DST_USER)] {
        if log[at..].starts_with(name) {
            let start = at + name.len();
            let length = memmem::find(&log[start..], b"; ")?;
            fields.set_range(field, start, start + length);
            at = start + length + 2;
        }
    }
    Some(())
}

/// Where a forwarded alert came from, as its text says.
pub fn forwarded_location(log: &[u8]) -> Option<&[u8]> {
    let start = memmem::find(log, b"Location: ")? + 10;
    Some(&log[start..start + memmem::find(&log[start..], b"; ")?])
}
