//! Requests to the responder and its answers: plain values for the control socket.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Sender;
use hids_core::model::{Alert, AlertId, RuleId, RuleStep, Timestamp};
use hids_core::respond::{Block, Refusal};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::evidence::{Happening, What, end_cause_text};
use super::script::ScriptCounters;
use crate::config::RespondConfig;
use crate::contracts::standing::Standing;

/// Where an answer goes. Nobody waiting for it any more is no error.
pub type Reply<T> = oneshot::Sender<T>;

/// What the responder is asked.
pub enum Request {
    /// A rule has fired.
    Alert(Arc<Alert>),
    /// Which addresses are blocked, a page of them; sorted by address.
    List(Page, Reply<BlocksView>),
    /// Block an address.
    Add {
        /// Which.
        address: IpAddr,
        /// How long; `None`: until it is removed.
        duration: Option<Duration>,
        /// Why, for `list` and `why`.
        reason: String,
        /// The block, or why not.
        reply: Reply<Result<AddedView, Refusal>>,
    },
    /// Remove one block.
    Remove {
        /// Which.
        address: IpAddr,
        /// Whether there was one.
        reply: Reply<bool>,
    },
    /// Remove all blocks.
    Flush {
        /// How many there were.
        reply: Reply<usize>,
    },
    /// Why an address is blocked, was blocked, or is never blocked.
    Why {
        /// Which.
        address: IpAddr,
        /// All that is known.
        reply: Reply<WhyView>,
    },
    /// What has been done about addresses, in their order; for mails.
    Standings(Vec<IpAddr>, Sender<Vec<Standing>>),
    /// Take another configuration.
    Reload(Box<RespondConfig>, Reply<()>),
    /// How the responder fares.
    Report(Reply<ReportView>),
    /// Goes away when everything before it has been carried out: whoever holds the other end learns of it.
    Barrier(Sender<()>),
}

/// Most blocks of one answer: a million would take hundreds of megabytes.
pub const MOST_PER_PAGE: usize = 10_000;

/// Which part of the blocked addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Those behind this address; `None`: from the first.
    pub after: Option<IpAddr>,
    /// How many, at most [`MOST_PER_PAGE`]; `None`: that many.
    pub most: Option<usize>,
}

/// A page of the blocked addresses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlocksView {
    /// Sorted by address, IPv4 first.
    pub blocks: Vec<BlockView>,
    /// How many addresses are blocked in all.
    pub total: usize,
    /// The last address of this page, if more follow.
    pub next: Option<IpAddr>,
}

/// What came of asking for a block by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddedView {
    /// The block as it is now.
    #[serde(flatten)]
    pub block: BlockView,
    /// Whether it was there already and lasts at least as long.
    pub unchanged: bool,
}

/// A block as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockView {
    /// Address.
    pub address: IpAddr,
    /// Whole seconds left, rounded up; `None`: until it is removed.
    pub remaining_seconds: Option<u64>,
    /// When it ends, RFC 3339.
    pub expires: Option<String>,
    /// When it began, RFC 3339.
    pub since: String,
    /// Rule.
    pub rule: Option<RuleId>,
    /// Alert.
    pub alert: Option<AlertId>,
    /// The rule's description, or the administrator's reason.
    pub description: String,
    /// Name of the command, or `manual`.
    pub response: String,
    /// The how manieth block of the address; 0 when by hand.
    #[serde(rename = "offences")]
    pub offence: u32,
    /// Whether the kernel drops its packets now.
    pub active: bool,
    /// Packets dropped; `None` when not known.
    pub packets: Option<u64>,
    /// Bytes dropped; `None` when not known.
    pub bytes: Option<u64>,
}

impl BlockView {
    /// A block at `now`.
    pub fn of(block: &Block, active: bool, now: Timestamp) -> Self {
        Self {
            address: block.address,
            remaining_seconds: block.expires.map(|end| end.since(now).as_millis().div_ceil(1000) as u64),
            expires: block.expires.map(text),
            since: text(block.since),
            rule: block.rule,
            alert: block.alert,
            description: block.reason.clone(),
            response: block.response.clone(),
            offence: block.offence,
            active,
            packets: None,
            bytes: None,
        }
    }
}

