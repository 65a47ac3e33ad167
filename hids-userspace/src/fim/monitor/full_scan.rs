//! Rounds through everything that is watched: when they begin, what they find, what their end means.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use hids_core::fim::{LastScan, PathKind};
use hids_core::model::{GapCause, Timestamp};
use serde::{Deserialize, Serialize};

use super::commit::Outcome;
use super::debounce::EventContext;
use super::event_loop::Monitor;
use super::scan_queue::{self, Cause, Means, RunningScan, Slot, Wanted, holds};
use crate::fim::clock;
use crate::fim::scan::{Difference, Found, NotScanned, ScanDepth, ScanReport, Totals};
use crate::fim::store::{Durability, StoreError, WriteTxn};

/// The name of the fact in the store.
const LAST_RUN: &str = "last round";

/// Differences that are written in one transaction at most.
const DIFFERENCES: usize = 8192;
/// How long a start waits for single looks once its scans have ended: others may change files all the time.
const LOOKS_PATIENCE: Duration = Duration::from_secs(5);
/// Entries that nobody was told of are on the disk after this time.
const SYNC_EVERY: Duration = Duration::from_secs(5);
/// Old notices are forgotten so often.
const PRUNE_EVERY: Duration = Duration::from_secs(60);
const PRUNE_AT_ONCE: usize = 20_000;

/// A whole scan that came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ScanRun {
    pub began: Timestamp,
    pub ended: Timestamp,
    pub totals: Totals,
}

impl ScanRun {
    /// For `fim status` until the first scan of this run ends.
    fn text(&self, zone: &jiff::tz::TimeZone) -> String {
        let Totals { files, bytes, .. } = self.totals;
        format!("{}, before this start: {files} files, {} MiB", super::status::time_text(self.ended, zone), bytes >> 20)
    }
}

impl Monitor {
    /// What must be looked at because the daemon did not run.
    pub(super) fn begin(&mut self) {
        // What has appeared is scanned below, as everything else.
        self.follow_policy();
        self.note_wildcards();
        self.last_scan = self.load(LAST_RUN);
        if let Some(round) = self.last_scan {
            self.shared.lists().last_scan = Some(round.text(&self.zone));
        }
        let left: Vec<_> = self.shared.lists().gaps.clone();
        let watches: Vec<_> = self.policy.watches().to_vec();
        let (known, new): (Vec<_>, Vec<_>) = watches.iter().partition(|watch| self.baselined.contains(&watch.root));
        let cause = if self.is_late { GapCause::StoreFailed } else { GapCause::DaemonDown };
        for watch in known.iter().filter(|watch| watch.realtime) {
            self.open_gap(watch.root.clone(), cause);
        }
        // Gaps of the last run are closed by a scan of their own, unless one of these covers them.
        for (id, gap) in left {
            match self.scans.waiting_gap_scan(&gap.subtree) {
                Some(wanted) => wanted.gaps.push(id),
                None => self.scan_gap(gap.subtree, vec![id]),
            }
        }
        self.want_first(new.iter().map(|watch| watch.root.clone()).collect());
        let slow: Vec<Vec<u8>> = known.iter().filter(|watch| !watch.realtime).map(|watch| watch.root.clone()).collect();
        if !slow.is_empty() && self.scan_on_start {
            let number = self.scans.next_number();
            self.scans.want(Wanted::new(number, Cause::Start, slow, ScanDepth::Changed));
        }
        self.resume();
        self.note_caught_up();
    }

    /// Scans trees of which nothing is known.
    pub(super) fn want_first(&mut self, mut roots: Vec<Vec<u8>>) {
        let waiting = |root: &Vec<u8>| {
            self.scans.waiting().any(|wanted| wanted.cause == Cause::First && wanted.subtrees.contains(root))
        };
        roots.retain(|root| !waiting(root));
        if roots.is_empty() {
            return;
        }
        tracing::info!(
            trees = roots.len(),
            "initial scan: building the baseline; changes are reported once it is complete"
        );
        let number = self.scans.next_number();
        self.scans.want(Wanted::new(number, Cause::First, roots, ScanDepth::Full));
    }

