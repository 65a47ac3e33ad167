//! Which scans run: one at background, one that is urgent, and those that wait.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded};
use hids_core::fim::Policy;
use hids_core::model::Timestamp;

use super::debounce::EventContext;
use crate::fim::Known;
use crate::fim::scan::{self, Found, ResumePoint, ScanDepth, ScanHandle, ScanOptions, ScanRequest, Totals};
use crate::fim::store::GapId;

/// News of a scan that wait for the watching thread; then the scan waits.
const FOUND: usize = 16;
/// Paths of a scan whose looks are waited for before what holds them is called done.
pub(super) const MOST_LEFT: usize = 4096;
/// How often the place of a scan is written down; so much of its work is done again after `kill -9`.
pub(super) const CHECKPOINT_EVERY: Duration = Duration::from_secs(5);

/// Why a scan runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// Nothing was known of a tree.
    First,
    /// The daemon started.
    Start,
    /// `<frequency>` or `<scan_time>`.
    Scheduled,
    /// Events may be missing.
    Gap,
    /// `hidsctl fim scan`.
    Asked,
    /// A directory was moved to here.
    Directory,
}

impl Cause {
    /// The word in status.
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

    /// Whether it runs at once, with all the machine gives.
    const fn is_urgent(self) -> bool {
        matches!(self, Self::Gap | Self::Directory | Self::Asked)
    }

    /// Whether an administrator may end it. What may have been missed is looked for in any case.
    const fn may_be_stopped(self) -> bool {
        !matches!(self, Self::Gap | Self::Directory)
    }
}

/// A scan to come.
#[derive(Debug)]
pub(super) struct Wanted {
    pub number: u64,
    pub cause: Cause,
    /// Empty = everything that is watched.
    pub subtrees: Vec<Vec<u8>>,
    pub depth: ScanDepth,
    /// Gaps that it closes.
    pub gaps: Vec<GapId>,
    /// What was seen being done to subtrees, for the changes that are found below them.
    pub contexts: Vec<(Vec<u8>, EventContext)>,
    pub resume: ResumePoint,
    pub expected: Option<Totals>,
}

impl Wanted {
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

    /// Whether `path` will be looked at.
    pub(super) fn covers(&self, path: &[u8]) -> bool {
        self.subtrees.is_empty() || self.subtrees.iter().any(|subtree| holds(subtree, path))
    }
}

/// Whether `path` is `subtree` or below it.
pub(in crate::fim) fn holds(subtree: &[u8], path: &[u8]) -> bool {
    path.strip_prefix(subtree).is_some_and(|rest| rest.is_empty() || rest[0] == b'/' || subtree.ends_with(b"/"))
}

/// A scan that runs.
#[derive(Debug)]
pub(super) struct RunningScan {
    pub wanted: Wanted,
    pub began: Timestamp,
    /// The same, for what happens since.
    pub since: Instant,
    /// Changes that it led to.
    pub changes: u64,
    pub resume: ResumePoint,
    /// Paths that it has left to single looks, at most [`MOST_LEFT`] and one: then its place is kept no more.
    pub left: Vec<Vec<u8>>,
    /// When its place is written down next.
    pub checkpoint_at: Instant,
    /// Failures of the store before it.
    pub failures: u64,
    /// Before the handle: dropped first, so that a scan that waits to be heard does not hold up its own end.
    pub found: Receiver<Found>,
    pub handle: ScanHandle,
}

impl RunningScan {
    /// Notes paths that single looks will have the last word on, if its place is kept.
    pub(super) fn leave(&mut self, paths: impl Iterator<Item = Vec<u8>>) {
        if self.wanted.cause != Cause::Scheduled {
            return;
        }
        let room = (MOST_LEFT + 1).saturating_sub(self.left.len());
        self.left.extend(paths.take(room));
    }
}

/// Where a scan runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// One of the whole tree, gently.
    Background,
    /// One that closes gaps, as fast as possible.
    Urgent,
}

/// What a scan is started with.
pub(super) struct Means<'a> {
    pub policy: &'a Arc<Policy>,
    pub known: &'a Arc<dyn Known>,
    pub options: &'a ScanOptions,
    pub now: Timestamp,
    pub failures: u64,
}

/// All scans.
#[derive(Debug, Default)]
pub(super) struct Scans {
    pub background: Option<RunningScan>,
    pub urgent: Option<RunningScan>,
    waiting: VecDeque<Wanted>,
    last_number: u64,
}

impl Scans {
    /// The number of a new scan.
    pub(super) fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// Lets a scan run when its slot is free.
    pub(super) fn want(&mut self, wanted: Wanted) {
        self.waiting.push_back(wanted);
    }

    /// A scan that waits, will cover `path` and closes gaps.
    pub(super) fn waiting_gap_scan(&mut self, path: &[u8]) -> Option<&mut Wanted> {
        self.waiting.iter_mut().find(|wanted| wanted.cause == Cause::Gap && wanted.covers(path))
    }

    /// A scan of moved directories that still waits.
    pub(super) fn waiting_directory_scan(&mut self) -> Option<&mut Wanted> {
        self.waiting.iter_mut().find(|wanted| wanted.cause == Cause::Directory)
    }

