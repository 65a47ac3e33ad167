//! Schedule of scans.

use std::time::Duration;

use jiff::ToSpan as _;
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;

use crate::model::Timestamp;

/// `<frequency>`, `<scan_time>` and `<scan_day>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Time from the end of a scan to the start of the next, when neither time nor days are given.
    pub frequency: Duration,
    /// Minutes after midnight.
    pub time: Option<u16>,
    /// Days of the week, Monday = bit 0.
    pub days: Option<u8>,
}

/// When the last scheduled scan ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastScan {
    /// When it began.
    pub began: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
}

impl Schedule {
    /// When the scan after `last` is due; it may lie in the past.
    ///
    /// With a time or days: once on each day that fits, at that time or at its beginning
    /// (`src/syscheckd/run_check.c`). A time that the clock leaves out is taken an hour later.
    pub fn next(&self, last: LastScan, zone: &TimeZone) -> Timestamp {
        let by_frequency = last.ended.plus(self.frequency);
        if self.time.is_none() && self.days.is_none() {
            return by_frequency;
        }
        let minutes = i8::try_from(self.time.unwrap_or(0) % 60).unwrap_or(0);
        let hours = i8::try_from(self.time.unwrap_or(0) / 60).unwrap_or(0);
        let at = Time::new(hours, minutes, 0, 0).unwrap_or(Time::midnight());
        let first = last.began.civil_in(zone).date();
        let candidates = (0..=7).filter_map(|days| {
            let date = first.checked_add(days.days()).ok()?;
            self.fits(date.weekday()).then(|| date.to_datetime(at).to_zoned(zone.clone()).ok()).flatten()
        });
        candidates
            .map(|zoned| Timestamp::from_unix_seconds(zoned.timestamp().as_second()))
            .find(|due| *due > last.began)
            .unwrap_or(by_frequency)
    }

    fn fits(&self, day: Weekday) -> bool {
        self.days.is_none_or(|days| days & 1 << day.to_monday_zero_offset() != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_unix_seconds(text.parse::<jiff::Timestamp>().unwrap().as_second())
    }

    fn next(schedule: Schedule, began: &str) -> Timestamp {
        let began = at(began);
        schedule.next(LastScan { began, ended: began.plus(Duration::from_secs(600)) }, &TimeZone::UTC)
    }

    const DAILY: Schedule = Schedule { frequency: Duration::from_secs(3600), time: Some(21 * 60 + 30), days: None };

    #[test]
    fn the_frequency_counts_from_the_end_of_the_last_scan() {
        let hourly = Schedule { time: None, ..DAILY };
        assert_eq!(next(hourly, "2026-11-25T10:00:00Z"), at("2026-11-25T11:10:00Z"));
    }

    #[test]
    fn a_time_of_day_is_met_once_a_day() {
        assert_eq!(next(DAILY, "2026-11-25T10:00:00Z"), at("2026-11-25T21:30:00Z"));
        assert_eq!(next(DAILY, "2026-11-25T21:30:00Z"), at("2026-11-26T21:30:00Z"));
    }

    #[test]
    fn days_without_a_time_begin_at_midnight() {
        // 25 November 2026 is a Wednesday.
        let weekend = Schedule { time: None, days: Some(0b110_0000), ..DAILY };
        assert_eq!(next(weekend, "2026-11-25T10:00:00Z"), at("2026-11-28T00:00:00Z"));
        assert_eq!(next(weekend, "2026-11-29T00:00:05Z"), at("2026-12-05T00:00:00Z"));
        let same_day_next_week = Schedule { time: None, days: Some(0b100), ..DAILY };
        assert_eq!(next(same_day_next_week, "2026-11-25T10:00:00Z"), at("2026-12-02T00:00:00Z"));
    }
}