    /// Whether everything that happened before the start has been found.
    pub(super) fn note_caught_up(&mut self) {
        if self.scans.running().next().is_none() {
            self.deleted_during_scan.clear();
        }
        if self.shared.caught_up.load(Relaxed) || self.scans.has(Cause::Gap) {
            return;
        }
        // Looks that those scans asked for come first.
        if *self.catch_up_until.get_or_insert_with(|| Instant::now() + LOOKS_PATIENCE) < Instant::now()
            || self.debouncer.len() == 0
        {
            self.shared.caught_up.store(true, Relaxed);
        }
    }

    /// Begins the next scheduled scan when it is due.
    pub(super) fn schedule_scan(&mut self) {
        let stopped = self.first_stopped.map(|at| LastScan { began: at, ended: at });
        let last = self.last_scan.map(|last| LastScan { began: last.began, ended: last.ended });
        let Some(last) = stopped.or(last) else { return };
        let next = self.schedule.next(last, &self.zone);
        self.shared.lists().next_scan = Some(next);
        let busy = [Cause::First, Cause::Scheduled].into_iter().any(|cause| self.scans.has(cause));
        if busy || next > clock::now() {
            return;
        }
        if self.first_stopped.take().is_some() {
            self.want_first(self.roots_without_baseline());
            return;
        }
        let mut wanted = Wanted::new(self.scans.next_number(), Cause::Scheduled, Vec::new(), ScanDepth::Full);
        wanted.expected = self.last_scan.map(|last| last.totals);
        self.scans.want(wanted);
    }

    /// Watched trees that were never scanned to their end.
    pub(super) fn roots_without_baseline(&self) -> Vec<Vec<u8>> {
        let roots = self.policy.watches().iter().map(|watch| &watch.root);
        roots.filter(|root| !self.baselined.contains(root)).cloned().collect()
    }

    /// Starts what can be started.
    pub(super) fn start_scans(&mut self) {
        // Without a baseline there is nothing to compare with.
        if self.retry_store_at.is_some() || self.retry_scans_at.is_some_and(|at| at > Instant::now()) {
            return;
        }
        let Self { scans, policy, known, scan_options, failures, .. } = self;
        let means = Means { policy, known, options: scan_options, now: clock::now(), failures: *failures };
        if let Err(error) = scans.start(&means) {
            self.retry_scans_at = Some(Instant::now() + super::event_loop::STORE_RETRY);
            tracing::error!(%error, "cannot start the threads of a scan; it is tried again in some seconds");
        }
        self.show_scans();
    }

    /// Lets others see which scans run and wait.
    pub(super) fn show_scans(&self) {
        let waiting = || self.scans.waiting().map(|wanted| (wanted.number, wanted.cause.name()));
        let mut lists = self.shared.lists();
        if !lists.waiting_scans.iter().copied().eq(waiting()) {
            lists.waiting_scans = waiting().collect();
        }
        let numbers = self.scans.running().map(|running| running.wanted.number);
        if !lists.scans.iter().map(|shown| shown.number).eq(numbers) {
            lists.scans = self.scans.running().map(super::status::Running::of).collect();
        }
    }

