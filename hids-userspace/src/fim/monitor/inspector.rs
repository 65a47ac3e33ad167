//! From events and scan differences to observations: what is inspected, when, and whether the result is final.
//!
//! Owns the debouncer and the worker threads. Decides nothing about the baseline; `commit` does.

use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::Receiver;
use hids_core::fim::{PathKind, Policy};
use hids_core::model::{FileEvent, FileKind, FileState, Operation};

use super::debounce::{Debouncer, Full, REAPPEAR};
use super::deleted_during_scan::DeletedDuringScan;
use super::event_context::EventContext;
use super::observation::Observation;
use super::package_updates::PackageUpdates;
use super::scan_scheduler::RunningScan;
use super::status::Status;
use super::windows::Windows;
use super::workers::{Inspected, Inspection, Job, Workers};
use crate::fim::BaselineView as _;
use crate::fim::scan::Difference;
use crate::fim::store::StoreView;
use crate::platform::error_chain::error_chain;

/// Paths that may wait for an inspection; beyond that their trees are scanned.
pub(super) const MAX_WAITING: usize = 200_000;

/// Failed inspections in a row after which a path is reported as unreadable; until then it is tried again.
const MAX_FAILURES: u8 = 3;

/// See the module.
#[derive(Debug)]
pub(super) struct Inspector {
    debouncer: Debouncer,
    workers: Workers,
    deleted: DeletedDuringScan,
    status: Arc<Status>,
    /// Longest content that is kept as text, in bytes.
    text_limit: u64,
}

impl Inspector {
    pub(super) fn new(workers: Workers, status: Arc<Status>, text_limit: u64) -> Self {
        Self {
            debouncer: Debouncer::new(MAX_WAITING),
            workers,
            deleted: DeletedDuringScan::default(),
            status,
            text_limit,
        }
    }

    /// How many paths wait or are being inspected.
    pub(super) fn waiting(&self) -> usize {
        self.debouncer.len()
    }

    /// Whether `path` waits or is being inspected.
    pub(super) fn is_waiting(&self, path: &[u8]) -> bool {
        self.debouncer.has(path)
    }

    /// When [`dispatch`](Self::dispatch) has something to do.
    pub(super) fn next_due(&self) -> Option<Instant> {
        if self.workers.room() > 0 { self.debouncer.next_due() } else { None }
    }

    /// Where results arrive.
    pub(super) const fn results(&self) -> &Receiver<Inspected> {
        &self.workers.inspected
    }

    /// Takes an event.
    pub(super) fn push(&mut self, event: FileEvent, now: Instant) -> Result<(), Full> {
        self.debouncer.push(event, now)
    }

    /// Has `path` inspected without an event.
    pub(super) fn schedule(&mut self, path: &[u8], context: EventContext, now: Instant) -> Result<(), Full> {
        self.debouncer.schedule(path, context, now)
    }

    /// Forgets the paths that wait: a scan will inspect them.
    pub(super) fn clear(&mut self) {
        self.debouncer.clear();
    }

    /// Whether scans run: only then deletions have to be remembered.
    pub(super) fn follow_scans(&mut self, are_running: bool) {
        self.deleted.set_recording(are_running);
    }

    /// Gives due paths to the worker threads.
    pub(super) fn dispatch(&mut self, policy: &Arc<Policy>, baseline: &StoreView, now: Instant) {
        let room = self.workers.room();
        if room == 0 {
            return;
        }
        for (path, context) in self.debouncer.take_due(now, room) {
            if may_be_temporary(&path, &context, baseline, now) {
                self.debouncer.new_name(&path, context, now);
                continue;
            }
            let job = Job { path, context, policy: Arc::clone(policy) };
            if let Err(job) = self.workers.try_send(job) {
                // The room was miscounted; the path waits again. It has just made room for itself.
                self.debouncer.finished(&job.path, now);
                let _ = self.debouncer.schedule(&job.path, job.context, now);
            }
        }
    }

    /// The result of an inspection, if it is final.
    pub(super) fn observe(
        &mut self,
        inspected: Inspected,
        baseline: &StoreView,
        updates: &mut PackageUpdates,
        windows: &Windows,
        now: Instant,
    ) -> Option<Observation> {
        let Inspected { path, context, inspection } = inspected;
        let read = inspection.began();
        match (inspection.unread(), &inspection) {
            (Some(unread), _) => self.note_unreadable(&path, unread, now),
            (None, Inspection::Failed(_)) => {}
            (None, _) => self.status.unreadable().clear(&path),
        }
        let (state, text) = match inspection {
            Inspection::NotWatched => {
                self.debouncer.finished(&path, now);
                return None;
            }
            Inspection::Failed(_) if context.failed_inspections < MAX_FAILURES => {
                self.debouncer.failed(&path, context, now);
                return None;
            }
            Inspection::Failed(error) => {
                self.note_unreadable(&path, &error, now);
                self.debouncer.finished(&path, now);
                return None;
            }
            // An editor may be between deleting the old file and writing the new one.
            Inspection::Gone if !context.was_gone && exists(&path, baseline) => {
                self.debouncer.gone(&path, context, now);
                return None;
            }
            Inspection::Gone => {
                self.deleted.note(&path);
                (None, None)
            }
            Inspection::There { examined, text } => (Some(examined.state), text),
        };
        self.debouncer.finished(&path, now);
        if !windows.covers(&path, &context) && updates.hold(&path, &context, now) {
            return None;
        }
        Some(Observation { path: path.to_vec(), context, state, text, read, compared_with: None })
    }

