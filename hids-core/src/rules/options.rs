//! What rules need to know besides themselves.

use ipnet::IpNet;

use crate::decode::Reading;
use crate::model::Level;
use crate::pattern::Subject;

/// How first-time combinations of intrusion detection events are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FtsLimits {
    /// Recent combinations of intrusion detection events that a new one is compared with.
    pub list_size: usize,
    /// Leading characters that such combinations share more of.
    pub shared_prefix: usize,
}

impl Default for FtsLimits {
    fn default() -> Self {
        Self { list_size: 32, shared_prefix: 14 }
    }
}

/// What rules need to know besides themselves.
#[derive(Clone, Debug)]
pub struct RuleOptions {
    /// From which level alerts are recorded.
    pub record_level: Level,
    /// From which level alerts are mailed.
    pub mail_level: Level,
    /// Time window of composite rules that have none, in seconds.
    pub default_timeframe_seconds: u32,
    /// In the strict mode, events remembered.
    pub memory_size: usize,
    /// In the strict mode, events remembered of a rule that `if_matched_sid` names.
    pub rule_memory_size: usize,
    /// What first-time combinations of intrusion detection events are compared with.
    pub fts: FtsLimits,
    /// Networks whose events do not count against targets (`true`), and exceptions from them; the first decides.
    pub excepted: Vec<(IpNet, bool)>,
    /// Time zone of `<time>` and `<weekday>`.
    pub zone: jiff::tz::TimeZone,
    /// Whether to answer exactly as OSSEC does.
    pub strict_ossec: bool,
}

impl Default for RuleOptions {
    fn default() -> Self {
        Self {
            record_level: Level(1),
            mail_level: Level(7),
            default_timeframe_seconds: 360,
            memory_size: 8192,
            rule_memory_size: 128,
            fts: FtsLimits::default(),
            excepted: Vec::new(),
            zone: jiff::tz::TimeZone::UTC,
            strict_ossec: false,
        }
    }
}

impl RuleOptions {
    /// Whose reading of files is wanted.
    pub fn reading(&self) -> Reading {
        if self.strict_ossec { Reading::Ossec } else { Reading::AsWritten }
    }

    pub(super) fn subject(&self) -> Subject {
        if self.strict_ossec { Subject::StrictUtf8 } else { Subject::Bytes }
    }
}