    /// Takes what a scan tells.
    pub(super) fn take_found(&mut self, slot: Slot, found: Option<Found>) {
        let Some(mut running) = self.scans.slot(slot).take() else { return };
        let mut news: Vec<Found> = Vec::new();
        let mut count = 0;
        // The channel ends without a last word only when the threads of the scan are gone.
        let gone = found.is_none();
        for found in found.into_iter().chain(running.found.try_iter()) {
            count += if let Found::Differences(list) = &found { list.len() } else { 0 };
            let last = matches!(found, Found::Finished(_));
            news.push(found);
            if last || count >= DIFFERENCES {
                break;
            }
        }
        let mut ended = gone.then(ScanReport::default);
        let (mut outcomes, mut done) = (Vec::new(), Vec::new());
        for found in news {
            match found {
                Found::Differences(list) => {
                    outcomes.extend(list.into_iter().filter_map(|one| self.outcome(&mut running, one)))
                }
                Found::NotScanned { why: NotScanned::Baseline(error), .. } => self.store_failed(&error),
                Found::NotScanned { path, why } => not_scanned(&path, &why),
                Found::Done { directory } => done.push(directory),
                Found::Finished(report) => ended = Some(report),
            }
        }
        let applied = self.apply_or_fail(outcomes);
        running.changes += applied.changes;
        running.leave(applied.stale.into_iter().map(|(path, _)| path));
        done.into_iter().for_each(|directory| running.resume.add(directory));
        match ended {
            None => {
                self.write_checkpoint(&mut running);
                *self.scans.slot(slot) = Some(running);
            }
            Some(report) => self.end_scan(running, &report),
        }
    }

    /// A difference as an outcome; nothing when the path waits to be looked at anyway.
    fn outcome(&mut self, running: &mut RunningScan, difference: Difference) -> Option<Outcome> {
        let Difference { path, old, new, read, unread } = difference;
        if self.updates.holds(&path) {
            return None;
        }
        match unread {
            Some(unread) => self.note_unreadable(&path, &unread),
            None => self.shared.unreadable().clear(&path),
        }
        let contexts = &running.wanted.contexts;
        let mut context = contexts
            .iter()
            .find(|(subtree, _)| holds(subtree, &path))
            .map_or_else(EventContext::default, |(_, context)| context.clone());
        context.first_scan = running.wanted.cause == Cause::First;
        // A look that is under way may have begun before what the scan saw, one that has ended after it.
        let wants_text = self.wants_text(&path, new.as_ref());
        let is_old = self.debouncer.has(&path) || (old.is_none() && self.deleted_during_scan.may_hold(&path));
        if (is_old || wants_text) && self.debouncer.schedule(&path, context.clone(), Instant::now()).is_ok() {
            running.leave(std::iter::once(path.clone()));
            // The first scan is over when its last entry is kept, not its last text.
            if is_old || running.wanted.cause != Cause::First {
                return None;
            }
        }
        Some(Outcome { path, context, state: new, text: None, read, compared_with: Some(old) })
    }

    fn end_scan(&mut self, running: RunningScan, report: &ScanReport) {
        let complete = report.complete && running.failures == self.failures;
        if complete && running.wanted.depth == ScanDepth::Full {
            let is_watched = |path: &[u8]| self.policy.watch_of(path, PathKind::Other).is_some();
            // What was passed by because the last run had read it is not known to be readable now.
            let covers =
                |path: &[u8]| (running.wanted.covers(path) && !running.wanted.resume.covers(path)) || !is_watched(path);
            self.shared.unreadable().all_read(running.since, covers);
        }
        self.worked += report.totals.files;
        let text = scan_queue::summary(&running, report);
        tracing::info!(scan = %text, "scan ended");
        self.close_gaps(&running, complete);
        let whole = running.wanted.subtrees.is_empty() || running.wanted.cause == Cause::First;
        if whole || running.wanted.cause == Cause::Asked {
            self.shared.lists().last_scan =
                Some(format!("{}, {text}", super::status::time_text(clock::now(), &self.zone)));
        }
        if !complete && running.wanted.cause == Cause::Scheduled {
            self.clear_checkpoint();
        }
        if complete {
            if let Err(error) = self.write_run(&running, report) {
                self.store_failed(&error);
            }
        } else if running.wanted.cause == Cause::First && report.complete {
            // The store failed meanwhile: what it lost is looked for again.
            self.want_first(running.wanted.subtrees);
        } else if running.wanted.cause == Cause::First {
            self.first_stopped = Some(clock::now());
            tracing::warn!(
                "a first scan was stopped; until it has been made, new files are not told (hidsctl fim scan makes it)"
            );
        }
        self.note_caught_up();
    }