    /// A difference that a scan found, if it is final; otherwise its path waits for an inspection.
    pub(super) fn check_difference(
        &mut self,
        scan: &mut RunningScan,
        difference: Difference,
        policy: &Policy,
        updates: &PackageUpdates,
        now: Instant,
    ) -> Option<Observation> {
        let Difference { path, old, new, read, unread } = difference;
        if updates.holds(&path) {
            return None;
        }
        match unread {
            Some(unread) => self.note_unreadable(&path, &unread, now),
            None => self.status.unreadable().clear(&path),
        }
        let context = scan.context_of(&path);
        let wants_text = self.wants_text(&path, new.as_ref(), policy);
        // An inspection under way may have begun before the scan saw the path, one that has ended after it.
        let is_outdated = self.debouncer.has(&path) || (old.is_none() && self.deleted.may_hold(&path));
        if (is_outdated || wants_text) && self.debouncer.schedule(&path, context.clone(), now).is_ok() {
            scan.defer(std::iter::once(path.clone()));
            // The initial scan is complete with its last entry, not with its last text.
            if is_outdated || !context.first_scan {
                return None;
            }
        }
        Some(Observation { path, context, state: new, text: None, read, compared_with: Some(old) })
    }

    /// Whether the content of `path` is to be kept as text, which only an inspection reads.
    fn wants_text(&self, path: &[u8], state: Option<&FileState>, policy: &Policy) -> bool {
        let Some(state) = state.filter(|state| state.kind == FileKind::Regular) else { return false };
        state.size_bytes <= self.text_limit
            && policy.watch_of(path, PathKind::Other).is_some_and(|watch| watch.report_changes)
            && policy.shows_diff(path)
    }

