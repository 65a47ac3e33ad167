//! The scans that run, one at leisure and one that is urgent, and those that wait for their turn.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use crossbeam_channel::{Receiver, bounded};
use hids_core::fim::Policy;
use hids_core::model::Timestamp;

use super::running::{Cause, QueuedScan, RunningScan};
use crate::fim::BaselineView;
use crate::fim::monitor::event_context::EventContext;
use crate::fim::scan::{self, Found, ScanDepth, ScanHandle, ScanOptions, ScanRequest};
use crate::fim::store::GapId;

/// Messages of a scan that wait for the monitor; then the scan waits.
const MAX_MESSAGES: usize = 16;
/// Moved directories whose scan waits; beyond that the whole tree is scanned.
const MAX_MOVED: usize = 256;

/// Where a scan runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::fim::monitor) enum Slot {
    /// Scans of whole trees, within the limits of the configuration.
    Background,
    /// Scans that somebody waits for, as fast as possible.
    Urgent,
}

impl Slot {
    /// The one whose scans start first comes first.
    pub(super) const ALL: [Self; 2] = [Self::Urgent, Self::Background];
}

/// What a scan is started with.
pub(super) struct StartContext<'a> {
    pub policy: &'a Arc<Policy>,
    pub baseline: &'a Arc<dyn BaselineView>,
    pub options: &'a ScanOptions,
    pub now: Timestamp,
    /// Failures of the store so far.
    pub failures: u64,
}

/// All scans.
#[derive(Debug, Default)]
pub(super) struct ScanQueue {
    background: Option<RunningScan>,
    urgent: Option<RunningScan>,
    waiting: VecDeque<QueuedScan>,
    last_number: u64,
}

impl ScanQueue {
    /// A new scan, to be given to [`push`](Self::push).
    pub(super) fn new_scan(&mut self, cause: Cause, subtrees: Vec<Vec<u8>>, depth: ScanDepth) -> QueuedScan {
        self.last_number += 1;
        QueuedScan::new(self.last_number, cause, subtrees, depth)
    }

    /// Lets a scan run when its slot is free.
    pub(super) fn push(&mut self, scan: QueuedScan) {
        self.waiting.push_back(scan);
    }

    /// Has trees scanned that have no baseline; how many there are that did not wait already.
    pub(super) fn push_first(&mut self, mut roots: Vec<Vec<u8>>) -> usize {
        let is_waiting =
            |root: &Vec<u8>| self.waiting.iter().any(|scan| scan.cause == Cause::First && scan.subtrees.contains(root));
        roots.retain(|root| !is_waiting(root));
        let count = roots.len();
        if count > 0 {
            let scan = self.new_scan(Cause::First, roots, ScanDepth::Full);
            self.push(scan);
        }
        count
    }

    /// Has `subtree` scanned to close `gaps`.
    pub(super) fn push_gap(&mut self, subtree: Vec<u8>, gaps: Vec<GapId>) {
        let mut scan = self.new_scan(Cause::Gap, vec![subtree], ScanDepth::Changed);
        scan.gaps = gaps;
        self.push(scan);
    }

    /// Has a directory scanned that was moved to `path`; false when too many wait.
    pub(super) fn push_moved(&mut self, path: &[u8], context: EventContext) -> bool {
        let Some(scan) = self.waiting.iter_mut().find(|scan| scan.cause == Cause::Directory) else {
            let mut scan = self.new_scan(Cause::Directory, vec![path.to_vec()], ScanDepth::Changed);
            scan.contexts.push((path.to_vec(), context));
            self.push(scan);
            return true;
        };
        if let Some((_, known)) = scan.contexts.iter_mut().find(|(known, _)| *known == path) {
            known.merge(context);
            return true;
        }
        if scan.subtrees.len() >= MAX_MOVED {
            return false;
        }
        scan.subtrees.push(path.to_vec());
        scan.contexts.push((path.to_vec(), context));
        true
    }

    /// A scan that waits, will see all of `subtree` and closes gaps.
    pub(super) fn waiting_gap_scan(&mut self, subtree: &[u8]) -> Option<&mut QueuedScan> {
        self.waiting.iter_mut().find(|scan| scan.cause == Cause::Gap && scan.covers(subtree))
    }

    /// Whether an initial scan that waits will see all of `subtree`.
    pub(super) fn has_waiting_first_scan(&self, subtree: &[u8]) -> bool {
        self.waiting.iter().any(|scan| scan.cause == Cause::First && scan.covers(subtree))
    }

    /// Whether a scan with this cause waits or runs.
    pub(super) fn has(&self, cause: Cause) -> bool {
        self.waiting.iter().any(|scan| scan.cause == cause) || self.running().any(|scan| scan.cause() == cause)
    }

    /// The scans that run.
    pub(super) fn running(&self) -> impl Iterator<Item = &RunningScan> {
        self.background.iter().chain(&self.urgent)
    }

