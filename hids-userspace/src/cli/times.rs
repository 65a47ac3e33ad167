//! Times and spans of time as administrators write them, for every command that takes one.

use hids_core::escape::visible_string;
use hids_core::model::Timestamp;
use jiff::fmt::friendly::SpanParser;
use jiff::tz::TimeZone;
use jiff::{Span, SpanRelativeTo, Zoned, civil};

/// A text that names no moment.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "invalid time {0:?}: expected a time span before now (30m, 12h, 7d, 1w, \"2 hours ago\"), a time of day (16:00), \
     now, today, yesterday, a date (2026-11-24) or a date and time (2026-11-24T10:00:00, \"2026-11-24 10:00\")"
)]
pub(super) struct InvalidTime(String);

/// A text that is no span of time.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("invalid time span {0:?}: expected a time span (90m, 4h, 7d, \"1h 30m\") or a number of seconds")]
pub(super) struct InvalidSpan(String);

/// The moment that `text` names, in whole seconds, for who lives in `zone`.
///
/// A span is before now, with and without `ago` or a minus sign; with a plus sign it is after now. A day without a
/// time of day is its beginning, a time of day without a day is today's. `@1795478400` counts from 1970.
pub(super) fn parse_moment(text: &str, now: Timestamp, zone: &TimeZone) -> Result<Timestamp, InvalidTime> {
    let (words, now) = (text.trim(), now.in_zone(zone));
    let moment = absolute(words, &now).or_else(|| relative(words, &now));
    moment.map(|moment| seconds_of(&moment)).ok_or_else(|| InvalidTime(text.to_owned()))
}

/// A time of an answer's JSON for people, local with its offset; what is none as it is, made visible.
pub(super) fn local(text: &str) -> String {
    local_in(text, &TimeZone::system())
}

fn local_in(text: &str, zone: &TimeZone) -> String {
    let time = Timestamp::parse_rfc3339(text);
    time.map_or_else(|| visible_string(text.as_bytes()), |time| time.local_text(zone))
}

/// The number of seconds that `text` stands for; days have 24 hours.
pub(super) fn parse_seconds(text: &str) -> Result<u64, InvalidSpan> {
    if let Ok(seconds) = text.trim().parse() {
        return Ok(seconds);
    }
    span(text.trim())
        .filter(|span| !span.is_negative())
        .and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok())
        .and_then(|duration| {
            u64::try_from(duration.as_secs()).ok()?.checked_add(u64::from(duration.subsec_nanos() > 0))
        })
        .ok_or_else(|| InvalidSpan(text.to_owned()))
}

/// The last midnight in `zone`.
pub(super) fn midnight(now: Timestamp, zone: &TimeZone) -> Timestamp {
    now.in_zone(zone).start_of_day().map_or(now, |start| seconds_of(&start))
}

fn seconds_of(moment: &Zoned) -> Timestamp {
    Timestamp::from_unix_seconds(moment.timestamp().as_second())
}

fn absolute(text: &str, now: &Zoned) -> Option<Zoned> {
    if text == "now" {
        return Some(now.clone());
    }
    if let Some(seconds) = text.strip_prefix('@') {
        let moment = jiff::Timestamp::from_second(seconds.parse().ok()?).ok()?;
        return Some(moment.to_zoned(now.time_zone().clone()));
    }
    // With an offset, as in JSON.
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Some(moment.to_zoned(now.time_zone().clone()));
    }
    let local = match clock(text) {
        Some(clock) => now.date().to_datetime(clock),
        None => day_and_clock(text, now.date())?,
    };
    local.to_zoned(now.time_zone().clone()).ok()
}

/// `yesterday`, `2026-11-24`, either with a time of day.
fn day_and_clock(text: &str, today: civil::Date) -> Option<civil::DateTime> {
    let (day, rest) = text.split_once([' ', 'T']).unwrap_or((text, ""));
    let day = match day {
        "today" => today,
        "yesterday" => today.yesterday().ok()?,
        "tomorrow" => today.tomorrow().ok()?,
        _ if day.contains('-') => day.parse().ok()?,
        _ => return None,
    };
    Some(day.to_datetime(if rest.is_empty() { civil::Time::midnight() } else { clock(rest.trim())? }))
}

/// `16:00` or `16:00:30`.
fn clock(text: &str) -> Option<civil::Time> {
    let is_clock = text.contains(':') && text.chars().all(|char| char.is_ascii_digit() || char == ':');
    is_clock.then(|| text.parse().ok()).flatten()
}

fn relative(text: &str, now: &Zoned) -> Option<Zoned> {
    match text.strip_prefix('+') {
        Some(text) => now.checked_add(span(text).filter(|span| !span.is_negative())?).ok(),
        None => now.checked_sub(span(text)?.abs()).ok(),
    }
}