/// All that is known of an address.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WhyView {
    /// Address in canonical form.
    pub address: IpAddr,
    /// Its block, if it is blocked now.
    pub block: Option<BlockView>,
    /// Why it is never blocked, if so.
    pub never_blocked: Option<String>,
    /// How often it was blocked.
    pub offences: u32,
    /// What happened to it, oldest first.
    pub history: Vec<HistoryView>,
    /// Why the history cannot be read, if so.
    #[serde(rename = "error")]
    pub trouble: Option<String>,
}

/// Something that happened to an address.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HistoryView {
    /// When, RFC 3339.
    pub time: String,
    /// `blocked`, `extended`, `ended` or `refused`.
    pub event: String,
    /// Why a block ended or was refused.
    pub cause: Option<String>,
    /// What the log has as the source, where that is more than the address.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subject: Option<String>,
    /// Until when it was blocked.
    pub until: Option<String>,
    /// Rule.
    pub rule: Option<RuleId>,
    /// Alert.
    pub alert: Option<AlertId>,
    /// The rule's description, or the administrator's reason.
    pub description: Option<String>,
    /// Name of the command.
    pub response: Option<String>,
    /// The rules that matched on the way, the one that fired last.
    pub chain: Vec<RuleStep>,
    /// Techniques of ATT&CK that the rule names.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub mitre: Vec<String>,
    /// Where the line that fired the rule came from.
    pub location: Option<String>,
    /// The log lines that led to it, oldest first.
    pub lines: Vec<LineView>,
}

/// A log line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LineView {
    /// When it was received, RFC 3339.
    pub time: String,
    /// The line; bytes that a terminal acts upon are `\xNN`.
    pub text: String,
}

impl HistoryView {
    pub(super) fn of(happening: Happening) -> Self {
        let (mut view, evidence) = match happening.what {
            What::Blocked { block, evidence } => {
                let event = if block.since == block.updated { "blocked" } else { "extended" };
                let mut view = Self::bare(happening.time, event);
                view.until = block.expires.map(text);
                (view.rule, view.alert) = (block.rule, block.alert);
                (view.description, view.response) = (Some(block.reason), Some(block.response));
                (view, evidence)
            }
            What::Ended { cause } => {
                let mut view = Self::bare(happening.time, "ended");
                view.cause = Some(end_cause_text(cause));
                (view, None)
            }
            What::Refused { refused, evidence } => {
                let mut view = Self::bare(happening.time, "refused");
                view.cause = Some(refused.refusal.to_string());
                view.subject = (refused.subject != happening.address.to_string()).then_some(refused.subject);
                (view.rule, view.alert, view.response) = (refused.rule, refused.alert, Some(refused.response));
                (view, evidence)
            }
        };
        if let Some(evidence) = evidence {
            (view.chain, view.mitre) = (evidence.chain, evidence.mitre);
            view.location = Some(evidence.location);
            let line = |line: super::SeenLine| LineView { time: text(line.time), text: line.text };
            view.lines = evidence.lines.into_iter().map(line).collect();
        }
        view
    }

    fn bare(time: Timestamp, event: &str) -> Self {
        Self {
            time: text(time),
            event: event.into(),
            cause: None,
            subject: None,
            until: None,
            rule: None,
            alert: None,
            description: None,
            response: None,
            chain: Vec::new(),
            mitre: Vec::new(),
            location: None,
            lines: Vec::new(),
        }
    }
}

