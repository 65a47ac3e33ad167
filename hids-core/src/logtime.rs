//! The time that a log line carries in itself, for `replay`, where the lines are the clock.
//!
//! The daemon never uses it: OSSEC's rules count by the time of receipt, since an attacker who can
//! write a log line can write any time into it.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};

use crate::model::Timestamp;

/// Reads the times of lines in file order.
///
/// Classic syslog stamps carry no year: the first is taken from the year given, and a month that
/// jumps back by more than half a year means that the next year has begun.
#[derive(Clone, Debug)]
pub struct LineClock {
    zone: TimeZone,
    year: i16,
    last_month: Option<i8>,
}

impl LineClock {
    /// A clock for lines whose first one was written in `year`, in `zone` where they name none.
    pub fn new(zone: TimeZone, year: i16) -> Self {
        Self { zone, year, last_month: None }
    }

    /// The time in the line, or `None` if it has none that is known.
    pub fn time_of(&mut self, line: &[u8]) -> Option<Timestamp> {
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        let line = strip_priority(crate::predecode::container::time(line).unwrap_or(line));
        // `Nov 24 22:09:27 2026`: the year that the line names is right, whatever year is guessed.
        let has_year =
            line.get(15) == Some(&b' ') && line.get(16..20).is_some_and(|year| year.iter().all(u8::is_ascii_digit));
        let named = if has_year { self.form(line) } else { None };
        named
            .or_else(|| self.syslog(line))
            .or_else(|| self.iso(line))
            .or_else(|| self.apache_error(line))
            .or_else(|| access_log(line))
            .or_else(|| squid(line))
            .or_else(|| self.form(line))
    }

    /// The forms of other syslog daemons than OSSEC's.
    fn form(&mut self, line: &[u8]) -> Option<Timestamp> {
        let stamp = crate::predecode::forms::time(line)?;
        if let Some(seconds) = stamp.epoch {
            return Some(Timestamp::from_unix_seconds(seconds));
        }
        let (hour, minute, second) = stamp.time;
        let time = Time::new(hour, minute, second, 0).ok()?;
        let year = match stamp.year {
            Some(year) => year,
            None => self.year_of(stamp.month),
        };
        let date = Date::new(year, stamp.month, stamp.day).ok()?;
        match stamp.offset.and_then(|seconds| Offset::from_seconds(seconds).ok()) {
            Some(offset) => zoned(date.to_datetime(time), offset),
            None => self.local(date, time),
        }
    }

    /// The year of a line that names a month only.
    fn year_of(&mut self, month: i8) -> i16 {
        if self.last_month.is_some_and(|last| last - month > 6) {
            self.year = self.year.saturating_add(1);
        }
        self.last_month = Some(month);
        self.year
    }

    /// `Nov 24 22:09:27`
    fn syslog(&mut self, line: &[u8]) -> Option<Timestamp> {
        let text = ascii(line, 15)?;
        let month = month(&text[..3])?;
        let day = text.get(4..6)?.trim_start().parse().ok()?;
        let time = clock_time(text.get(7..15)?)?;
        let year = self.year_of(month);
        // A leap day in a year that has none: the year was guessed wrong; the day before stands in.
        let date = Date::new(year, month, day).or_else(|_| Date::new(year, month, day - 1)).ok()?;
        self.local(date, time)
    }

    /// `2026-11-24T22:09:27.123+01:00`, `…Z`, `2026-11-24 22:09:27,123`
    fn iso(&self, line: &[u8]) -> Option<Timestamp> {
        let text = ascii(line, 19)?;
        let separated = text.as_bytes()[4] == b'-' && text.as_bytes()[7] == b'-';
        if !separated || !matches!(text.as_bytes()[10], b'T' | b' ') {
            return None;
        }
        let date = Date::new(text[..4].parse().ok()?, text[5..7].parse().ok()?, text[8..10].parse().ok()?).ok()?;
        let time = clock_time(&text[11..19])?;
        let rest = &line[19..];
        let digits = match rest.first() {
            Some(b'.' | b',') => 1 + rest[1..].iter().take_while(|byte| byte.is_ascii_digit()).count(),
            _ => 0,
        };
        match offset(&rest[digits..]) {
            Some(offset) => zoned(date.to_datetime(time), offset),
            None => self.local(date, time),
        }
    }

    /// `[Fri Jun 10 11:32:03.123456 2005]`
    fn apache_error(&self, line: &[u8]) -> Option<Timestamp> {
        let line = line.strip_prefix(b"[")?;
        let end = line.iter().take(40).position(|&byte| byte == b']')?;
        let text = std::str::from_utf8(&line[..end]).ok()?;
        let mut words = text.split_ascii_whitespace();
        let _weekday = words.next()?;
        let month = month(words.next()?)?;
        let day = words.next()?.parse().ok()?;
        let time = clock_time(words.next()?.get(..8)?)?;
        let year = words.next()?.parse().ok()?;
        self.local(Date::new(year, month, day).ok()?, time)
    }

    fn local(&self, date: Date, time: Time) -> Option<Timestamp> {
        let zoned = date.to_datetime(time).to_zoned(self.zone.clone()).ok()?;
        Some(Timestamp::from_unix_seconds(zoned.timestamp().as_second()))
    }
}

