//! What the engine needs to know besides its rules.

use std::time::Duration;

use ipnet::IpNet;

use super::dropped::OssecProgram;
use crate::model::Level;
use crate::rules::{FtsLimits, RuleOptions};

/// What the engine needs to know besides its rules.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// From which level alerts are recorded.
    pub record_level: Level,
    /// From which level alerts are mailed.
    pub mail_level: Level,
    /// In the strict mode, events that composite rules look back on (`<memory_size>`).
    pub memory_size: usize,
    /// In the strict mode, events of a rule that `if_matched_sid` looks back on
    /// (`analysisd.sid_prev_matched_max`).
    pub rule_memory_size: usize,
    /// What first-time combinations of intrusion detection events are compared with.
    pub fts: FtsLimits,
    /// Most fields of a decoder's `<order>` (`analysisd.decoder_order_size`).
    pub decoder_order_size: usize,
    /// Whether the actions of firewalls are made one of five words, and the strict mode throws away
    /// incomplete events of theirs (`analysisd.log_fw`).
    pub log_fw: bool,
    /// Time window of composite rules that have none.
    pub default_timeframe: Duration,
    /// Host name of lines without one.
    pub default_hostname: Vec<u8>,
    /// `<white_list>`: networks whose events do not count against targets (`true`), and exceptions from them; the
    /// first that holds an address decides.
    pub excepted: Vec<(IpNet, bool)>,
    /// Time zone of `<time>` and `<weekday>`.
    pub zone: jiff::tz::TimeZone,
    /// `<auto_ignore>`: whether the second and the third change of a file have rules of their own.
    pub counts_changes: bool,
    /// Whether to answer exactly as OSSEC does, its defects included.
    pub strict_ossec: bool,
    /// Whether hardened decoders read the addresses of OSSEC's own; never in the strict mode.
    pub hardened_decoders: bool,
    /// As which of OSSEC's programs the strict mode answers.
    pub strict_program: OssecProgram,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            record_level: Level(1),
            mail_level: Level(7),
            memory_size: 8192,
            rule_memory_size: 128,
            fts: FtsLimits::default(),
            decoder_order_size: 256,
            log_fw: true,
            default_timeframe: Duration::from_secs(360),
            default_hostname: b"localhost".to_vec(),
            excepted: Vec::new(),
            zone: jiff::tz::TimeZone::UTC,
            counts_changes: true,
            strict_ossec: false,
            hardened_decoders: true,
            strict_program: OssecProgram::Logtest,
        }
    }
}

impl EngineOptions {
    pub(super) fn is_strict_daemon(&self) -> bool {
        self.strict_ossec && self.strict_program == OssecProgram::Daemon
    }

    pub(super) fn of_rules(&self) -> RuleOptions {
        RuleOptions {
            record_level: self.record_level,
            mail_level: self.mail_level,
            default_timeframe_seconds: u32::try_from(self.default_timeframe.as_secs()).unwrap_or(u32::MAX),
            memory_size: self.memory_size,
            rule_memory_size: self.rule_memory_size,
            fts: self.fts,
            excepted: self.excepted.clone(),
            zone: self.zone.clone(),
            strict_ossec: self.strict_ossec,
        }
    }
}
