//! Headers that carry only a time, and macOS's own form.

use memchr::memmem;

use super::{Predecoded, has};

/// The message of a line in one of these layouts.
pub(super) fn layout(line: &[u8]) -> Option<Predecoded<'_>> {
    if is_xferlog(line) {
        return Some(Predecoded::message(line, 24));
    }
    if is_snort(line) {
        return Some(Predecoded::message(line, 23));
    }
    if is_suricata(line) {
        return Some(Predecoded::message(line, 28));
    }
    if is_apache_error(line) {
        return Some(Predecoded::message(line, 27));
    }
    if is_asl(line) {
        return Some(asl(line));
    }
    is_squid(line).then(|| {
        let blanks = line[14..].iter().take_while(|&&byte| byte == b' ').count();
        Predecoded::message(line, 14 + blanks)
    })
}

/// `Www Mon dd hh:mm:ss YYYY n …`
fn is_xferlog(line: &[u8]) -> bool {
    has(line, b' ', &[3, 7, 10, 19, 24, 26]) && has(line, b':', &[13, 16])
}

/// `mm/dd-hh:mm:ss.ffffff `
fn is_snort(line: &[u8]) -> bool {
    has(line, b'/', &[2])
        && has(line, b'-', &[5])
        && has(line, b':', &[8, 11])
        && has(line, b'.', &[14])
        && has(line, b' ', &[21])
}

/// `mm/dd/yyyy-hh:mm:ss.ffffff `
fn is_suricata(line: &[u8]) -> bool {
    has(line, b'/', &[2, 5])
        && has(line, b'-', &[10])
        && has(line, b':', &[13, 16])
        && has(line, b'.', &[19])
        && has(line, b' ', &[26])
}

/// `[Www Mon dd hh:mm:ss yyyy] `
fn is_apache_error(line: &[u8]) -> bool {
    has(line, b'[', &[0]) && has(line, b' ', &[4, 8, 11, 20]) && has(line, b':', &[14, 17]) && has(line, b']', &[25])
}

/// `1nnnnnnnnn.mmm   size `
fn is_squid(line: &[u8]) -> bool {
    let digits =
        |range: std::ops::Range<usize>| line.get(range).is_some_and(|part| part.iter().all(u8::is_ascii_digit));
    line.first() == Some(&b'1')
        && digits(1..10)
        && has(line, b'.', &[10])
        && digits(11..14)
        && has(line, b' ', &[14])
        && (line.get(21) == Some(&b' ') || line.get(22) == Some(&b' '))
}

/// `[Time yyyy.mm.dd hh:mm:ss UTC] …`
fn is_asl(line: &[u8]) -> bool {
    line.starts_with(b"[T") && has(line, b' ', &[5, 16]) && has(line, b'.', &[10, 13]) && has(line, b':', &[19])
}

fn asl(line: &[u8]) -> Predecoded<'_> {
    let value = |name: &[u8]| {
        let start = memmem::find(line, name)? + name.len();
        let length = memchr::memchr(b']', &line[start..])?;
        Some(start..start + length)
    };
    let mut found = Predecoded::message(line, 0);
    if let Some(range) = value(b"[Message ") {
        found.log_offset = range.start;
        found.log = &line[range];
    }
    found.hostname = value(b"[Host ").map(|range| &line[range]);
    found.program_name = value(b"[Sender ").map(|range| &line[range]);
    found
}
