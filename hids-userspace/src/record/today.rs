//! How many alerts were recorded today, by level.
//!
//! Part of each commit of the journal, so that the number is right after a restart and after `kill -9`.

use std::collections::BTreeMap;

use hids_core::model::{Alert, Timestamp};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::day::Day;

/// Alerts of one day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DayCounts {
    /// Which day; `None` before the first alert.
    pub date: Option<Date>,
    /// Alerts recorded on it.
    pub alerts: u64,
    /// The same by level; only levels that have some.
    pub levels: BTreeMap<u16, u64>,
}

impl DayCounts {
    /// These counts if they are of the day of `now`, else those of a day without alerts.
    pub(super) fn on(&self, now: Timestamp, zone: &TimeZone) -> Self {
        let date = Some(now.in_zone(zone).date());
        if self.date == date { self.clone() } else { Self { date, ..Self::default() } }
    }

    /// With `alerts` as well, in the order in which they came.
    pub(super) fn with<'a>(&self, alerts: impl Iterator<Item = &'a Alert>, zone: &TimeZone) -> Self {
        let mut counts = self.clone();
        let mut day: Option<(Timestamp, Day)> = None;
        for alert in alerts {
            let known = day.take().filter(|(from, day)| (*from..day.ends).contains(&alert.time));
            let (from, of) = known.unwrap_or_else(|| (alert.time, Day::of(alert.time, zone)));
            counts.add(of.date, alert.rule.level.0);
            day = Some((from, of));
        }
        counts
    }

    fn add(&mut self, date: Date, level: u16) {
        match self.date {
            Some(counted) if date == counted => {}
            // A line that was received before midnight and recorded after it.
            Some(counted) if counted.yesterday().is_ok_and(|yesterday| date == yesterday) => return,
            _ => *self = Self { date: Some(date), ..Self::default() },
        }
        self.alerts = self.alerts.saturating_add(1);
        let of_level = self.levels.entry(level).or_default();
        *of_level = of_level.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(day: i8) -> Date {
        Date::constant(2026, 11, day)
    }

    #[test]
    fn a_new_day_counts_anew_and_a_late_line_of_the_old_one_does_not_end_it() {
        let mut counts = DayCounts::default();
        for (day, level) in [(24, 5), (24, 5), (25, 10), (24, 5), (25, 3)] {
            counts.add(date(day), level);
        }
        let expected = DayCounts { date: Some(date(25)), alerts: 2, levels: [(3, 1), (10, 1)].into() };
        assert_eq!(counts, expected);
        // The clock had been far ahead.
        counts.add(date(20), 7);
        assert_eq!((counts.date, counts.alerts), (Some(date(20)), 1));
    }

    #[test]
    fn yesterdays_counts_are_not_todays() {
        let now = Timestamp::from_unix_seconds(1_795_558_167);
        let counts = DayCounts { date: Some(date(23)), alerts: 4, levels: [(5, 4)].into() };
        assert_eq!(counts.on(now, &TimeZone::UTC), DayCounts { date: Some(date(24)), ..DayCounts::default() });
        let counts = DayCounts { date: Some(date(24)), ..counts };
        assert_eq!(counts.on(now, &TimeZone::UTC), counts);
    }
}
