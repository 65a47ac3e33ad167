//! Headers that OSSEC does not know: BusyBox, OpenWrt, the BSDs, network devices, relays, `journalctl`.
//!
//! A header is a time of a form in `stamp::FORMS`, then words of a few closed kinds (a host, a facility, a
//! sequence number), then the tag of a program. Everything up to the tag has to fit, so that text of a message
//! never becomes a header; only lines in which OSSEC's own layouts find no program are looked at.

mod names;
mod stamp;
#[cfg(test)]
mod tests;

pub(crate) use stamp::Stamp;

use super::Predecoded;

/// Takes a line apart that has one of these headers.
pub(super) fn predecode(line: &[u8]) -> Option<Predecoded<'_>> {
    let (stamp, end) = stamp::stamp(line, start(line))?;
    names::names(line, end, stamp.tag)
}

/// The time of a line in one of these forms, whatever follows it.
pub(crate) fn time(line: &[u8]) -> Option<Stamp> {
    stamp::stamp(line, start(line)).map(|(stamp, _)| stamp)
}

/// Where the time starts: behind a priority (`<34>`, `<auth.info>`), a sequence number and the mark of a clock that is
/// not set, as Cisco's devices write them (`000123: *Nov 29 …`).
fn start(line: &[u8]) -> usize {
    let mut at = match line.first() {
        Some(b'<') => end_of_priority(line).unwrap_or(0),
        _ => 0,
    };
    let digits = line[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    if (1..=10).contains(&digits) && line[at + digits..].starts_with(b": ") {
        at += digits + 2;
    }
    if matches!(line.get(at), Some(b'*' | b'.')) {
        at += 1;
    }
    at
}

/// Behind `<…>` of digits, or of a facility with a severity, and a blank.
fn end_of_priority(line: &[u8]) -> Option<usize> {
    let end = line.iter().take(24).position(|&byte| byte == b'>')?;
    let word = &line[1..end];
    let is_number = (1..=3).contains(&word.len()) && word.iter().all(u8::is_ascii_digit);
    let end = end + 1;
    (is_number || names::is_facility(word)).then(|| end + usize::from(line.get(end) == Some(&b' ')))
}