    /// Whether a scan with this cause waits or runs.
    pub(super) fn has(&self, cause: Cause) -> bool {
        self.waiting.iter().any(|wanted| wanted.cause == cause)
            || self.running().any(|running| running.wanted.cause == cause)
    }

    /// The scans that run.
    pub(super) fn running(&self) -> impl Iterator<Item = &RunningScan> {
        self.background.iter().chain(&self.urgent)
    }

    /// The slot, to take the scan in it or to look at it.
    pub(super) fn slot(&mut self, slot: Slot) -> &mut Option<RunningScan> {
        match slot {
            Slot::Background => &mut self.background,
            Slot::Urgent => &mut self.urgent,
        }
    }

    /// Where the scan of that slot tells what it finds; never anything when there is none.
    pub(super) fn found(&self, slot: Slot) -> Receiver<Found> {
        let running = if slot == Slot::Background { &self.background } else { &self.urgent };
        running.as_ref().map_or_else(crossbeam_channel::never, |running| running.found.clone())
    }

    /// Ends every scan that waits or runs and may be stopped; how many these were. Gaps stay to be closed.
    pub(super) fn stop(&mut self) -> usize {
        let before = self.waiting.len();
        // A first scan that runs is begun again later; one that waits just goes on to wait.
        self.waiting.retain(|wanted| !wanted.cause.may_be_stopped() || wanted.cause == Cause::First);
        let stopped = self.running().filter(|running| running.wanted.cause.may_be_stopped());
        let running = stopped.map(|running| running.handle.control().stop()).count();
        before - self.waiting.len() + running
    }

    /// Scans that have not begun.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Wanted> {
        self.waiting.iter()
    }

    /// Starts what can be started; what cannot stays to be tried again.
    pub(super) fn start(&mut self, means: &Means<'_>) -> io::Result<()> {
        for slot in [Slot::Urgent, Slot::Background] {
            if self.slot(slot).is_some() {
                continue;
            }
            let fits = |wanted: &Wanted| wanted.cause.is_urgent() == (slot == Slot::Urgent);
            let Some(index) = self.waiting.iter().position(fits) else { continue };
            let Some(wanted) = self.waiting.get(index) else { continue };
            let (handle, found) = start(wanted, means)?;
            let Some(wanted) = self.waiting.remove(index) else { continue };
            let resume = wanted.resume.clone();
            let (began, failures) = (means.now, means.failures);
            let since = Instant::now();
            let (left, checkpoint_at) = (Vec::new(), since + CHECKPOINT_EVERY);
            *self.slot(slot) = Some(RunningScan {
                wanted,
                began,
                since,
                changes: 0,
                resume,
                left,
                checkpoint_at,
                failures,
                found,
                handle,
            });
        }
        Ok(())
    }
}

fn start(wanted: &Wanted, means: &Means<'_>) -> io::Result<(ScanHandle, Receiver<Found>)> {
    let (sender, found) = bounded(FOUND);
    let request = ScanRequest {
        subtrees: wanted.subtrees.clone(),
        depth: wanted.depth,
        resume: wanted.resume.clone(),
        expected: wanted.expected,
    };
    let options = match wanted.cause {
        Cause::Scheduled | Cause::Start => means.options.clone(),
        // Somebody waits for the others.
        _ => ScanOptions { nice: None, rate_bytes_per_second: None, processor_percent: 100, ..means.options.clone() },
    };
    let handle = scan::start(request, Arc::clone(means.policy), Arc::clone(means.known), options, sender)?;
    Ok((handle, found))
}

/// A scan that ended, for people: "scheduled: 1,234 files, 56 MiB in 7 s, 8 changes".
pub(super) fn summary(running: &RunningScan, report: &scan::ScanReport) -> String {
    let stopped = if report.complete { "" } else { ", stopped before its end" };
    let seconds = report.duration.max(Duration::from_millis(1)).as_secs_f64();
    format!(
        "{}: {} files, {} MiB in {seconds:.1} s, {} changes{stopped}",
        running.wanted.cause.name(),
        report.totals.files,
        report.totals.bytes >> 20,
        running.changes,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subtree_holds_itself_and_what_is_below_but_not_its_neighbours() {
        assert!(holds(b"/etc", b"/etc") && holds(b"/etc", b"/etc/passwd") && holds(b"/", b"/etc"));
        assert!(!holds(b"/etc", b"/etc2") && !holds(b"/etc/a", b"/etc"));
    }

    #[test]
    fn gaps_do_not_wait_for_the_scheduled_scan() {
        let mut scans = Scans::default();
        scans.want(Wanted::new(1, Cause::Scheduled, Vec::new(), ScanDepth::Full));
        scans.want(Wanted::new(2, Cause::Gap, vec![b"/etc".to_vec()], ScanDepth::Changed));
        assert!(scans.waiting_gap_scan(b"/etc/ssh").is_some() && scans.waiting_gap_scan(b"/usr").is_none());
        assert_eq!(scans.stop(), 1);
        assert!(scans.has(Cause::Gap) && !scans.has(Cause::Scheduled));
    }
}