    fn note_unreadable(&self, path: &[u8], why: &(dyn std::error::Error + 'static), now: Instant) {
        if self.status.unreadable().note(path, now) {
            tracing::warn!(
                path = %hids_core::render::visible_string(path),
                why = %error_chain(why),
                consequence = "changes of its content are not detected; other changes are",
                help = "hidsctl fim status lists such files",
                "cannot read a watched file"
            );
        }
    }
}

/// Whether the baseline holds `path` as something that exists.
fn exists(path: &[u8], baseline: &StoreView) -> bool {
    // When the baseline cannot be read, the commit reports it.
    baseline.entry(path).ok().flatten().is_some_and(|entry| entry.state.is_some())
}

/// Whether a new file may still be renamed over another one, as editors do once it is on the disk.
fn may_be_temporary(path: &[u8], context: &EventContext, baseline: &StoreView, now: Instant) -> bool {
    let is_new = [Operation::Create, Operation::RenamedTo].iter().any(|one| context.operations.contains(*one));
    if context.is_directory || !is_new || context.first_scan {
        return false;
    }
    match context.new_since {
        Some(since) => now < since + REAPPEAR,
        None => baseline.entry(path).is_ok_and(|entry| entry.is_none()),
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Duration;

    use hids_core::fim::Watch;
    use hids_core::model::{Operations, Timestamp};

    use super::super::scan_scheduler::testing::running;
    use super::super::testing::{Baseline, file, policy, watch};
    use super::super::throttle::Throttle;
    use super::super::workers::InspectOptions;
    use super::*;
    use crate::fim::Entry;
    use crate::fim::examine::ExamineOptions;

    const PATH: &[u8] = b"/etc/a";

    fn inspector(status: &Arc<Status>) -> Inspector {
        let options = InspectOptions { examine: ExamineOptions::default(), text_limit: 100 };
        let workers = Workers::start(1, &options, &Throttle::new()).expect("threads");
        Inspector::new(workers, Arc::clone(status), 100)
    }

    fn event(operation: Operation) -> FileEvent {
        FileEvent {
            path: PATH.to_vec(),
            operations: Operations::NONE.with(operation),
            is_directory: false,
            time: Timestamp::default(),
            who: None,
        }
    }

    fn inspected(inspection: Inspection, context: EventContext) -> Inspected {
        Inspected { path: PATH.into(), context, inspection }
    }

    fn difference(old: Option<Entry>) -> Difference {
        Difference { path: PATH.to_vec(), old, new: Some(file(1)), read: Timestamp::default(), unread: None }
    }

    #[test]
    fn a_known_file_that_is_gone_is_inspected_again_before_it_counts_as_deleted() {
        let mut baseline = Baseline::new();
        baseline.put(&[("/etc/a", file(1))]);
        let mut inspector = inspector(&baseline.status);
        let (mut updates, now) = (PackageUpdates::default(), Instant::now());
        inspector.push(event(Operation::Delete), now).expect("room");
        let policy = policy(Vec::new());
        inspector.dispatch(&policy, baseline.writer.view(), now + REAPPEAR);
        let view = baseline.writer.view();
        let first = inspected(Inspection::Gone, EventContext::default());
        assert!(inspector.observe(first, view, &mut updates, &Windows::none(), now).is_none());
        assert!(inspector.is_waiting(PATH), "it may reappear");
        let again = inspected(Inspection::Gone, EventContext { was_gone: true, ..EventContext::default() });
        let observation = inspector.observe(again, view, &mut updates, &Windows::none(), now).expect("deleted");
        assert!(observation.state.is_none());
    }

    #[test]
    fn an_inspection_that_keeps_failing_makes_the_file_unreadable() {
        let baseline = Baseline::new();
        let mut inspector = inspector(&baseline.status);
        let (mut updates, now) = (PackageUpdates::default(), Instant::now());
        for failed_inspections in 0..=MAX_FAILURES {
            assert_eq!(baseline.status.unreadable().count(), 0);
            let error = Inspection::Failed(io::Error::other("test"));
            let failed = inspected(error, EventContext { failed_inspections, ..EventContext::default() });
            assert!(inspector.observe(failed, baseline.writer.view(), &mut updates, &Windows::none(), now).is_none());
        }
        assert_eq!(baseline.status.unreadable().count(), 1);
    }

    #[test]
    fn a_difference_of_a_path_that_waits_is_left_to_its_inspection() {
        let (baseline, policy) = (Baseline::new(), policy(vec![watch("/etc")]));
        let mut inspector = inspector(&baseline.status);
        let (updates, now) = (PackageUpdates::default(), Instant::now());
        let mut scan = running(&policy, &baseline);
        let mut check = |inspector: &mut Inspector, difference| {
            inspector.check_difference(&mut scan, difference, &policy, &updates, now)
        };
        let known = || Some(Entry { state: Some(file(2)), ..Entry::default() });
        let observation = check(&mut inspector, difference(known())).expect("nothing else knows of it");
        assert_eq!(observation.compared_with, Some(known()));
        inspector.push(event(Operation::Write), now).expect("room");
        assert!(check(&mut inspector, difference(known())).is_none());
    }

    #[test]
    fn a_new_path_that_was_deleted_during_the_scan_is_inspected() {
        let (baseline, policy) = (Baseline::new(), policy(vec![watch("/etc")]));
        let mut inspector = inspector(&baseline.status);
        let (mut updates, now) = (PackageUpdates::default(), Instant::now());
        let mut scan = running(&policy, &baseline);
        inspector.follow_scans(true);
        let gone = inspected(Inspection::Gone, EventContext::default());
        inspector.observe(gone, baseline.writer.view(), &mut updates, &Windows::none(), now).expect("it was not known");
        assert!(inspector.check_difference(&mut scan, difference(None), &policy, &updates, now).is_none());
        assert!(inspector.is_waiting(PATH));
    }

    #[test]
    fn a_text_is_read_by_an_inspection() {
        let texts = Watch { report_changes: true, ..watch("/etc") };
        let (baseline, policy) = (Baseline::new(), policy(vec![texts]));
        let mut inspector = inspector(&baseline.status);
        let (updates, now) = (PackageUpdates::default(), Instant::now());
        let mut scan = running(&policy, &baseline);
        assert!(inspector.check_difference(&mut scan, difference(None), &policy, &updates, now).is_none());
        let long = Difference { new: Some(FileState { size_bytes: 101, ..file(1) }), ..difference(None) };
        let other = Difference { path: b"/etc/long".to_vec(), ..long };
        assert!(inspector.check_difference(&mut scan, other, &policy, &updates, now).is_some());
    }

    #[test]
    fn a_new_file_is_given_time_to_be_renamed() {
        let mut baseline = Baseline::new();
        let (now, new) = (
            Instant::now(),
            EventContext { operations: Operations::NONE.with(Operation::Create), ..EventContext::default() },
        );
        assert!(may_be_temporary(PATH, &new, baseline.writer.view(), now));
        let waited = EventContext { new_since: Some(now), ..new.clone() };
        assert!(!may_be_temporary(PATH, &waited, baseline.writer.view(), now + REAPPEAR + Duration::from_millis(1)));
        baseline.put(&[("/etc/a", file(1))]);
        assert!(!may_be_temporary(PATH, &new, baseline.writer.view(), now), "it is known");
    }
}
