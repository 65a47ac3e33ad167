//! Writes decisions to the ledger, the evidence and the action log.
//!
//! Owns those files. A disk that is full or gone costs records, never blocks: what could not be
//! written is counted, said once, and made good by rewriting the ledger when the disk has room.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hids_core::model::{Alert, Level, Timestamp};
use hids_core::respond::{
    Action, Block, Clock, EndCause, OffenceKey, Planner, ProgramCall, ProgramHold, Refused, Restored, Verb,
};
use jiff::tz::TimeZone;
use tracing::{info, warn};

use super::action_log::{self, ActionLine, Carried};
use super::clock;
use super::evidence::{Evidence, EvidenceLog, Happening, What, end_cause_text};
use super::ledger::{Entry, Ledger};
use super::mode::Mode;
use super::queue::DropCause;
use crate::logging::NOTICE;
use crate::sys::crash::{self, InHand, Part};

/// Time between two tries to write what could not be written.
const RETRY: Duration = Duration::from_secs(10);
/// Refusals and extensions of one address are recorded no more often: a flood of lines about a
/// white-listed host must not push everything else out of the evidence.
const REPEAT_AFTER: Duration = Duration::from_secs(60);
/// Refusals of what is no address are told no more often (all are counted).
const NAMELESS_AFTER: Duration = Duration::from_secs(1);
/// A program that is not run is told no more often (all are counted).
const DROPPED_AFTER: Duration = Duration::from_secs(1);
/// How many addresses are remembered.
const MOST_REPEATERS: usize = 10_000;

/// Addresses whose block began, changed or ended.
pub(super) type Changed = HashSet<IpAddr>;

/// Decisions that are carried out together.
#[derive(Default)]
pub(super) struct Batch {
    /// Addresses whose block began, changed or ended.
    pub changed: Changed,
    /// Programs to run, in order, with the level of the alert; an undo call has none.
    pub calls: Vec<(ProgramCall, Level)>,
    /// Both clocks, when the times of all blocks were just stated anew by them.
    pub clock: Option<Clock>,
    actions: Vec<(Action, Option<Arc<Alert>>)>,
    done: Vec<ProgramCall>,
}

impl Batch {
    /// Adds decisions and the alert that led to them.
    pub(super) fn take_actions(&mut self, actions: Vec<Action>, alert: Option<&Arc<Alert>>) {
        for action in actions {
            match &action {
                Action::Block(block) | Action::Unblock { block, .. } => _ = self.changed.insert(block.address),
                Action::Run(call) => {
                    let level = alert.map_or(Level(0), |alert| alert.rule.level);
                    self.calls.push((call.clone(), level));
                }
                // The kernel counts what is left by a clock that nobody sets.
                Action::Retime(_) | Action::Prolong(_) | Action::Refused(_) => {}
            }
            self.actions.push((action, alert.cloned()));
        }
    }

    /// Adds a program call that has ended.
    pub(super) fn take_done(&mut self, call: ProgramCall) {
        self.done.push(call);
    }

    /// The first and the last of the alerts that it is about.
    pub(super) fn alerts(&self) -> Option<(Arc<Alert>, Arc<Alert>)> {
        let mut alerts = self.actions.iter().filter_map(|(_, alert)| alert.as_ref());
        let first = alerts.next()?;
        Some((Arc::clone(first), Arc::clone(alerts.next_back().unwrap_or(first))))
    }

    /// Whether it holds a block.
    pub(super) fn has_blocks(&self) -> bool {
        self.actions.iter().any(|(action, _)| matches!(action, Action::Block(_)))
    }
}

/// The responder's files.
pub(super) struct Store {
    directory: PathBuf,
    ledger: Option<Ledger>,
    evidence: EvidenceLog,
    action_log: PathBuf,
    carried: Carried,
    scripts: HashMap<String, PathBuf>,
    zone: TimeZone,
    repeaters: HashMap<IpAddr, Instant>,
    nameless_refusal_at: Option<Instant>,
    dropped_at: Option<Instant>,
    retry_at: Option<Instant>,
    trouble: Option<String>,
    /// Counters for the report.
    pub counts: Counts,
}

/// What has happened since the start.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub blocks: u64,
    pub refused: u64,
    pub evidence_lost: u64,
    pub action_lines_lost: u64,
    pub programs_over_share: u64,
    pub programs_displaced: u64,
    pub programs_without_room: u64,
    pub evicted: u64,
}