/// `… [07/Jun/2024:12:00:01 +0000] …`, anywhere in the first part of the line.
fn access_log(line: &[u8]) -> Option<Timestamp> {
    let head = &line[..line.len().min(512)];
    let start = head.iter().position(|&byte| byte == b'[')? + 1;
    let text = ascii(&line[start..], 26)?;
    let bytes = text.as_bytes();
    if bytes[2] != b'/' || bytes[6] != b'/' || bytes[11] != b':' {
        return None;
    }
    let date = Date::new(text[7..11].parse().ok()?, month(&text[3..6])?, text[..2].parse().ok()?).ok()?;
    zoned(date.to_datetime(clock_time(&text[12..20])?), offset(&bytes[21..])?)
}

/// `1286536308.779 …`
fn squid(line: &[u8]) -> Option<Timestamp> {
    let text = ascii(line, 14)?;
    (text.as_bytes()[10] == b'.').then_some(())?;
    text[..10].parse().ok().map(Timestamp::from_unix_seconds)
}

/// Without a leading `<PRI>` of syslog, and without the version of RFC 5424 behind it.
fn strip_priority(line: &[u8]) -> &[u8] {
    let Some(rest) = line.strip_prefix(b"<") else { return line };
    let digits = rest.iter().take(3).take_while(|byte| byte.is_ascii_digit()).count();
    match rest.get(digits) {
        Some(b'>') if digits > 0 => rest[digits + 1..].strip_prefix(b"1 ").unwrap_or(&rest[digits + 1..]),
        _ => line,
    }
}

fn zoned(time: DateTime, offset: Offset) -> Option<Timestamp> {
    Some(Timestamp::from_unix_seconds(offset.to_timestamp(time).ok()?.as_second()))
}

/// `Z`, `+01:00`, `+0100`, with an optional blank before it.
fn offset(text: &[u8]) -> Option<Offset> {
    let text = text.strip_prefix(b" ").unwrap_or(text);
    if text.first() == Some(&b'Z') {
        return Some(Offset::UTC);
    }
    let sign = match text.first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits: String = text[1..].iter().take(5).filter(|&&byte| byte != b':').map(|&byte| byte as char).collect();
    let hours: i32 = digits.get(..2)?.parse().ok()?;
    let minutes: i32 = digits.get(2..4)?.parse().ok()?;
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
}

/// The first `length` bytes if all of them are ASCII.
fn ascii(line: &[u8], length: usize) -> Option<&str> {
    let head = line.get(..length)?;
    head.is_ascii().then(|| std::str::from_utf8(head).ok()).flatten()
}

fn clock_time(text: &str) -> Option<Time> {
    let bytes = text.as_bytes();
    (bytes.len() >= 8 && bytes[2] == b':' && bytes[5] == b':').then_some(())?;
    // A leap second counts as the second before it.
    let second: i8 = text[6..8].parse().ok()?;
    Time::new(text[..2].parse().ok()?, text[3..5].parse().ok()?, second.min(59), 0).ok()
}

fn month(text: &str) -> Option<i8> {
    const NAMES: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    NAMES.iter().position(|name| *name == text).and_then(|at| i8::try_from(at + 1).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(line: &str) -> Option<i64> {
        LineClock::new(TimeZone::UTC, 2026).time_of(line.as_bytes()).map(Timestamp::unix_seconds)
    }

    #[test]
    fn every_known_stamp_is_read() {
        let expected = Some(1_795_558_167); // 2026-11-24 22:09:27 UTC
        for line in [
            "Nov 24 22:09:27 host sshd[1]: x",
            "<38>Nov 24 22:09:27 host sshd[1]: x",
            "2026-11-24T22:09:27+00:00 host sshd: x",
            "2026-11-24T23:09:27.123456+01:00 host sshd: x",
            "<34>1 2026-11-24T22:09:27Z host sshd - - x",
            "2026-11-24 22:09:27,123 x",
            "[Tue Nov 24 22:09:27 2026] [error] x",
            "[Tue Nov 24 22:09:27.123456 2026] [core:error] x",
            "192.0.2.1 - - [24/Nov/2026:22:09:27 +0000] \"GET / HTTP/1.1\" 200 1",
            "1795558167.779 120 192.0.2.1 TCP_MISS/200",
            "Nov 24 22:09:27 2026 host sshd[1]: x",
            "Nov 24 2026 22:09:27 host sshd[1]: x",
            "Tue Nov 24 22:09:27 2026 auth.info sshd[1]: x",
            "Tue 2026-11-24 22:09:27 UTC host sshd[1]: x",
            "24 Nov 2026 23:09:27 +0100 host sshd[1]: x",
            "000123: *Nov 24 22:09:27.123 UTC: %SYS-5-CONFIG_I: x",
            "1795558167.123456 host sshd[1]: x",
            "2026/11/24 22:09:27 host sshd[1]: x",
        ] {
            assert_eq!(seconds(line), expected, "{line}");
        }
    }

    #[test]
    fn a_line_without_a_time_has_none() {
        for line in ["", "no time here", "Xxx 24 22:09:27 host", "2026-13-24T22:09:27Z", "[x", "\u{e9}\u{e9}"] {
            assert_eq!(seconds(line), None, "{line}");
        }
    }

    #[test]
    fn december_to_january_begins_a_year() {
        let mut clock = LineClock::new(TimeZone::UTC, 2025);
        let december = clock.time_of(b"Dec 31 23:59:59 h p: x").map(Timestamp::unix_seconds);
        let january = clock.time_of(b"Jan  1 00:00:00 h p: x").map(Timestamp::unix_seconds);
        assert_eq!(january.zip(december).map(|(january, december)| january - december), Some(1));
    }

    proptest::proptest! {
        #[test]
        fn no_line_is_too_strange(line: Vec<u8>) {
            LineClock::new(TimeZone::UTC, 2026).time_of(&line);
        }
    }
}
