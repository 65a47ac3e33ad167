//! Alerts counted by time, level and rule: the last hour by the minute, the last day by ten minutes.

use std::collections::{BTreeMap, HashMap};

use hids_core::model::{Level, Timestamp};

use crate::record::RecordedAlert;

/// Minutes of the last hour.
pub(super) const MINUTES: usize = 60;
/// Seconds of a day, as far back as is counted.
pub(super) const DAY_SECONDS: i64 = 86_400;

/// Most rules that are counted one by one: records name as many as they like.
const MOST_RULES: usize = 5000;

/// Least level of each band of levels, the most severe first.
pub(super) const BANDS: [u16; 4] = [12, 10, 7, 0];

/// Counts in buckets of equal length.
#[derive(Clone, Debug)]
struct Window {
    bucket_seconds: i64,
    buckets: usize,
    counts: BTreeMap<i64, u64>,
}

impl Window {
    const fn hour() -> Self {
        Self { bucket_seconds: 60, buckets: MINUTES, counts: BTreeMap::new() }
    }

    const fn day() -> Self {
        Self { bucket_seconds: 600, buckets: 144, counts: BTreeMap::new() }
    }

    const fn bucket(&self, time: Timestamp) -> i64 {
        time.unix_seconds().div_euclid(self.bucket_seconds)
    }

    fn add(&mut self, time: Timestamp, count: u64) {
        let sum = self.counts.entry(self.bucket(time)).or_default();
        *sum = sum.saturating_add(count);
        // Whatever times records have, the newest buckets are kept.
        while self.counts.len() > self.buckets * 2 {
            self.counts.pop_first();
        }
    }

    fn sum(&self, now: Timestamp) -> u64 {
        let last = self.bucket(now);
        let first = last.saturating_sub(self.buckets as i64 - 1);
        self.counts.range(first..=last).fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }
}

/// One rule's alerts.
#[derive(Clone, Debug)]
struct RuleCount {
    level: Level,
    description: String,
    hour: Window,
    day: Window,
}

/// One rule as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RuleRow {
    /// Its number.
    pub id: u32,
    /// Its level.
    pub level: Level,
    /// Its description.
    pub description: String,
    /// Alerts of the last hour.
    pub hour: u64,
    /// Alerts of the last day.
    pub day: u64,
}

/// The counts.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    hours: [Window; BANDS.len()],
    days: [Window; BANDS.len()],
    rules: HashMap<u32, RuleCount>,
    /// Alerts of rules for which there was no room.
    uncounted: u64,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            hours: std::array::from_fn(|_| Window::hour()),
            days: std::array::from_fn(|_| Window::day()),
            rules: HashMap::new(),
            uncounted: 0,
        }
    }
}

impl Tally {
    /// Counts an alert.
    pub(super) fn add(&mut self, alert: &RecordedAlert) {
        let band = BANDS.iter().position(|&least| alert.level.0 >= least).unwrap_or(BANDS.len() - 1);
        self.hours[band].add(alert.time, alert.count);
        self.days[band].add(alert.time, alert.count);
        if !self.rules.contains_key(&alert.rule.0) && self.rules.len() >= MOST_RULES {
            self.uncounted = self.uncounted.saturating_add(alert.count);
            return;
        }
        let rule = self.rules.entry(alert.rule.0).or_insert_with(|| RuleCount {
            level: alert.level,
            description: alert.description.chars().take(200).collect(),
            hour: Window::hour(),
            day: Window::day(),
        });
        rule.hour.add(alert.time, alert.count);
        rule.day.add(alert.time, alert.count);
    }

    /// Alerts of each of the last 60 minutes, the present one last.
    pub(super) fn minutes(&self, now: Timestamp) -> [u64; MINUTES] {
        let last = now.unix_seconds().div_euclid(60);
        std::array::from_fn(|index| {
            let minute = last - (MINUTES - 1 - index) as i64;
            let counts = self.hours.iter().filter_map(|window| window.counts.get(&minute));
            counts.fold(0, |sum: u64, count| sum.saturating_add(*count))
        })
    }

    /// Alerts of the last hour and the last day in each band of levels.
    pub(super) fn levels(&self, now: Timestamp) -> [(u64, u64); BANDS.len()] {
        std::array::from_fn(|band| (self.hours[band].sum(now), self.days[band].sum(now)))
    }

    /// Rules with alerts in the last day, the noisiest of the last hour or of the day first.
    pub(super) fn rules(&self, now: Timestamp, by: Span) -> Vec<RuleRow> {
        let mut rows: Vec<RuleRow> = self
            .rules
            .iter()
            .map(|(&id, rule)| RuleRow {
                id,
                level: rule.level,
                description: rule.description.clone(),
                hour: rule.hour.sum(now),
                day: rule.day.sum(now),
            })
            .filter(|row| row.day > 0 || row.hour > 0)
            .collect();
        rows.sort_by_key(|row| {
            let counts = if by == Span::Hour { (row.hour, row.day) } else { (row.day, row.hour) };
            (std::cmp::Reverse(counts), row.id)
        });
        rows
    }

    /// Alerts of rules that are not counted one by one.
    pub(super) const fn uncounted(&self) -> u64 {
        self.uncounted
    }
}

/// Over which time rules are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Span {
    #[default]
    Hour,
    Day,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_795_608_000;

    fn alert(seconds_ago: i64, rule: u32, level: u16, count: u64) -> RecordedAlert {
        let alert = json!({
            "rule": { "level": level, "comment": "c", "sidid": rule }, "TimeStamp": (NOW - seconds_ago) * 1000,
            "count": count,
        });
        RecordedAlert::from_json(&alert.to_string()).expect("an alert")
    }

    fn now() -> Timestamp {
        Timestamp::from_unix_seconds(NOW)
    }

    #[test]
    fn alerts_are_counted_by_minute_level_and_rule() {
        let mut tally = Tally::default();
        for alert in [
            alert(0, 1, 5, 1),
            alert(70, 1, 5, 2),
            alert(2 * 3600, 2, 12, 7),
            alert(25 * 3600, 3, 10, 1),
            alert(59 * 60, 4, 7, 1),
        ] {
            tally.add(&alert);
        }
        let minutes = tally.minutes(now());
        assert_eq!((minutes[59], minutes[57], minutes[0], minutes.iter().sum::<u64>()), (1, 2, 1, 4));
        assert_eq!(tally.levels(now()), [(0, 7), (0, 0), (1, 1), (3, 3)]);
        let ids = |by| tally.rules(now(), by).iter().map(|row| (row.id, row.hour, row.day)).collect::<Vec<_>>();
        assert_eq!(ids(Span::Hour), [(1, 3, 3), (4, 1, 1), (2, 0, 7)]);
        assert_eq!(ids(Span::Day), [(2, 0, 7), (1, 3, 3), (4, 1, 1)]);
    }

    #[test]
    fn memory_is_bounded_whatever_records_say() {
        let mut tally = Tally::default();
        for number in 0..MOST_RULES as u32 + 10 {
            tally.add(&alert(i64::from(number) * 60, number, 5, u64::MAX));
        }
        assert_eq!((tally.rules.len(), tally.uncounted()), (MOST_RULES, u64::MAX));
        assert!(tally.hours.iter().all(|window| window.counts.len() <= 2 * MINUTES));
        tally.add(&alert(i64::MAX / 2000, 1, 5, 1));
        let _ = (tally.minutes(Timestamp::from_unix_seconds(i64::MIN / 2)), tally.levels(now()));
    }
}