impl Store {
    pub(super) fn new(state: &Path, logs: &Path, mode: Mode, scripts: HashMap<String, PathBuf>) -> Self {
        let (directory, carried) = match mode {
            Mode::Act => (state.join("respond"), Carried::Out),
            Mode::DryRun => (state.join("respond-dry-run"), Carried::DryRun),
        };
        Self {
            ledger: None,
            evidence: EvidenceLog::new(&directory),
            directory,
            action_log: logs.join("active-responses.log"),
            carried,
            scripts,
            zone: TimeZone::system(),
            repeaters: HashMap::new(),
            nameless_refusal_at: None,
            dropped_at: None,
            retry_at: None,
            trouble: None,
            counts: Counts::default(),
        }
    }

    /// Opens the ledger and gives back what it holds.
    pub(super) fn open(&mut self) -> Restored {
        match Ledger::open(&self.directory) {
            Ok((ledger, loaded)) => {
                if loaded.damaged_lines > 0 {
                    warn!(lines = loaded.damaged_lines, "damaged lines of the block ledger skipped");
                }
                self.ledger = Some(ledger);
                loaded.restored
            }
            Err(error) => {
                self.fail(&error);
                Restored::default()
            }
        }
    }

    /// Where the evidence is.
    pub(super) fn evidence_path(&self) -> &Path {
        self.evidence.path()
    }

    /// Why blocks would not survive a restart.
    pub(super) fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// When something that failed is tried again.
    pub(super) fn retry_at(&self) -> Option<Instant> {
        self.retry_at
    }

    /// Takes other names of executables; those of blocks that still last stay known.
    pub(super) fn set_scripts(&mut self, scripts: HashMap<String, PathBuf>) {
        self.scripts.extend(scripts);
    }

    /// Records a batch that has been carried out.
    pub(super) fn record(&mut self, batch: &Batch, planner: &Planner, now: Timestamp) {
        let mut entries: Vec<Entry> = batch.clock.map(Entry::clock).into_iter().collect();
        let mut happenings = Vec::new();
        let mut lines = Vec::new();
        for (action, alert) in &batch.actions {
            let alert = alert.as_deref();
            let mut record = || {
                #[cfg(feature = "faults")]
                alert.iter().for_each(|alert| hids_core::faults::strike("carry-out", &alert.full_log));
                match action {
                    Action::Block(block) => {
                        self.record_block(block, alert, now, &mut entries, &mut happenings, &mut lines)
                    }
                    Action::Retime(block) => entries.push(Entry::Block(block.clone())),
                    Action::Unblock { block, cause } => {
                        self.counts.evicted += u64::from(*cause == EndCause::Evicted);
                        entries.push(Entry::End(block.address));
                        happenings.push(Happening {
                            address: block.address,
                            time: now,
                            what: What::Ended { cause: *cause },
                        });
                        lines.push(self.block_line(block, Verb::Delete, now));
                        info!(target: NOTICE, srcip = %block.address, cause = end_cause_text(*cause), "{}", self.said("block removed", "dry run: block would be removed"));
                    }
                    Action::Run(call) => self.record_call(call, planner, now, &mut entries, &mut lines),
                    Action::Prolong(hold) => entries.push(Entry::Hold(hold.clone())),
                    Action::Refused(refused) => self.record_refusal(refused, alert, now, &mut happenings),
                }
            };
            match alert {
                Some(alert) => crash::working_on(in_hand(alert), record),
                None => record(),
            }
        }
        // Not if it was done again meanwhile: that is still to be undone.
        let undone = batch.done.iter().filter(|call| call.verb == Verb::Delete).map(ProgramCall::key);
        entries.extend(undone.filter(|key| planner.hold_of(key).is_none()).map(Entry::Undone));
        self.write_ledger(&entries, planner);
        if let Err(error) = self.evidence.append(&happenings) {
            self.counts.evidence_lost += happenings.len() as u64;
            warn!(%error, lost = happenings.len(), "cannot store the log lines that led to blocks");
        }
        if let Err(error) = action_log::append(&self.action_log, &lines, self.carried, &self.zone) {
            self.counts.action_lines_lost += lines.len() as u64;
            warn!(%error, path = %self.action_log.display(), "cannot write active-responses.log");
        }
    }