/// `90m`, `2 hours ago`, `1h 30m`. Clocks, which the parser takes for spans, are none.
fn span(text: &str) -> Option<Span> {
    (!text.contains(':')).then(|| SpanParser::new().parse_span(text).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 2026-11-25 12:00:00 UTC, 13:00 in Berlin.
    const NOON: i64 = 1_795_608_000;

    fn berlin() -> TimeZone {
        TimeZone::fixed(jiff::tz::offset(1))
    }

    fn moment(text: &str) -> Option<String> {
        let moment = parse_moment(text, Timestamp::from_unix_seconds(NOON), &berlin()).ok()?;
        Some(moment.in_zone(&berlin()).strftime("%F %T").to_string())
    }

    #[test]
    fn moments_are_read_in_all_their_forms() {
        for (text, expected) in [
            ("now", "2026-11-25 13:00:00"),
            ("today", "2026-11-25 00:00:00"),
            ("yesterday", "2026-11-24 00:00:00"),
            ("tomorrow", "2026-11-26 00:00:00"),
            ("yesterday 16:00", "2026-11-24 16:00:00"),
            ("16:00", "2026-11-25 16:00:00"),
            ("06:07:08", "2026-11-25 06:07:08"),
            ("30m", "2026-11-25 12:30:00"),
            ("12h", "2026-11-25 01:00:00"),
            ("7d", "2026-11-18 13:00:00"),
            ("1w", "2026-11-18 13:00:00"),
            ("2 hours ago", "2026-11-25 11:00:00"),
            ("-2h", "2026-11-25 11:00:00"),
            ("+2h", "2026-11-25 15:00:00"),
            ("1 month ago", "2026-10-25 13:00:00"),
            (" 1h 30m ", "2026-11-25 11:30:00"),
            ("2026-11-24", "2026-11-24 00:00:00"),
            ("2026-11-24T10:00:00", "2026-11-24 10:00:00"),
            ("2026-11-24 10:00", "2026-11-24 10:00:00"),
            ("2026-11-24T10:00:00Z", "2026-11-24 11:00:00"),
            ("2026-11-24T10:00:00+02:00", "2026-11-24 09:00:00"),
            ("@1795608000", "2026-11-25 13:00:00"),
        ] {
            assert_eq!(moment(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn texts_that_name_no_moment_are_refused_with_what_is_accepted() {
        for text in
            ["", " ", "5", "5x", "x", "@", "@x", "25:00", "16:", ":", "2026-13-01", "2026-11-24 x", "yesterday x"]
        {
            assert_eq!(moment(text), None, "{text}");
        }
        for text in ["+2h ago", "99999999999999999999d", "9999999y", "todayT", "2026-11-24T", "1M"] {
            let _ = moment(text);
        }
        let error =
            parse_moment("5x", Timestamp::from_unix_seconds(NOON), &berlin()).map_err(|error| error.to_string());
        let error = error.expect_err("no time");
        assert!(
            error.starts_with("invalid time \"5x\": expected a time span") && error.contains("yesterday"),
            "{error}"
        );
    }

    #[test]
    fn spans_are_seconds() {
        for (text, expected) in [
            ("0", 0),
            ("600", 600),
            ("90m", 5400),
            ("4h", 14_400),
            ("1d", 86_400),
            ("1w", 604_800),
            ("1h 30m", 5400),
            ("2 hours", 7200),
            ("1.5h", 5400),
            ("500ms", 1),
        ] {
            assert_eq!(parse_seconds(text), Ok(expected), "{text}");
        }
        for text in ["", "x", "4x", "-4h", "4h ago", "1 month", "16:00", "1y", "99999999999999999999"] {
            assert_eq!(parse_seconds(text), Err(InvalidSpan(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn midnight_is_local() {
        let midnight = midnight(Timestamp::from_unix_seconds(NOON), &berlin());
        assert_eq!(midnight.unix_seconds(), NOON - 13 * 3600);
    }

    // O-3, Times
    #[test]
    fn times_are_shown_local_with_their_offset() {
        for text in ["2026-11-30T15:05:30Z", "2026-11-30T15:05:30.250Z", "2026-11-30T17:05:30.250+02:00"] {
            assert_eq!(local_in(text, &berlin()), "2026-11-30 16:05:30 +01:00", "{text}");
        }
        assert_eq!(local_in("none\u{1b}", &berlin()), "none\\x1b");
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in any::<String>(), now in any::<i64>()) {
            let now = Timestamp::from_unix_nanos(now);
            let _ = parse_moment(&text, now, &berlin());
            let _ = (parse_seconds(&text), local_in(&text, &berlin()));
        }

        #[test]
        fn any_text_of_parts_of_times_is_answered(
            parts in prop::collection::vec(
                prop::sample::select(&[
                    "now", "today", "yesterday", "tomorrow", "ago", " ", "T", "Z", "-", "+", ":", "@", ".", ",", "0", "1",
                    "9", "59", "2026", "9999", "-9999", "99999999999", "11", "24", "h", "m", "d", "w", "mo", "y", "hours",
                    "ns", "ms", "µs", "\u{202e}", "\0",
                ][..]),
                0..9,
            ),
            now in any::<i64>(),
        ) {
            let text = parts.concat();
            let _ = parse_moment(&text, Timestamp::from_unix_nanos(now), &berlin());
            let _ = parse_seconds(&text);
        }
    }
}
