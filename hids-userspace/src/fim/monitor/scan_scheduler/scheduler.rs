//! The owner of all scans; see the folder's `mod.rs`.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use hids_core::fim::{PathKind, Policy, Schedule};
use hids_core::model::{Gap, GapCause};
use jiff::tz::TimeZone;

use super::coverage::Coverage;
use super::full_scan::{FullScans, ScanRun};
use super::queue::{ScanQueue, Slot, StartContext};
use super::running::{Cause, QueuedScan, RunningScan};
use super::{checkpoint, gaps};
use crate::fim::BaselineView;
use crate::fim::monitor::baseline_writer::BaselineWriter;
use crate::fim::monitor::event_context::EventContext;
use crate::fim::monitor::status::{self, Status};
use crate::fim::paths::holds;
use crate::fim::scan::{Found, ScanDepth, ScanOptions, ScanReport};
use crate::fim::store::{GapId, StoreError};
use crate::platform::clock;

/// How long to wait before threads that could not be started are tried again.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// How long the start waits for inspections once its scans have ended: others may change files all the time.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(5);

/// What the scheduler is made with.
pub(in crate::fim::monitor) struct SchedulerOptions {
    pub schedule: Schedule,
    pub zone: TimeZone,
    pub scan: ScanOptions,
}

/// What is different about this start of the daemon.
#[derive(Clone, Copy, Debug)]
pub(in crate::fim::monitor) struct StartOptions {
    /// Whether trees without realtime are scanned at the start.
    pub scan_on_start: bool,
    /// Why changes may have been missed before.
    pub gap_cause: GapCause,
}

/// A path that is in no watched tree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is in no <directories> of <syscheck>", hids_core::render::visible_string(path))]
pub(crate) struct NotWatched {
    path: Vec<u8>,
}

/// See the folder.
pub(in crate::fim::monitor) struct ScanScheduler {
    queue: ScanQueue,
    coverage: Coverage,
    full_scans: FullScans,
    options: ScanOptions,
    baseline: Arc<dyn BaselineView>,
    status: Arc<Status>,
    /// When scans may be started, after that failed.
    retry_at: Option<Instant>,
    /// How long the start waits for inspections.
    catch_up_until: Option<Instant>,
}