    fn write_run(&mut self, running: &RunningScan, report: &ScanReport) -> Result<(), StoreError> {
        let store = Arc::clone(&self.store);
        let mut update = store.begin()?;
        let whole = running.wanted.subtrees.is_empty();
        let first = running.wanted.cause == Cause::First;
        if first {
            let watched = running.wanted.subtrees.iter().filter_map(|root| self.policy.root(root));
            watched.for_each(|watch| self.baselined.insert(watch));
            self.baselined.save(&mut update)?;
        }
        if whole || first {
            let round = ScanRun { began: running.began, ended: clock::now(), totals: report.totals };
            save(&mut update, LAST_RUN, &round)?;
            super::scan_checkpoint::remove_checkpoint(&mut update)?;
            self.last_scan = Some(round);
        }
        update.commit(Durability::Synced)?;
        self.unsynced = 0;
        self.note_wildcards();
        Ok(())
    }

    /// Remembers how far the whole scan is, for the next start.
    pub(super) fn end(&mut self) {
        for slot in [Slot::Background, Slot::Urgent] {
            let Some(mut running) = self.scans.slot(slot).take() else { continue };
            running.handle.control().stop();
            running.checkpoint_at = Instant::now();
            self.write_checkpoint(&mut running);
        }
        self.report_denials();
        // Everything written so far goes to the disk.
        if let Err(error) = self.store.begin().and_then(|update| update.commit(Durability::Synced)) {
            tracing::warn!(%error, "the last entries of the baseline are not on the disk; they are looked at again");
        }
        self.wake_outbox();
    }

    /// Puts what was written on the disk now and then: a crash takes the rest back.
    pub(super) fn sync(&mut self) {
        if self.unsynced == 0 || Instant::now() < self.next_sync || self.retry_store_at.is_some() {
            return;
        }
        let store = Arc::clone(&self.store);
        match store.begin().and_then(|update| update.commit(Durability::Synced)) {
            Ok(_) => self.unsynced = 0,
            Err(error) => self.store_failed(&error),
        }
        self.next_sync = Instant::now() + SYNC_EVERY;
    }

    /// Forgets notices that are too old.
    pub(super) fn prune(&mut self) {
        if Instant::now() < self.next_prune {
            return;
        }
        self.next_prune = Instant::now() + PRUNE_EVERY;
        // What was handed on is not recorded yet.
        let sent = self.shared.sent.load(Relaxed).saturating_sub(super::notifier::ON_THE_WAY);
        let store = Arc::clone(&self.store);
        let pruned = store.begin().and_then(|mut update| {
            let pruned = update.prune(sent, clock::now(), PRUNE_AT_ONCE)?;
            update.commit(Durability::Deferred)?;
            Ok(pruned)
        });
        match pruned {
            Ok(pruned) if pruned as usize >= PRUNE_AT_ONCE => self.next_prune = Instant::now(),
            Ok(_) => {}
            Err(error) => self.store_failed(&error),
        }
    }

    pub(super) fn load<T: serde::de::DeserializeOwned>(&self, name: &str) -> Option<T> {
        let bytes = self.view.metadata(name).ok().flatten()?;
        postcard::from_bytes(&bytes).ok()
    }
}

/// Writes a fact.
pub(super) fn save<T: Serialize>(update: &mut WriteTxn<'_>, name: &str, value: &T) -> Result<(), StoreError> {
    // Plain values can always be encoded into memory.
    update.set_metadata(name, &postcard::to_stdvec(value).unwrap_or_default())
}

fn not_scanned(path: &[u8], why: &NotScanned) {
    tracing::warn!(
        path = %hids_core::render::visible_string(path),
        why = %super::commit::error_text(why),
        "a part of a watched tree could not be scanned; it is not compared with the baseline"
    );
}