    /// A program that cannot be queued. Doing something is given up and counted; undoing it is not:
    /// it is tried again a little later.
    pub(super) fn program_dropped(
        &mut self,
        planner: &mut Planner,
        call: ProgramCall,
        cause: DropCause,
        now: Timestamp,
    ) {
        let (count, reason) = match cause {
            DropCause::Share => (&mut self.counts.programs_over_share, "its source has too many waiting"),
            DropCause::Displaced => (&mut self.counts.programs_displaced, "a more important one took its place"),
            DropCause::NoRoom => (&mut self.counts.programs_without_room, "none of them is less important"),
        };
        *count += 1;
        // As many as a flood has lines: the log must not grow with them.
        if self.dropped_at.is_none_or(|at| at.elapsed() >= DROPPED_AFTER) {
            self.dropped_at = Some(Instant::now());
            warn!(
                program = %call.program, verb = call.verb.as_str(), ip = %call.ip, user = %call.user, reason,
                help = "hidsctl status counts them; firewall blocks have no such limit",
                "too many response programs are waiting; one is not run"
            );
        }
        let key = call.key();
        if call.verb == Verb::Delete {
            planner.hold(ProgramHold { undo: call, due: now.plus(RETRY) });
        } else {
            planner.forget_hold(&key);
            self.write_ledger(&[Entry::Undone(key)], planner);
        }
    }

    /// Syncs the ledger, for the stop of the program.
    pub(super) fn close(&mut self) {
        if let Some(Err(error)) = self.ledger.take().map(|ledger| ledger.sync()) {
            warn!(%error, "cannot sync blocks to disk");
        }
    }

    fn record_block(
        &mut self,
        block: &Block,
        alert: Option<&Alert>,
        now: Timestamp,
        entries: &mut Vec<Entry>,
        happenings: &mut Vec<Happening>,
        lines: &mut Vec<ActionLine>,
    ) {
        self.counts.blocks += 1;
        entries.push(Entry::Block(block.clone()));
        let is_new = block.since == block.updated;
        if is_new || self.is_first_for_long(block.address) {
            let what = What::Blocked { block: block.clone(), evidence: alert.map(Evidence::of) };
            happenings.push(Happening { address: block.address, time: now, what });
        }
        if is_new {
            lines.push(self.block_line(block, Verb::Add, now));
            info!(
                target: NOTICE,
                srcip = %block.address,
                rule = block.rule.map(|rule| rule.0),
                offence = block.offence,
                until = block.expires.map_or_else(|| "removed".to_owned(), |end| end.local_text(&self.zone)),
                alert = block.alert.map(|alert| alert.to_string()),
                "{}",
                self.said("address blocked", "dry run: address would be blocked")
            );
        }
    }

    fn record_call(
        &self,
        call: &ProgramCall,
        planner: &Planner,
        now: Timestamp,
        entries: &mut Vec<Entry>,
        lines: &mut Vec<ActionLine>,
    ) {
        let key = call.key();
        if call.verb == Verb::Delete {
            // Carried out, the entry follows when the program has ended.
            entries.extend((self.carried == Carried::DryRun).then_some(Entry::Undone(key)));
        } else {
            entries.extend(planner.hold_of(&key).cloned().map(Entry::Hold));
            let offence = OffenceKey::Program(key);
            entries.extend(planner.offences().get(&offence).map(|count| Entry::Offence(offence.clone(), *count)));
        }
        // Programs log themselves when they are OSSEC's scripts; a dry run has nobody else to do it.
        if self.carried == Carried::DryRun {
            let (alert, rule) = (Some(call.alert), Some(call.rule));
            let script = PathBuf::from(&call.program);
            lines.push(ActionLine {
                time: now,
                script,
                verb: call.verb,
                ip: call.ip.clone(),
                user: call.user.clone(),
                alert,
                rule,
            });
        }
    }

