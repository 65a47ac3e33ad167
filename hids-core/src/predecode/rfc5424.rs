//! Headers that current syslog daemons write and OSSEC does not know.
//!
//! A line is taken apart only when it fits as a whole; otherwise it is passed on as OSSEC would.

use super::Predecoded;
use super::header::{end_of_name, end_of_tag, end_of_time, names};

/// A line with `<PRI>`, of RFC 5424, or with an ISO time of another form than OSSEC's.
pub(super) fn modern(line: &[u8]) -> Option<Predecoded<'_>> {
    let start = end_of_priority(line).unwrap_or(0);
    let rest = &line[start..];
    if start > 0 && rest.starts_with(b"1 ") {
        return rfc5424(line, start + 2);
    }
    if start > 0
        && let Some(end) = end_of_time(rest)
    {
        return Some(names(line, start + end));
    }
    let time_end = start + end_of_iso_time(rest)?;
    let host_end = end_of_name(line, time_end + 1);
    if line.get(time_end) != Some(&b' ') || host_end == time_end + 1 || line.get(host_end) != Some(&b' ') {
        return None;
    }
    let program_end = end_of_name(line, host_end + 1);
    end_of_tag(line, program_end)?;
    Some(names(line, time_end))
}

/// Where `<0>` to `<191>` ends.
fn end_of_priority(line: &[u8]) -> Option<usize> {
    let rest = line.strip_prefix(b"<")?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    ((1..=3).contains(&digits) && rest.get(digits) == Some(&b'>')).then_some(digits + 2)
}

/// `YYYY-MM-DDThh:mm:ss[.f…][Z|±hh:mm|±hhmm]`
pub(super) fn end_of_iso_time(line: &[u8]) -> Option<usize> {
    const SHAPE: &[u8] = b"0000-00-00T00:00:00";
    let fits = |(&byte, &shape): (&u8, &u8)| if shape == b'0' { byte.is_ascii_digit() } else { byte == shape };
    if line.len() < SHAPE.len() || !line.iter().zip(SHAPE).all(fits) {
        return None;
    }
    let digits = |from: usize| line[from.min(line.len())..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut end = SHAPE.len();
    if matches!(line.get(end), Some(b'.' | b',')) {
        end += 1 + digits(end + 1);
    }
    match line.get(end) {
        Some(b'Z') => end += 1,
        Some(b'+' | b'-') => {
            end += 1 + digits(end + 1);
            if line.get(end) == Some(&b':') {
                end += 1 + digits(end + 1);
            }
        }
        _ => {}
    }
    Some(end)
}

/// `TIME HOST APP PROCID MSGID SD MSG`, from after the version.
fn rfc5424(line: &[u8], start: usize) -> Option<Predecoded<'_>> {
    let mut at = start;
    let mut parts = [&line[..0]; 5];
    for part in &mut parts {
        let length = memchr::memchr(b' ', &line[at..])?;
        *part = &line[at..at + length];
        at += length + 1;
    }
    let [_, hostname, program, ..] = parts;
    let named = |name: &'_ [u8]| !name.is_empty() && name != b"-";
    at = end_of_structured_data(line, at)?;
    if line.get(at) == Some(&b' ') {
        at += 1;
    }
    if line[at..].starts_with(b"\xef\xbb\xbf") {
        at += 3;
    }
    let mut found = Predecoded::message(line, at);
    found.hostname = Some(hostname).filter(|name| named(name));
    found.program_name = Some(program).filter(|name| named(name));
    Some(found)
}

/// `-` or any number of `[id name="value" …]`.
fn end_of_structured_data(line: &[u8], start: usize) -> Option<usize> {
    if line.get(start) == Some(&b'-') {
        return Some(start + 1);
    }
    let mut at = start;
    while line.get(at) == Some(&b'[') {
        let mut quoted = false;
        loop {
            at += 1;
            match line.get(at)? {
                b'\\' if quoted => at += 1,
                b'"' => quoted = !quoted,
                b']' if !quoted => break,
                _ => {}
            }
        }
        at += 1;
    }
    (at > start).then_some(at)
}