    /// Scans that have not started.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &QueuedScan> {
        self.waiting.iter()
    }

    /// The scan that runs in a slot.
    pub(super) fn slot(&mut self, slot: Slot) -> &mut Option<RunningScan> {
        match slot {
            Slot::Background => &mut self.background,
            Slot::Urgent => &mut self.urgent,
        }
    }

    /// Where the messages of a slot's scan arrive; a channel without messages when there is none.
    pub(super) fn messages(&self, slot: Slot) -> Receiver<Found> {
        let running = if slot == Slot::Background { &self.background } else { &self.urgent };
        running.as_ref().map_or_else(crossbeam_channel::never, |scan| scan.messages().clone())
    }

    /// Stops every scan that waits or runs and may be stopped; how many. Gaps are still to be closed.
    pub(super) fn stop(&mut self) -> usize {
        let before = self.waiting.len();
        // An initial scan that runs is started again later; one that waits goes on waiting.
        self.waiting.retain(|scan| !scan.cause.may_be_stopped() || scan.cause == Cause::First);
        let stopped = self.running().filter(|scan| scan.cause().may_be_stopped());
        let running = stopped.map(|scan| scan.handle().control().stop()).count();
        before - self.waiting.len() + running
    }

    /// Starts what can be started; what cannot stays to be tried again.
    pub(super) fn start(&mut self, context: &StartContext<'_>) -> io::Result<()> {
        for slot in Slot::ALL {
            if self.slot(slot).is_some() {
                continue;
            }
            let fits = |scan: &QueuedScan| scan.cause.is_urgent() == (slot == Slot::Urgent);
            let Some(index) = self.waiting.iter().position(fits) else { continue };
            let Some(scan) = self.waiting.get(index) else { continue };
            let started = start(scan, context)?;
            let Some(scan) = self.waiting.remove(index) else { continue };
            *self.slot(slot) = Some(RunningScan::new(scan, started, context.now, context.failures));
        }
        Ok(())
    }
}

fn start(scan: &QueuedScan, context: &StartContext<'_>) -> io::Result<(ScanHandle, Receiver<Found>)> {
    let (sender, messages) = bounded(MAX_MESSAGES);
    let request = ScanRequest {
        subtrees: scan.subtrees.clone(),
        depth: scan.depth,
        resume: scan.resume.clone(),
        expected: scan.expected,
    };
    let options = match scan.cause {
        Cause::Scheduled | Cause::Start => context.options.clone(),
        // Somebody waits for the others.
        _ => ScanOptions { nice: None, rate_bytes_per_second: None, processor_percent: 100, ..context.options.clone() },
    };
    let handle = scan::start(request, Arc::clone(context.policy), Arc::clone(context.baseline), options, sender)?;
    Ok((handle, messages))
}

#[cfg(test)]
mod tests {
    use hids_core::model::{Operation, Operations};

    use super::*;

    #[test]
    fn gaps_do_not_wait_for_the_scheduled_scan_and_cannot_be_stopped() {
        let mut queue = ScanQueue::default();
        let scheduled = queue.new_scan(Cause::Scheduled, Vec::new(), ScanDepth::Full);
        queue.push(scheduled);
        queue.push_gap(b"/etc".to_vec(), Vec::new());
        assert!(queue.waiting_gap_scan(b"/etc/ssh").is_some() && queue.waiting_gap_scan(b"/usr").is_none());
        assert_eq!(queue.stop(), 1);
        assert!(queue.has(Cause::Gap) && !queue.has(Cause::Scheduled));
    }

    #[test]
    fn a_tree_without_a_baseline_is_queued_once() {
        let mut queue = ScanQueue::default();
        assert_eq!(queue.push_first(vec![b"/etc".to_vec(), b"/usr".to_vec()]), 2);
        assert_eq!(queue.push_first(vec![b"/usr".to_vec(), b"/opt".to_vec()]), 1);
        assert_eq!(queue.waiting().count(), 2);
        assert!(queue.has_waiting_first_scan(b"/opt/x") && !queue.has_waiting_first_scan(b"/home"));
        assert_eq!(queue.stop(), 0, "an initial scan that waits goes on waiting");
    }

    #[test]
    fn moved_directories_share_a_scan_with_what_is_known_of_each_and_are_bounded() {
        let mut queue = ScanQueue::default();
        let context =
            |operation| EventContext { operations: Operations::NONE.with(operation), ..EventContext::default() };
        for number in 0..MAX_MOVED {
            assert!(queue.push_moved(format!("/d{number}").as_bytes(), context(Operation::RenamedTo)));
        }
        assert!(!queue.push_moved(b"/one-more", context(Operation::RenamedTo)));
        assert!(queue.push_moved(b"/d0", context(Operation::Mount)), "it is known already");
        let scan = queue.waiting().next().expect("one scan");
        assert_eq!((queue.waiting().count(), scan.subtrees.len()), (1, MAX_MOVED));
        let first = &scan.contexts[0].1;
        assert!(first.operations.contains(Operation::RenamedTo) && first.operations.contains(Operation::Mount));
    }
}
