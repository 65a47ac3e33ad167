//! Identifiers and levels.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A rule's number as written in `<rule id="…">`; OSSEC reads at most six digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RuleId(pub u32);

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How serious a rule is. 0 means "known and of no interest"; OSSEC intends 0 to 16.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Level(pub u16);

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Names one alert for ever: `EPOCH.N` as OSSEC writes it.
///
/// `sequence` is kept over restarts (OSSEC's starts again at 1, so that its ids can repeat).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlertId {
    /// Seconds since 1970 at which the event was received.
    pub epoch_seconds: i64,
    /// Running number of the alert.
    pub sequence: u64,
}

impl fmt::Display for AlertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch_seconds, self.sequence)
    }
}

impl std::str::FromStr for AlertId {
    type Err = ParseAlertIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (epoch, sequence) = text.split_once('.').ok_or(ParseAlertIdError)?;
        Ok(Self {
            epoch_seconds: epoch.parse().map_err(|_| ParseAlertIdError)?,
            sequence: sequence.parse().map_err(|_| ParseAlertIdError)?,
        })
    }
}

/// The text is not of the form `EPOCH.N`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an alert id has the form EPOCH.N, for example 1795558167.15")]
pub struct ParseAlertIdError;

impl Serialize for AlertId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AlertId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
