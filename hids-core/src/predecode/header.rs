//! Syslog headers: a time, a host, a program.

use super::{Predecoded, has};

/// Where the time stamp at the start of `line` ends, its following blank included for most layouts.
pub(super) fn end_of_time(line: &[u8]) -> Option<usize> {
    if is_traditional(line) {
        return Some(16);
    }
    // `Mär` in UTF-8 is one byte longer.
    if line.get(1..3) == Some(&[0xc3, 0xa4]) && is_traditional(&line[1..]) {
        return Some(17);
    }
    if has(line, b'-', &[4, 7]) {
        return if line.get(10) == Some(&b'T') { end_of_iso_time(line) } else { end_of_comma_time(line) };
    }
    let first_is_digit = line.first().is_some_and(u8::is_ascii_digit);
    if first_is_digit && line.len() >= 21 && has(line, b' ', &[4, 8, 11, 20]) && has(line, b':', &[14, 17]) {
        return Some(21);
    }
    let colons = first_is_digit && line.len() >= 20 && has(line, b':', &[4, 7, 13, 16]) && line[10] == b'-';
    colons.then_some(20)
}

/// `Mon dd hh:mm:ss `
fn is_traditional(line: &[u8]) -> bool {
    line.len() >= 17 && has(line, b' ', &[3, 6, 15]) && has(line, b':', &[9, 12])
}

/// `YYYY-MM-DDThh:mm:ss[.f…]±hh:mm`
fn end_of_iso_time(line: &[u8]) -> Option<usize> {
    if line.len() < 33 || !has(line, b':', &[13, 16]) {
        return None;
    }
    if line[22] == b':' && line[25] == b' ' {
        return Some(26);
    }
    if !matches!(line[19], b'.' | b',') {
        return None;
    }
    (24..=29).find(|&at| line[at] == b':').map(|at| at + 3)
}

/// `YYYY-MM-DD hh:mm:ss,mmm`
fn end_of_comma_time(line: &[u8]) -> Option<usize> {
    let found = line.len() >= 24 && line[10] == b' ' && has(line, b':', &[13, 16]) && line[19] == b',';
    found.then_some(23)
}

/// Host and program after the time stamp that ends at `start`.
pub(super) fn names(line: &[u8], start: usize) -> Predecoded<'_> {
    let start = if line.get(start) == Some(&b' ') { start + 1 } else { start };
    let name_end = end_of_name(line, start);
    let mut found = Predecoded::message(line, start);
    if line[name_end..].starts_with(b": ") {
        found = Predecoded::message(line, name_end + 2);
        found.program_name = Some(&line[start..name_end]);
    } else if line.get(name_end) == Some(&b' ') {
        found = after_hostname(line, name_end + 1);
        found.hostname = Some(&line[start..name_end]);
    }
    without_solaris_id(line, found)
}

/// The program after the host name.
fn after_hostname(line: &[u8], start: usize) -> Predecoded<'_> {
    let name_end = end_of_name(line, start);
    let program = match line.get(name_end) {
        Some(b'|') => aix_program(line, name_end),
        _ => end_of_tag(line, name_end).map(|log| (start, name_end, log)),
    };
    let Some((name_start, name_end, log)) = program else {
        return Predecoded::message(line, start);
    };
    let mut found = Predecoded::message(line, log);
    found.program_name = Some(&line[name_start..name_end]);
    found
}

/// Where the message starts if `: `, `[digits]: ` or `[digits] ` follows the name.
pub(super) fn end_of_tag(line: &[u8], name_end: usize) -> Option<usize> {
    let rest = &line[name_end.min(line.len())..];
    if rest.starts_with(b": ") {
        return Some(name_end + 2);
    }
    let pid = rest.strip_prefix(b"[")?;
    let digits = pid.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let after = pid[digits..].strip_prefix(b"]")?;
    let end = name_end + 1 + digits + 1;
    match after {
        [b':', b' ', ..] => Some(end + 2),
        [b' ', ..] => Some(end + 1),
        _ => None,
    }
}

/// AIX: `facility|facility:severity NAME: `, with the severity and its blank left out in some.
fn aix_program(line: &[u8], bar: usize) -> Option<(usize, usize, usize)> {
    let lower =
        |from: usize| from + line[from.min(line.len())..].iter().take_while(|byte| byte.is_ascii_lowercase()).count();
    let colon = lower(bar + 1);
    if colon == bar + 1 || line.get(colon) != Some(&b':') {
        return None;
    }
    let severity_end = lower(colon + 1);
    let start = if line.get(severity_end) == Some(&b' ') { severity_end + 1 } else { colon + 1 };
    let name_end = end_of_name(line, start);
    end_of_tag(line, name_end).map(|log| (start, name_end, log))
}

/// Takes `[ID 702911 auth.info] ` off the message.
fn without_solaris_id<'a>(line: &'a [u8], mut found: Predecoded<'a>) -> Predecoded<'a> {
    if found.log.starts_with(b"[ID ")
        && let Some(end) = memchr::memmem::find(found.log, b"] ")
    {
        found.log_offset += end + 2;
        found.log = &line[found.log_offset..];
    }
    found
}

/// Where the name that starts at `start` ends.
pub(super) fn end_of_name(line: &[u8], start: usize) -> usize {
    let start = start.min(line.len());
    start + line[start..].iter().take_while(|&&byte| is_name(byte)).count()
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'(' | b')' | b'-' | b'.' | b'/' | b'@' | b'_')
}