impl ScanScheduler {
    pub(in crate::fim::monitor) fn new(
        options: SchedulerOptions,
        writer: &BaselineWriter,
        status: Arc<Status>,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            queue: ScanQueue::default(),
            coverage: Coverage::load(writer.view())?,
            full_scans: FullScans::new(options.schedule, options.zone),
            options: options.scan,
            baseline: Arc::new(writer.view().clone()),
            status,
            retry_at: None,
            catch_up_until: None,
        })
    }

    /// Which trees have a baseline.
    pub(in crate::fim::monitor) const fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    /// Whether a scan runs.
    pub(in crate::fim::monitor) fn is_running(&self) -> bool {
        self.queue.running().next().is_some()
    }

    /// Whether a scan waits.
    pub(in crate::fim::monitor) fn has_waiting(&self) -> bool {
        self.queue.waiting().next().is_some()
    }

    /// Where the messages of a slot's scan arrive.
    pub(in crate::fim::monitor) fn messages(&self, slot: Slot) -> Receiver<Found> {
        self.queue.messages(slot)
    }

    /// Queues what has to be scanned because the daemon did not run.
    pub(in crate::fim::monitor) fn begin(&mut self, start: StartOptions, policy: &Policy, writer: &mut BaselineWriter) {
        // What has appeared is scanned below, like everything else.
        self.coverage.follow_policy(policy, writer);
        self.coverage.save_wildcards(policy, writer);
        self.full_scans.load(writer);
        if let Some(last) = self.full_scans.last() {
            self.status.lists().last_scan = Some(last.view(self.full_scans.zone()));
        }
        let left: Vec<_> = self.status.lists().gaps.clone();
        let (known, new): (Vec<_>, Vec<_>) =
            policy.watches().iter().partition(|watch| self.coverage.holds(&watch.root));
        for watch in known.iter().filter(|watch| watch.realtime) {
            self.open_gap(watch.root.clone(), start.gap_cause, policy, writer);
        }
        // Gaps of the last run are closed by a scan of their own, unless one of these covers them.
        for (id, gap) in left {
            match self.queue.waiting_gap_scan(&gap.subtree) {
                Some(scan) => scan.gaps.push(id),
                None => self.queue.push_gap(gap.subtree, vec![id]),
            }
        }
        self.queue_first(new.iter().map(|watch| watch.root.clone()).collect());
        let slow: Vec<Vec<u8>> = known.iter().filter(|watch| !watch.realtime).map(|watch| watch.root.clone()).collect();
        if !slow.is_empty() && start.scan_on_start {
            let scan = self.queue.new_scan(Cause::Start, slow, ScanDepth::Changed);
            self.queue.push(scan);
        }
        self.resume(writer);
    }

    /// Resumes the scan that the last run of the daemon did not complete.
    fn resume(&mut self, writer: &BaselineWriter) {
        let Some(checkpoint) = checkpoint::load(writer) else { return };
        // That one goes through everything anyway.
        if self.queue.has(Cause::First) {
            return;
        }
        let mut scan = self.queue.new_scan(Cause::Scheduled, checkpoint.subtrees, ScanDepth::Full);
        scan.resume = checkpoint.done;
        scan.expected = self.full_scans.expected();
        self.queue.push(scan);
    }

    fn queue_first(&mut self, roots: Vec<Vec<u8>>) {
        let trees = self.queue.push_first(roots);
        if trees > 0 {
            tracing::info!(trees, "initial scan: building the baseline; changes are reported once it is complete");
        }
    }

    /// Events below `subtree` may have been missed. A scan that has not started and will see all of it is
    /// enough for many such reports: they are one gap.
    pub(in crate::fim::monitor) fn open_gap(
        &mut self,
        subtree: Vec<u8>,
        cause: GapCause,
        policy: &Policy,
        writer: &mut BaselineWriter,
    ) {
        if self.queue.waiting_gap_scan(&subtree).is_some() || self.queue.has_waiting_first_scan(&subtree) {
            return;
        }
        // What was missed in a tree without a baseline is no change, but belongs into the baseline.
        let is_added = cause == GapCause::Unmarked && self.coverage.take_added(&subtree);
        if is_added || !self.coverage.overlaps(&subtree, policy) {
            self.queue.push_gap(subtree, Vec::new());
            return;
        }
        let gap = Gap { subtree: subtree.clone(), cause, opened: clock::now(), closed: None, found: 0 };
        let ids: Vec<GapId> = gaps::open(gap, writer, &self.status).into_iter().collect();
        if cause != GapCause::DaemonDown {
            tracing::warn!(
                subtree = %hids_core::render::visible_string(&subtree),
                cause = cause.name(),
                "file changes may have been missed; comparing these files with the baseline"
            );
        }
        self.queue.push_gap(subtree, ids);
    }

    /// The store works again after a failure: changes may have been lost anywhere.
    pub(in crate::fim::monitor) fn store_recovered(&mut self, policy: &Policy, writer: &mut BaselineWriter) {
        for watch in policy.watches() {
            self.open_gap(watch.root.clone(), GapCause::StoreFailed, policy, writer);
        }
    }

    /// The baseline is empty.
    pub(in crate::fim::monitor) fn baseline_recreated(&mut self, policy: &Policy) {
        self.coverage.clear();
        self.queue_first(policy.watches().iter().map(|watch| watch.root.clone()).collect());
    }

    /// Has a directory scanned that was moved into a watched tree: there are no events for the files in it.
    pub(in crate::fim::monitor) fn directory_moved(
        &mut self,
        path: &[u8],
        context: EventContext,
        policy: &Policy,
        writer: &mut BaselineWriter,
    ) {
        if self.queue.push_moved(path, context) {
            return;
        }
        if let Some(watch) = policy.watch_of(path, PathKind::Directory) {
            self.open_gap(watch.root.clone(), GapCause::BacklogFull, policy, writer);
        }
    }

    /// Has paths scanned at an administrator's request; the number of the scan.
    pub(in crate::fim::monitor) fn request(
        &mut self,
        paths: Vec<Vec<u8>>,
        depth: ScanDepth,
        policy: &Policy,
    ) -> Result<u64, NotWatched> {
        let overlaps = |root: &[u8], path: &[u8]| holds(root, path) || holds(path, root);
        let is_watched = |path: &Vec<u8>| policy.watches().iter().any(|watch| overlaps(&watch.root, path));
        if let Some(path) = paths.iter().find(|path| !is_watched(path)) {
            return Err(NotWatched { path: path.clone() });
        }
        let mut scan = self.queue.new_scan(Cause::Asked, paths, depth);
        let number = scan.number;
        if self.full_scans.take_stopped_first() {
            self.queue_first(self.coverage.missing(policy));
        }
        scan.expected = self.full_scans.expected().filter(|_| scan.subtrees.is_empty());
        self.queue.push(scan);
        Ok(number)
    }

    /// Stops scans at an administrator's request; how many.
    pub(in crate::fim::monitor) fn stop(&mut self) -> usize {
        self.queue.stop()
    }

    /// Follows a new configuration.
    pub(in crate::fim::monitor) fn reconfigure(
        &mut self,
        schedule: Schedule,
        options: ScanOptions,
        policy: &Policy,
        writer: &mut BaselineWriter,
    ) {
        self.full_scans.set_schedule(schedule);
        self.options = options;
        let appeared = self.coverage.follow_policy(policy, writer);
        self.coverage.add(&appeared);
        appeared.into_iter().for_each(|root| self.queue.push_gap(root, Vec::new()));
        let new = self.coverage.missing(policy);
        self.coverage.add(&new);
        self.queue_first(new);
        self.coverage.save_wildcards(policy, writer);
    }

    /// Queues the next scheduled scan when it is due.
    pub(in crate::fim::monitor) fn queue_if_due(&mut self, policy: &Policy) {
        let Some(next) = self.full_scans.next() else { return };
        self.status.lists().next_scan = Some(next);
        let is_busy = [Cause::First, Cause::Scheduled].into_iter().any(|cause| self.queue.has(cause));
        if is_busy || next > clock::now() {
            return;
        }
        if self.full_scans.take_stopped_first() {
            self.queue_first(self.coverage.missing(policy));
            return;
        }
        let mut scan = self.queue.new_scan(Cause::Scheduled, Vec::new(), ScanDepth::Full);
        scan.expected = self.full_scans.expected();
        self.queue.push(scan);
    }

    /// Starts what can be started.
    pub(in crate::fim::monitor) fn start_scans(&mut self, policy: &Arc<Policy>, writer: &BaselineWriter) {
        // Without the store there is nothing to compare with.
        if writer.is_failing() || self.retry_at.is_some_and(|at| at > Instant::now()) {
            return;
        }
        let (baseline, options, failures) = (&self.baseline, &self.options, writer.failures());
        let context = StartContext { policy, baseline, options, now: clock::now(), failures };
        if let Err(error) = self.queue.start(&context) {
            self.retry_at = Some(Instant::now() + RETRY_AFTER);
            tracing::error!(%error, retry_seconds = RETRY_AFTER.as_secs(), "cannot start the threads of a scan");
        }
        self.show();
    }

    /// Shows others which scans run and wait.
    fn show(&self) {
        let waiting = || self.queue.waiting().map(|scan| (scan.number, scan.cause.name()));
        let mut lists = self.status.lists();
        if !lists.waiting_scans.iter().copied().eq(waiting()) {
            lists.waiting_scans = waiting().collect();
        }
        if !lists.scans.iter().map(|shown| shown.number).eq(self.queue.running().map(|scan| scan.plan.number)) {
            lists.scans = self.queue.running().map(shown).collect();
        }
    }

    /// Takes the scan of a slot out, to handle its messages; to be given to [`resumed`](Self::resumed) or
    /// [`ended`](Self::ended).
    pub(in crate::fim::monitor) fn take(&mut self, slot: Slot) -> Option<RunningScan> {
        self.queue.slot(slot).take()
    }

    /// The messages of a scan were handled and it goes on. `is_waiting` says which paths wait for an inspection.
    pub(in crate::fim::monitor) fn resumed(
        &mut self,
        slot: Slot,
        mut scan: RunningScan,
        is_waiting: impl Fn(&[u8]) -> bool,
        writer: &mut BaselineWriter,
    ) {
        checkpoint::write_if_due(&mut scan, is_waiting, writer);
        *self.queue.slot(slot) = Some(scan);
    }

    /// The last message of a scan was handled.
    pub(in crate::fim::monitor) fn ended(
        &mut self,
        scan: RunningScan,
        report: &ScanReport,
        policy: &Policy,
        writer: &mut BaselineWriter,
    ) {
        let is_complete = report.complete && scan.failures == writer.failures();
        if is_complete && scan.plan.depth == ScanDepth::Full {
            self.forget_unreadable(&scan, policy);
        }
        let text = scan.summary(report);
        scan.log_end(report, &text);
        self.close_gaps(&scan, is_complete, writer);
        let cause = scan.cause();
        if scan.plan.subtrees.is_empty() || matches!(cause, Cause::First | Cause::Asked) {
            self.status.lists().last_scan = Some(scan.view(report, clock::now().rfc3339(self.full_scans.zone())));
        }
        if !is_complete && cause == Cause::Scheduled {
            checkpoint::clear(writer);
        }
        if is_complete {
            self.save_completed(&scan, report, policy, writer);
        } else if cause == Cause::First && report.complete {
            // The store failed meanwhile: what was lost is scanned again.
            self.queue_first(scan.plan.subtrees);
        } else if cause == Cause::First {
            self.full_scans.first_was_stopped(clock::now());
            tracing::warn!(
                consequence = "new files are not reported until the initial scan is complete",
                help = "hidsctl fim scan starts it again",
                "the initial scan was stopped"
            );
        }
    }

    /// Forgets unreadable files that a complete scan could read.
    fn forget_unreadable(&self, scan: &RunningScan, policy: &Policy) {
        let is_watched = |path: &[u8]| policy.watch_of(path, PathKind::Other).is_some();
        // What was skipped because the last run had read it is not known to be readable now.
        let covers = |path: &[u8]| (scan.plan.covers(path) && !scan.plan.resume.covers(path)) || !is_watched(path);
        self.status.unreadable().all_read(scan.since, covers);
    }

    fn close_gaps(&mut self, scan: &RunningScan, is_complete: bool, writer: &mut BaselineWriter) {
        let QueuedScan { gaps, subtrees, depth, .. } = &scan.plan;
        if gaps.is_empty() {
            return;
        }
        if !is_complete {
            let mut again = self.queue.new_scan(Cause::Gap, subtrees.clone(), *depth);
            again.gaps.clone_from(gaps);
            self.queue.push(again);
            return;
        }
        if let Some(closed) = gaps::close(gaps, scan.changes, writer, &self.status) {
            self.status.gaps_closed.fetch_add(closed, Relaxed);
        }
    }

    /// Saves that a scan was completed.
    fn save_completed(
        &mut self,
        scan: &RunningScan,
        report: &ScanReport,
        policy: &Policy,
        writer: &mut BaselineWriter,
    ) {
        let is_first = scan.cause() == Cause::First;
        let is_full = is_first || scan.plan.subtrees.is_empty();
        let run = ScanRun { began: scan.began, ended: clock::now(), totals: report.totals };
        let coverage = &mut self.coverage;
        let saved = writer.write_synced(|txn| {
            if is_first {
                let watches = scan.plan.subtrees.iter().filter_map(|root| policy.root(root));
                watches.for_each(|watch| coverage.insert(watch));
                coverage.save(txn)?;
            }
            if is_full {
                run.save(txn)?;
                checkpoint::remove(txn)?;
            }
            Ok(())
        });
        if saved.is_some() {
            if is_full {
                self.full_scans.completed(run);
            }
            self.coverage.save_wildcards(policy, writer);
        }
    }

    /// Notes whether everything that happened before the start has been found: `is_idle` = no path waits for an
    /// inspection.
    pub(in crate::fim::monitor) fn note_caught_up(&mut self, is_idle: bool) {
        if self.status.caught_up.load(Relaxed) || self.queue.has(Cause::Gap) {
            return;
        }
        // Inspections that those scans asked for come first.
        let until = *self.catch_up_until.get_or_insert_with(|| Instant::now() + CATCH_UP_TIMEOUT);
        if is_idle || until < Instant::now() {
            self.status.caught_up.store(true, Relaxed);
        }
    }

    /// Stops all scans at the end of the run and writes how far they have come.
    pub(in crate::fim::monitor) fn close(&mut self, is_waiting: impl Fn(&[u8]) -> bool, writer: &mut BaselineWriter) {
        for slot in Slot::ALL {
            let Some(mut scan) = self.queue.slot(slot).take() else { continue };
            scan.stop();
            checkpoint::write_if_due(&mut scan, &is_waiting, writer);
        }
    }
}

fn shown(scan: &RunningScan) -> status::ShownScan {
    let control = scan.handle().control().clone();
    status::ShownScan { number: scan.plan.number, cause: scan.cause().name(), control }
}

#[cfg(test)]
mod tests;
