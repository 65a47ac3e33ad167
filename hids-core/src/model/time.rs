//! Points in time, without a clock.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A moment, in nanoseconds since 1970-01-01 00:00 UTC (good until the year 2262).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From whole seconds since 1970; saturates outside the years 1678 to 2262.
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000))
    }

    /// From nanoseconds since 1970.
    pub const fn from_unix_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Whole seconds since 1970, rounded towards the past.
    pub const fn unix_seconds(self) -> i64 {
        self.0.div_euclid(1_000_000_000)
    }

    /// Nanoseconds since 1970.
    pub const fn unix_nanos(self) -> i64 {
        self.0
    }

    /// This moment plus `duration`, saturating.
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)))
    }

    /// This moment less `duration`, saturating.
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)))
    }

    /// How long after `earlier` this moment is; zero when it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The date and time of day in `zone`.
    pub fn civil_in(self, zone: &jiff::tz::TimeZone) -> jiff::civil::DateTime {
        let time = jiff::Timestamp::from_second(self.unix_seconds()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        zone.to_datetime(time)
    }

    /// The civil time in `zone`, for texts that an administrator reads.
    pub fn in_zone(self, zone: &jiff::tz::TimeZone) -> jiff::Zoned {
        jiff::Timestamp::from_nanosecond(i128::from(self.0))
            .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
            .to_zoned(zone.clone())
    }

    /// Date, time of day and offset in `zone`, for people: `2026-11-30 16:05:30 +01:00`.
    pub fn local_text(self, zone: &jiff::tz::TimeZone) -> String {
        self.in_zone(zone).strftime("%Y-%m-%d %H:%M:%S %:z").to_string()
    }

    /// A moment with its offset as JSON has it, RFC 3339.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let nanos = text.parse::<jiff::Timestamp>().ok()?.as_nanosecond();
        i64::try_from(nanos).ok().map(Self)
    }

    /// RFC 3339 with milliseconds and the offset of `zone`, for JSON.
    pub fn rfc3339(self, zone: &jiff::tz::TimeZone) -> String {
        self.in_zone(zone).strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
    }
}
