//! Keys of look-up lists: OSSEC's end at the first colon, which no IPv6 address survives (K25).

use std::net::{IpAddr, Ipv6Addr};

use ipnet::Ipv6Net;

use crate::diag::{Diagnostic, Span};

/// What a line of a list says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Split<'a> {
    /// Key and value.
    Pair(&'a [u8], &'a [u8]),
    /// No colon.
    Nothing,
    /// The same, where the whole line is an IPv6 address, too: `2001:db8::1:2`.
    Ambiguous(&'a [u8], &'a [u8]),
}

/// Key and value of a line. In the strict mode, the key ends at the first colon; otherwise it may be an IPv6
/// address or network, and it may stand in quotes.
pub(super) fn split(line: &[u8], strict_ossec: bool) -> Split<'_> {
    let Some(colon) = memchr::memchr(b':', line) else { return Split::Nothing };
    let at = |colon: usize| (&line[..colon], &line[colon + 1..]);
    if !strict_ossec {
        if let Some((key, value)) = quoted(line) {
            return Split::Pair(key, value);
        }
        let whole = is_ipv6(line.trim_ascii());
        let end = memchr::memrchr_iter(b':', line).find(|&colon| is_ipv6(at(colon).0));
        match (whole, end) {
            // A key is followed by a colon: so the last part is the value.
            (true, Some(colon)) => return Split::Ambiguous(at(colon).0, at(colon).1),
            (true, None) => return Split::Pair(line.trim_ascii(), b""),
            (false, Some(colon)) => return Split::Pair(at(colon).0, at(colon).1),
            (false, None) => {}
        }
    }
    let (key, value) = at(colon);
    Split::Pair(key, value)
}

/// `"KEY":VALUE`, where the value may be quoted, too.
fn quoted(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = line.strip_prefix(b"\"")?;
    let end = memchr::memchr(b'"', rest)?;
    let value = rest[end + 1..].strip_prefix(b":")?;
    let inner = value.strip_prefix(b"\"").and_then(|value| value.trim_ascii_end().strip_suffix(b"\""));
    Some((&rest[..end], inner.unwrap_or(value)))
}

fn is_ipv6(text: &[u8]) -> bool {
    // The shortest is `::`, the longest network has 49 bytes.
    (2..=49).contains(&text.len())
        && std::str::from_utf8(text)
            .is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok() || text.parse::<Ipv6Net>().is_ok())
}

/// The one way to write an IPv6 address, an IPv4 one for a mapped one; `None` for anything else.
pub(super) fn address(text: &[u8]) -> Option<Box<[u8]>> {
    memchr::memchr(b':', text)?;
    let address: Ipv6Addr = std::str::from_utf8(text).ok()?.parse().ok()?;
    Some(IpAddr::V6(address).to_canonical().to_string().into_bytes().into())
}

/// Says so where the strict mode loses an IPv6 key.
pub(super) fn lost(line: &[u8], place: Span) -> Option<Diagnostic> {
    if matches!(split(line, false), Split::Pair(key, _) if !is_ipv6(key)) {
        return None;
    }
    let message = "this key is never found: as in OSSEC, it ends at the first colon";
    Some(Diagnostic::warning("L004", message).at(place).help("omit --strict-ossec to look up IPv6 addresses"))
}

#[cfg(test)]
mod tests {
    use super::*;

    // C33
    #[test]
    fn ipv6_keys_are_read_in_every_form() {
        let pair = |line: &'static str| match split(line.as_bytes(), false) {
            Split::Pair(key, value) => {
                (String::from_utf8_lossy(key).into_owned(), String::from_utf8_lossy(value).into_owned())
            }
            other => panic!("{line}: {other:?}"),
        };
        for (line, key, value) in [
            ("192.0.2.1:bad", "192.0.2.1", "bad"),
            ("ann:x:y", "ann", "x:y"),
            ("2001:db8::1:evil", "2001:db8::1", "evil"),
            ("2001:db8::1:", "2001:db8::1", ""),
            ("2001:db8::1", "2001:db8::1", ""),
            ("2001:db8::1:see http://x.example:80/", "2001:db8::1", "see http://x.example:80/"),
            ("2001:db8::/32:net", "2001:db8::/32", "net"),
            ("2001:db8::/32", "2001:db8::/32", ""),
            ("::1:", "::1", ""),
            ("\"2001:db8::1\":bad", "2001:db8::1", "bad"),
            ("\"2001:db8::1:2\":\"a b\"", "2001:db8::1:2", "a b"),
            ("\"2001:db8::/32\":", "2001:db8::/32", ""),
            ("\"ann\":x", "ann", "x"),
            ("2001:db8:0:0:0:0:0:1:bad", "2001:db8:0:0:0:0:0:1", "bad"),
            ("aa:bb:cc:dd:ee:ff:mac", "aa", "bb:cc:dd:ee:ff:mac"),
        ] {
            assert_eq!(pair(line), (key.to_owned(), value.to_owned()), "{line}");
        }
        assert_eq!(split(b"2001:db8::1:2", false), Split::Ambiguous(b"2001:db8::1", b"2"));
        assert_eq!(split(b"2001:db8::1:bad", false), Split::Ambiguous(b"2001:db8::1", b"bad"));
        assert_eq!(split(b"nothing", false), Split::Nothing);
        assert_eq!(split(b"2001:db8::1:bad", true), Split::Pair(b"2001", b"db8::1:bad"));
        assert_eq!(split(b"\"ann\":x", true), Split::Pair(b"\"ann\"", b"x"));
    }
}
