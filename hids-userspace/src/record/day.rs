//! Names of the daily files.

use std::path::PathBuf;

use hids_core::model::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// A kind of file that is written, one per day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    ArchiveLog,
    ArchiveJson,
    AlertsLog,
    AlertsJson,
    FirewallLog,
}

impl Kind {
    /// All, in the order in which OSSEC finishes them.
    pub(super) const ALL: [Self; 5] =
        [Self::ArchiveLog, Self::ArchiveJson, Self::AlertsLog, Self::AlertsJson, Self::FirewallLog];

    /// Directory under `logs`, the beginning of the files' names in it, and what is behind the last dot.
    const fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::ArchiveLog => ("archives", "ossec-archive", "log"),
            Self::ArchiveJson => ("archives", "ossec-archive", "json"),
            Self::AlertsLog => ("alerts", "ossec-alerts", "log"),
            Self::AlertsJson => ("alerts", "ossec-alerts", "json"),
            Self::FirewallLog => ("firewall", "ossec-firewall", "log"),
        }
    }

    /// Directory under `logs`.
    pub(super) const fn directory(self) -> &'static str {
        self.names().0
    }

    const fn stem(self) -> &'static str {
        self.names().1
    }

    const fn extension(self) -> &'static str {
        self.names().2
    }

    /// Name of the hard link to today's file, in [`Self::directory`].
    pub(super) fn link(self) -> String {
        format!("{}.{}", self.directory(), self.extension())
    }

    /// `alerts/2026/Nov/ossec-alerts-24.log`: relative to `logs`.
    pub(super) fn path(self, date: Date) -> PathBuf {
        self.month_directory(date).join(self.file_name(date))
    }

    /// `alerts/2026/Nov`.
    pub(super) fn month_directory(self, date: Date) -> PathBuf {
        PathBuf::from(self.directory()).join(date.strftime("%Y").to_string()).join(date.strftime("%b").to_string())
    }

    /// `ossec-alerts-24.log`.
    pub(super) fn file_name(self, date: Date) -> String {
        format!("{}-{:02}.{}", self.stem(), date.day(), self.extension())
    }
}

/// A local day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Day {
    /// Which.
    pub date: Date,
    /// The first moment after it.
    pub ends: Timestamp,
}

impl Day {
    /// The day of `time` in `zone`.
    pub(super) fn of(time: Timestamp, zone: &TimeZone) -> Self {
        let date = time.in_zone(zone).date();
        let next = date.tomorrow().unwrap_or(Date::MAX);
        let ends = zone
            .to_ambiguous_zoned(next.at(0, 0, 0, 0))
            .compatible()
            .ok()
            .and_then(|zoned| i64::try_from(zoned.timestamp().as_nanosecond()).ok());
        Self { date, ends: Timestamp::from_unix_nanos(ends.unwrap_or(i64::MAX)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_as_ossec_names_them() {
        let day = Day::of(Timestamp::from_unix_seconds(1_795_558_167), &TimeZone::UTC);
        assert_eq!(Kind::AlertsLog.path(day.date).to_str(), Some("alerts/2026/Nov/ossec-alerts-24.log"));
        assert_eq!(Kind::ArchiveJson.path(day.date).to_str(), Some("archives/2026/Nov/ossec-archive-24.json"));
        assert_eq!(Day::of(day.ends, &TimeZone::UTC).date, day.date.tomorrow().expect("tomorrow"));
    }
}
