//! One scan: what it is for, and what has become of what it found.

use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use hids_core::model::Timestamp;

use crate::fim::monitor::event_context::EventContext;
use crate::fim::paths::holds;
use crate::fim::protocol::LastScanView;
use crate::fim::scan::{Difference, Found, NotScanned, ResumePoint, ScanDepth, ScanHandle, ScanReport, Totals};
use crate::fim::store::GapId;

/// Differences that are taken from a scan at a time, to be committed in one transaction.
const MAX_DIFFERENCES: usize = 8192;
/// Paths left to inspections that are remembered for the checkpoint of a scan.
const MAX_DEFERRED: usize = 4096;
/// How often the checkpoint of a scan is written; so much of its work is repeated after `kill -9`.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(5);

/// Why a scan runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::fim::monitor) enum Cause {
    /// A tree has no baseline.
    First,
    /// The daemon started.
    Start,
    /// `<frequency>` or `<scan_time>`.
    Scheduled,
    /// Events may have been missed.
    Gap,
    /// `hidsctl fim scan`.
    Asked,
    /// A directory was moved into a watched tree.
    Directory,
}

impl Cause {
    /// The word in `hidsctl fim status`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Start => "start",
            Self::Scheduled => "scheduled",
            Self::Gap => "gap",
            Self::Asked => "asked",
            Self::Directory => "directory",
        }
    }

    /// Whether it runs at once and without limits.
    pub(super) const fn is_urgent(self) -> bool {
        matches!(self, Self::Gap | Self::Directory | Self::Asked)
    }

    /// Whether an administrator may stop it: not where changes may have been missed.
    pub(super) const fn may_be_stopped(self) -> bool {
        !matches!(self, Self::Gap | Self::Directory)
    }
}

/// A scan that has not started.
#[derive(Debug)]
pub(in crate::fim::monitor) struct QueuedScan {
    pub(super) number: u64,
    pub(super) cause: Cause,
    /// Empty = everything that is watched.
    pub(super) subtrees: Vec<Vec<u8>>,
    pub(super) depth: ScanDepth,
    /// Gaps that it closes.
    pub(super) gaps: Vec<GapId>,
    /// Events of subtrees, for the changes that are found below them.
    pub(super) contexts: Vec<(Vec<u8>, EventContext)>,
    pub(super) resume: ResumePoint,
    pub(super) expected: Option<Totals>,
}

impl QueuedScan {
    pub(super) fn new(number: u64, cause: Cause, subtrees: Vec<Vec<u8>>, depth: ScanDepth) -> Self {
        Self {
            number,
            cause,
            subtrees,
            depth,
            gaps: Vec::new(),
            contexts: Vec::new(),
            resume: ResumePoint::default(),
            expected: None,
        }
    }

    /// Whether the scan will see `path`.
    pub(super) fn covers(&self, path: &[u8]) -> bool {
        self.subtrees.is_empty() || self.subtrees.iter().any(|subtree| holds(subtree, path))
    }
}

/// A scan that runs.
#[derive(Debug)]
pub(in crate::fim::monitor) struct RunningScan {
    pub(super) plan: QueuedScan,
    pub(super) began: Timestamp,
    /// The same, for what happens since.
    pub(super) since: Instant,
    /// Changes that it led to.
    pub(super) changes: u64,
    pub(super) resume: ResumePoint,
    /// Paths that it has left to inspections. One more than [`MAX_DEFERRED`]: no checkpoint is written any more.
    deferred: Vec<Vec<u8>>,
    checkpoint_at: Instant,
    /// Failures of the store before it.
    pub(super) failures: u64,
    /// Before the handle: dropped first, so that a scan that waits for the receiver does not delay its own end.
    messages: Receiver<Found>,
    handle: ScanHandle,
}

/// Messages of a scan, taken together.
#[derive(Debug, Default)]
pub(in crate::fim::monitor) struct ScanMessages {
    pub differences: Vec<Difference>,
    /// Directories that are complete once these differences are committed.
    pub done: Vec<Vec<u8>>,
    pub not_scanned: Vec<(Vec<u8>, NotScanned)>,
    /// The scan has ended.
    pub ended: Option<ScanReport>,
}

impl RunningScan {
    pub(super) fn new(
        plan: QueuedScan,
        (handle, messages): (ScanHandle, Receiver<Found>),
        began: Timestamp,
        failures: u64,
    ) -> Self {
        let (resume, since) = (plan.resume.clone(), Instant::now());
        Self {
            plan,
            began,
            since,
            changes: 0,
            resume,
            deferred: Vec::new(),
            checkpoint_at: since + CHECKPOINT_INTERVAL,
            failures,
            messages,
            handle,
        }
    }

