//! Which text is an address.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;

/// Where the address in `text` stands, if `text` is one: alone, in brackets, with a port, or an IPv4 address that is
/// written as an IPv6 one.
///
/// `192.0.2.1`, `192.0.2.1:5000`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:5000`, `::ffff:192.0.2.1`
pub(super) fn address(text: &[u8]) -> Option<Range<usize>> {
    let text = std::str::from_utf8(text).ok()?;
    if let Some(inner) = text.strip_prefix('[') {
        let (inner, port) = inner.split_once(']')?;
        (port.is_empty() || port.strip_prefix(':').is_some_and(is_port)).then_some(())?;
        return within(inner, 1).filter(|_| inner.contains(':'));
    }
    if let Some(found) = within(text, 0) {
        return Some(found);
    }
    let (address, port) = text.rsplit_once(':')?;
    (is_port(port) && address.parse::<Ipv4Addr>().is_ok()).then_some(0..address.len())
}

/// Whether `text` is the number of a port.
pub(super) fn is_port(text: &str) -> bool {
    !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

/// The place of `text`, which begins at `start`, without the front of a mapped address.
fn within(text: &str, start: usize) -> Option<Range<usize>> {
    const MAPPED: &str = "::ffff:";
    text.parse::<IpAddr>().ok()?;
    let is_mapped = text.get(..MAPPED.len()).is_some_and(|front| front.eq_ignore_ascii_case(MAPPED));
    let skipped = if is_mapped && text[MAPPED.len()..].parse::<Ipv4Addr>().is_ok() { MAPPED.len() } else { 0 };
    Some(start + skipped..start + text.len())
}
