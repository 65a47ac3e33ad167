//! Sensor report for `hidsctl status`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::selftest::SelfTest;
use super::tier::Tier;
use super::{Degradation, ProcessesReport};

/// Every tier, best first, and the counters of attached hooks.
#[derive(Clone, Debug, Serialize)]
pub struct SensorReport {
    /// Each way to see file and process events.
    pub tiers: Vec<TierReport>,
    /// Each attached hook; empty when no program is attached.
    pub hooks: Vec<HookReport>,
    /// What is remembered of processes and how often it answered; absent when no program is attached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processes: Option<ProcessesReport>,
    /// What the file sensor proved at the start; `None` while that goes on, or where it is not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub self_test: Option<SelfTest>,
    /// Why it proved nothing.
    #[serde(rename = "self_test_error", skip_serializing_if = "Option::is_none")]
    pub self_test_trouble: Option<String>,
}

/// Whether a tier works here.
#[derive(Clone, Debug, Serialize)]
pub struct TierReport {
    /// Which.
    pub tier: Tier,
    /// Whether it works.
    pub available: bool,
    /// What it gives, or why it does not work.
    pub detail: String,
    /// What is lost without it.
    #[serde(rename = "consequence", skip_serializing_if = "Option::is_none")]
    pub lost: Option<String>,
    /// What an administrator can do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl TierReport {
    pub(super) fn available(tier: Tier, detail: impl Into<String>) -> Self {
        Self { tier, available: true, detail: detail.into(), lost: None, help: None }
    }

    pub(super) fn unavailable(tier: Tier, why: &Degradation) -> Self {
        let lost = match tier {
            Tier::Lsm => "blocking writes to protected files",
            Tier::Tracepoint => "process information for file changes",
            Tier::Fanotify => "realtime file change events",
            Tier::Scan => "file changes",
        };
        Self {
            tier,
            available: false,
            detail: why.with_sources(),
            lost: Some(lost.to_owned()),
            help: Some(why.help().to_owned()),
        }
    }
}

/// The counters of one hook, since the daemon started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HookReport {
    /// Name of the hook, for example `sched_process_exec`.
    pub hook: &'static str,
    /// Events it saw.
    pub seen: u64,
    /// Events it gave up, by reason.
    pub dropped: BTreeMap<&'static str, u64>,
}