    /// Why it runs.
    pub(in crate::fim::monitor) const fn cause(&self) -> Cause {
        self.plan.cause
    }

    /// Where its messages arrive.
    pub(super) const fn messages(&self) -> &Receiver<Found> {
        &self.messages
    }

    pub(super) const fn handle(&self) -> &ScanHandle {
        &self.handle
    }

    /// The messages that have arrived, `first` among them. Without `first` its threads are gone.
    pub(in crate::fim::monitor) fn receive(&self, first: Option<Found>) -> ScanMessages {
        let mut taken = ScanMessages { ended: first.is_none().then(ScanReport::default), ..ScanMessages::default() };
        for found in first.into_iter().chain(self.messages.try_iter()) {
            match found {
                Found::Differences(list) => taken.differences.extend(list),
                Found::NotScanned { path, why } => taken.not_scanned.push((path, why)),
                Found::Done { directory } => taken.done.push(directory),
                Found::Finished(report) => {
                    taken.ended = Some(report);
                    break;
                }
            }
            if taken.differences.len() >= MAX_DIFFERENCES {
                break;
            }
        }
        taken
    }

    /// What is known of the events that led to a difference at `path`.
    pub(in crate::fim::monitor) fn context_of(&self, path: &[u8]) -> EventContext {
        let mut contexts = self.plan.contexts.iter();
        let found = contexts.find(|(subtree, _)| holds(subtree, path));
        let context = found.map_or_else(EventContext::default, |(_, context)| context.clone());
        EventContext { first_scan: self.plan.cause == Cause::First, ..context }
    }

    /// Notes paths whose state an inspection will commit, if checkpoints are written for this scan.
    pub(in crate::fim::monitor) fn defer(&mut self, paths: impl Iterator<Item = Vec<u8>>) {
        if self.plan.cause != Cause::Scheduled {
            return;
        }
        let room = (MAX_DEFERRED + 1).saturating_sub(self.deferred.len());
        self.deferred.extend(paths.take(room));
    }

    /// Notes what has become of messages.
    pub(in crate::fim::monitor) fn committed(
        &mut self,
        changes: u64,
        stale: impl Iterator<Item = Vec<u8>>,
        done: Vec<Vec<u8>>,
    ) {
        self.changes += changes;
        self.defer(stale);
        done.into_iter().for_each(|directory| self.resume.add(directory));
    }

    /// Stops it. Its checkpoint is due.
    pub(super) fn stop(&mut self) {
        self.handle.control().stop();
        self.checkpoint_at = Instant::now();
    }

    /// How far a whole scan has come, if it is time to write that down. `is_waiting` says which paths wait for
    /// an inspection.
    pub(super) fn checkpoint_if_due(
        &mut self,
        is_waiting: impl Fn(&[u8]) -> bool,
        now: Instant,
    ) -> Option<ResumePoint> {
        if self.plan.cause != Cause::Scheduled || now < self.checkpoint_at {
            return None;
        }
        self.checkpoint_at = now + CHECKPOINT_INTERVAL;
        // Some paths may wait that are not remembered.
        if self.deferred.len() > MAX_DEFERRED {
            return None;
        }
        self.deferred.retain(|path| is_waiting(path));
        Some(self.resume.without(&self.deferred))
    }

    /// For people: "scheduled: 1,234 files, 56 MiB in 7 s, 8 changes".
    /// A scan that found nothing new is routine.
    pub(super) fn log_end(&self, report: &ScanReport, summary: &str) {
        let is_routine = report.complete && self.changes == 0 && !matches!(self.cause(), Cause::First | Cause::Asked);
        match is_routine {
            true => tracing::debug!("scan ended: {summary}"),
            false => tracing::info!("scan ended: {summary}"),
        }
    }

    /// For `fim status`.
    pub(super) fn view(&self, report: &ScanReport, ended: String) -> LastScanView {
        LastScanView {
            ended,
            cause: Some(self.plan.cause.name().to_owned()),
            complete: report.complete,
            files: report.totals.files,
            bytes: report.totals.bytes,
            found: Some(self.changes),
            seconds: Some(report.duration.as_secs_f64()),
        }
    }

    /// One line for the log.
    pub(super) fn summary(&self, report: &ScanReport) -> String {
        let stopped = if report.complete { "" } else { ", stopped before its end" };
        let seconds = report.duration.max(Duration::from_millis(1)).as_secs_f64();
        format!(
            "{}: {} files, {} MiB in {seconds:.1} s, {} changes{stopped}",
            self.plan.cause.name(),
            report.totals.files,
            report.totals.bytes >> 20,
            self.changes,
        )
    }
}