    fn record_refusal(
        &mut self,
        refused: &Refused,
        alert: Option<&Alert>,
        now: Timestamp,
        happenings: &mut Vec<Happening>,
    ) {
        self.counts.refused += 1;
        let Some(address) = refused.address else {
            // The text is the attacker's: the log line about it must not be as frequent as his lines.
            if self.nameless_refusal_at.is_some_and(|at| at.elapsed() < NAMELESS_AFTER) {
                return;
            }
            self.nameless_refusal_at = Some(Instant::now());
            warn!(subject = %refused.subject, reason = %refused.refusal, rule = refused.rule.map(|rule| rule.0), "active response rejected");
            return;
        };
        if self.is_first_for_long(address) {
            info!(target: NOTICE, srcip = %address, reason = %refused.refusal, rule = refused.rule.map(|rule| rule.0), "active response rejected");
            let what = What::Refused { refused: refused.clone(), evidence: alert.map(Evidence::of) };
            happenings.push(Happening { address, time: now, what });
        }
    }

    fn is_first_for_long(&mut self, address: IpAddr) -> bool {
        if self.repeaters.get(&address).is_some_and(|at| at.elapsed() < REPEAT_AFTER) {
            return false;
        }
        if self.repeaters.len() >= MOST_REPEATERS {
            self.repeaters.retain(|_, at| at.elapsed() < REPEAT_AFTER);
        }
        if self.repeaters.len() < MOST_REPEATERS {
            self.repeaters.insert(address, Instant::now());
        }
        true
    }

    fn block_line(&self, block: &Block, verb: Verb, now: Timestamp) -> ActionLine {
        let unnamed = || PathBuf::from(if block.rule.is_some() { &block.response } else { "hidsctl" });
        let script = self.scripts.get(&block.response).cloned().unwrap_or_else(unnamed);
        let ip = block.address.to_string();
        ActionLine { time: now, script, verb, ip, user: "-".into(), alert: block.alert, rule: block.rule }
    }

    fn write_ledger(&mut self, entries: &[Entry], planner: &Planner) {
        let is_time = self.retry_at.is_none_or(|at| at <= Instant::now());
        let Some(ledger) = self.ledger.as_mut() else {
            if is_time {
                self.open_late(planner);
            }
            return;
        };
        if ledger.is_behind() {
            if is_time {
                self.rewrite(planner);
            }
            return;
        }
        match ledger.append(entries) {
            Ok(()) if ledger.wants_rewrite() => self.rewrite(planner),
            Ok(()) => {}
            Err(error) => self.fail(&error),
        }
    }

    /// Opens a ledger that could not be opened at the start. What an earlier run left in it stays
    /// for the next start; the state of this run is added.
    fn open_late(&mut self, planner: &Planner) {
        let blocks = planner.blocks().values().cloned().map(Entry::Block);
        let holds = planner.holds().cloned().map(Entry::Hold);
        let entries: Vec<_> = [Entry::clock(clock::read())].into_iter().chain(blocks).chain(holds).collect();
        match Ledger::open(&self.directory) {
            Ok((mut ledger, _)) => match ledger.append(&entries) {
                Ok(()) => {
                    self.ledger = Some(ledger);
                    self.recovered();
                }
                Err(error) => self.fail(&error),
            },
            Err(error) => self.fail(&error),
        }
    }

    fn rewrite(&mut self, planner: &Planner) {
        let Some(ledger) = self.ledger.as_mut() else { return };
        match ledger.rewrite(clock::read(), planner.blocks().values(), planner.holds(), planner.offences().iter()) {
            Ok(()) => self.recovered(),
            Err(error) => self.fail(&error),
        }
    }

    /// What the log says of an action: a dry run must not look like one.
    fn said(&self, done: &'static str, not_done: &'static str) -> &'static str {
        match self.carried {
            Carried::Out => done,
            Carried::DryRun => not_done,
        }
    }

    fn recovered(&mut self) {
        self.retry_at = None;
        if self.trouble.take().is_some() {
            info!("storing blocks on disk resumed");
        }
    }

    fn fail(&mut self, error: &dyn std::error::Error) {
        let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
        if self.trouble.is_none() {
            warn!(error = %format_args!("{error}{cause}"), consequence = "new blocks will not survive a restart", help = "check the disk that holds the state directory", "cannot store blocks on disk");
        }
        self.trouble = Some(format!("{error}{cause}"));
        self.retry_at = Some(Instant::now() + RETRY);
    }
}

/// An alert, should responding to it end the program.
pub(super) fn in_hand(alert: &Alert) -> InHand<'_> {
    InHand {
        part: Part::Responder,
        place: alert.source.location.as_bytes(),
        number: alert.id.sequence,
        bytes: &alert.full_log,
    }
}