/// How the responder fares. Counters since start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportView {
    /// `blocking` or `dry-run`.
    pub mode: String,
    /// Why blocks are not carried out, if so.
    #[serde(rename = "nftables_error")]
    pub nftables_trouble: Option<String>,
    /// Why blocks would not survive a restart, if so.
    #[serde(rename = "ledger_error")]
    pub ledger_trouble: Option<String>,
    /// Why the machine's own addresses are not known, if so.
    #[serde(rename = "addresses_error")]
    pub addresses_trouble: Option<String>,
    /// Addresses that are to be blocked.
    pub blocked: usize,
    /// How many can be blocked.
    #[serde(rename = "blocked_limit")]
    pub blocked_at_most: usize,
    /// Addresses that are in the kernel's sets.
    pub active: usize,
    /// Blocks that ended early because there was no room for a new one.
    pub evicted: u64,
    /// Blocks asked for by rules, extensions included.
    pub blocks: u64,
    /// Blocks and programs that were refused.
    #[serde(rename = "rejected")]
    pub refused: u64,
    /// Protected addresses that only the last check kept out (an error of ours).
    #[serde(rename = "protected_rejected")]
    pub kept_out: u64,
    /// How often nftables had to be put right.
    pub repairs: u64,
    /// How often another program had changed the table and it was restored.
    pub restored: u64,
    /// What was found last then.
    #[serde(rename = "restored_reason")]
    pub restored_because: Option<String>,
    /// Programs of active responses.
    #[serde(flatten)]
    pub programs: ProgramsView,
    /// Happenings whose evidence could not be stored.
    pub evidence_lost: u64,
    /// Lines of active-responses.log that could not be written.
    pub action_lines_lost: u64,
}

/// How the programs of active responses fare. Counters since start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramsView {
    /// Waiting or running.
    #[serde(rename = "programs_pending")]
    pub pending: u64,
    /// Started.
    #[serde(rename = "programs_started")]
    pub started: u64,
    /// Failed.
    #[serde(rename = "programs_failed")]
    pub failed: u64,
    /// Killed because they ran too long.
    #[serde(rename = "programs_timed_out")]
    pub timed_out: u64,
    /// Not run because others could change them.
    #[serde(rename = "programs_untrusted")]
    pub distrusted: u64,
    /// Those of the configuration that others could change, with what to do; they are not run.
    #[serde(rename = "untrusted_programs")]
    pub distrusted_now: Vec<String>,
    /// Asked for while the same call was waiting: one run was enough.
    #[serde(rename = "programs_merged", default)]
    pub merged: u64,
    /// Not run because too many were waiting: the sum of the three that follow.
    #[serde(rename = "programs_dropped")]
    pub dropped: u64,
    /// Of these, those whose source had too many waiting.
    #[serde(rename = "programs_over_share", default)]
    pub over_share: u64,
    /// Those that gave way for one of a higher level, or of a source that had fewer waiting.
    #[serde(rename = "programs_displaced", default)]
    pub displaced: u64,
    /// Those that came when the queue was full of others that were no less important.
    #[serde(rename = "programs_without_room", default)]
    pub without_room: u64,
    /// To be undone later.
    #[serde(rename = "programs_to_revert")]
    pub to_undo: usize,
}

impl ProgramsView {
    /// Takes the counters as they are now.
    pub(super) fn take(&mut self, counters: &ScriptCounters) {
        use std::sync::atomic::Ordering::Relaxed;
        self.pending = counters.pending.load(Relaxed);
        self.started = counters.started.load(Relaxed);
        self.failed = counters.failed.load(Relaxed);
        self.distrusted = counters.distrusted.load(Relaxed);
        self.timed_out = counters.timed_out.load(Relaxed);
        self.merged = counters.merged.load(Relaxed);
    }
}

/// A moment as it is shown: RFC 3339 in UTC, whole seconds.
fn text(time: Timestamp) -> String {
    jiff::Timestamp::from_second(time.unix_seconds()).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn programs_are_keys_of_the_report_itself() {
        let programs = ProgramsView { to_undo: 3, distrusted_now: vec!["/a".into()], ..ProgramsView::default() };
        let report = ReportView { programs, ..ReportView::default() };
        let value = serde_json::to_value(&report).expect("JSON");
        assert_eq!((&value["programs_to_revert"], &value["untrusted_programs"][0]), (&3.into(), &"/a".into()));
        let keys = value.as_object().expect("an object").keys();
        let of_programs: BTreeSet<&str> = keys.map(String::as_str).filter(|key| key.contains("programs")).collect();
        let expected = [
            "programs_displaced",
            "programs_dropped",
            "programs_failed",
            "programs_merged",
            "programs_over_share",
            "programs_pending",
            "programs_started",
            "programs_timed_out",
            "programs_to_revert",
            "programs_untrusted",
            "programs_without_room",
            "untrusted_programs",
        ];
        assert_eq!(of_programs, BTreeSet::from(expected));
        assert_eq!(serde_json::from_value::<ReportView>(value).expect("read back"), report);
    }
}
