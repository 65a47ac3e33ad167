//! The monitor's thread: receives, asks the owner of each part, and passes what it returns to the next.
//!
//! All state is in the parts. The order of work is described in `docs/design/fim.md`.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use crossbeam_channel::{Receiver, select};
use hids_core::fim::{Policy, Window};
use hids_core::model::{FileEvent, FimEvent, GapCause, Operation, Refusal, Sensed};

use super::accept::accept;
use super::baseline_writer::{BaselineWriter, Recovery};
use super::commands::{Command, ConfigUpdate};
use super::commit::{Committed, Committer};
use super::denials::Denials;
use super::event_context::EventContext;
use super::inspector::Inspector;
use super::observation::Observation;
use super::pacing::Pacing;
use super::package_recognition::PackageRecognition;
use super::package_updates::PackageUpdates;
use super::scan_scheduler::{ScanScheduler, Slot, StartOptions};
use super::status::Status;
use super::windows::Windows;
use super::workers::Inspected;
use crate::fim::paths::holds;
use crate::fim::scan::{Found, NotScanned, ScanDepth};
use crate::platform::error_chain::error_chain;

/// How often what no channel reports is checked.
const TICK: Duration = Duration::from_millis(500);
/// Messages of the sensor taken at a time, so that the sensor is never far ahead of the inspections.
const MAX_SENSED: usize = 16;
/// Results of inspections that are committed in one transaction.
const MAX_RESULTS: usize = super::workers::MAX_RESULTS + 1;

/// The parts. Each is described, and tested, in its own file.
pub(super) struct Monitor {
    pub policy: Arc<Policy>,
    /// The same for the thread that sends records to the rules.
    pub shared_policy: Arc<ArcSwap<Policy>>,
    pub writer: BaselineWriter,
    pub scans: ScanScheduler,
    pub inspector: Inspector,
    pub updates: PackageUpdates,
    pub windows: Windows,
    pub denials: Denials,
    pub pacing: Pacing,
    pub status: Arc<Status>,
}

/// What comes in.
pub(super) struct Inputs {
    pub sensed: Receiver<Sensed>,
    pub denials: Receiver<Refusal>,
    pub commands: Receiver<Command>,
}

impl Monitor {
    /// Runs until every sender of commands is gone. What waits then is found by the next start.
    pub(super) fn run(mut self, start: StartOptions, mut inputs: Inputs) {
        self.scans.begin(start, &self.policy, &mut self.writer);
        self.note_caught_up();
        let tick = crossbeam_channel::tick(TICK);
        loop {
            let now = Instant::now();
            self.pacing.adjust(self.inspector.waiting(), self.scans.has_waiting(), now);
            self.start_scans();
            self.inspector.dispatch(&self.policy, self.writer.view(), now);
            self.status.waiting.store(self.inspector.waiting() as u64, Relaxed);
            let results_at = self.pacing.results_at(Instant::now());
            let results =
                if results_at.is_some() { crossbeam_channel::never() } else { self.inspector.results().clone() };
            let due = [self.inspector.next_due(), results_at, self.writer.retry_at()].into_iter().flatten().min();
            let due = due.map_or_else(crossbeam_channel::never, crossbeam_channel::at);
            let (urgent, background) = (self.scans.messages(Slot::Urgent), self.scans.messages(Slot::Background));
            select! {
                recv(inputs.sensed) -> sensed => match sensed {
                    Ok(sensed) => self.take_sensed(sensed, &inputs.sensed),
                    Err(_) => inputs.sensed = crossbeam_channel::never(),
                },
                recv(results) -> result => if let Ok(result) = result {
                    self.take_results(result);
                },
                recv(urgent) -> message => self.take_messages(Slot::Urgent, message.ok()),
                recv(background) -> message => self.take_messages(Slot::Background, message.ok()),
                recv(inputs.denials) -> denial => match denial {
                    Ok(denial) => if self.denials.push(denial) {
                        self.denials.report(&mut self.writer);
                    },
                    Err(_) => inputs.denials = crossbeam_channel::never(),
                },
                recv(inputs.commands) -> command => match command {
                    Ok(command) => self.handle(command),
                    Err(_) => break,
                },
                recv(tick) -> _ => self.tick(),
                recv(due) -> _ => {}
            }
            self.retry_store();
        }
        self.close();
    }

    fn start_scans(&mut self) {
        self.scans.start_scans(&self.policy, &self.writer);
        self.inspector.follow_scans(self.scans.is_running());
    }

    fn take_sensed(&mut self, first: Sensed, more: &Receiver<Sensed>) {
        for sensed in std::iter::once(first).chain(more.try_iter().take(MAX_SENSED - 1)) {
            match sensed {
                Sensed::Events(events) => self.take_events(events),
                Sensed::Gap { subtree, cause } => self.open_gap(subtree, cause),
            }
        }
    }

    fn take_events(&mut self, events: Vec<FileEvent>) {
        self.status.events.fetch_add(events.len() as u64, Relaxed);
        let now = Instant::now();
        for event in events {
            if event.is_directory && event.operations.iter().any(brings_files) {
                let context = EventContext::of_tree(&event);
                self.scans.directory_moved(&event.path, context, &self.policy, &mut self.writer);
            }
            if let Err(full) = self.inspector.push(event, now) {
                self.too_many_paths(&full.path);
            }
        }
    }

    /// More paths wait than fit: their trees are scanned instead.
    fn too_many_paths(&mut self, path: &[u8]) {
        tracing::warn!(
            paths = self.inspector.waiting(),
            "too many files changed to be inspected one by one; scanning their directory trees"
        );
        self.inspector.clear();
        let policy = Arc::clone(&self.policy);
        for watch in policy.watches().iter().filter(|watch| watch.realtime || holds(&watch.root, path)) {
            self.open_gap(watch.root.clone(), GapCause::BacklogFull);
        }
    }

    fn open_gap(&mut self, subtree: Vec<u8>, cause: GapCause) {
        self.scans.open_gap(subtree, cause, &self.policy, &mut self.writer);
    }

    /// Has a path inspected without an event.
    fn inspect(&mut self, path: &[u8], context: EventContext) {
        if self.inspector.schedule(path, context, Instant::now()).is_err() {
            self.open_gap(path.to_vec(), GapCause::BacklogFull);
        }
    }

    /// Takes results of inspections.
    fn take_results(&mut self, first: Inspected) {
        let began = Instant::now();
        let results: Vec<Inspected> =
            std::iter::once(first).chain(self.inspector.results().try_iter()).take(MAX_RESULTS).collect();
        let of_updates = results.iter().filter(|result| result.context.after_update).count();
        let baseline = self.writer.view();
        let observations = results
            .into_iter()
            .filter_map(|result| self.inspector.observe(result, baseline, &mut self.updates, &self.windows, began));
        let observations = observations.collect();
        self.commit(observations);
        self.finish_package_update(of_updates);
        self.pacing.results_taken(began, Instant::now());
    }

    /// Takes messages of a scan.
    fn take_messages(&mut self, slot: Slot, first: Option<Found>) {
        let Some(mut scan) = self.scans.take(slot) else { return };
        let messages = scan.receive(first);
        for (path, why) in &messages.not_scanned {
            match why {
                NotScanned::Baseline(error) => self.writer.note_failure(error),
                why => warn_not_scanned(path, why),
            }
        }
        let now = Instant::now();
        let mut observations = Vec::new();
        for difference in messages.differences {
            let observation = self.inspector.check_difference(&mut scan, difference, &self.policy, &self.updates, now);
            observations.extend(observation);
        }
        let committed = self.commit(observations);
        scan.committed(committed.changes, committed.stale.into_iter().map(|(path, _)| path), messages.done);
        match messages.ended {
            None => self.scans.resumed(slot, scan, |path| self.inspector.is_waiting(path), &mut self.writer),
            Some(report) => {
                self.pacing.count(report.totals.files);
                self.scans.ended(scan, &report, &self.policy, &mut self.writer);
                self.note_caught_up();
            }
        }
    }

    /// Commits observations. After a failure they are lost, and everything is scanned once the store works.
    fn commit(&mut self, observations: Vec<Observation>) -> Committed {
        if observations.is_empty() {
            return Committed::default();
        }
        let mut committer = Committer {
            policy: &self.policy,
            coverage: self.scans.coverage(),
            updates: &mut self.updates,
            windows: &mut self.windows,
        };
        let Some(committed) = committer.commit(observations, &mut self.writer) else { return Committed::default() };
        self.status.changes.fetch_add(committed.changes, Relaxed);
        self.pacing.count(committed.written);
        for (path, context) in &committed.stale {
            self.inspect(path, context.clone());
        }
        committed
    }

    /// Begins to judge the files of a package update once the package manager is done.
    fn begin_package_update(&mut self) {
        for (path, context) in self.updates.begin_if_due(Instant::now()) {
            self.inspect(&path, context);
        }
    }

    /// Reports the summary of a package update once all its files, `inspected` more of them now, are judged.
    fn finish_package_update(&mut self, inspected: usize) {
        let summary = self.updates.finish_if_done(inspected, self.inspector.waiting() == 0);
        if let Some(summary) = summary {
            self.writer.report(vec![FimEvent::Acceptance(summary)]);
        }
    }

    fn handle(&mut self, command: Command) {
        // Whoever asked may have gone.
        match command {
            Command::Scan { paths, depth, reply } => {
                let number = self.scans.request(paths, depth, &self.policy);
                // So that the status shows it when the answer is there.
                self.start_scans();
                let _ = reply.send(number);
            }
            Command::StopScans { reply } => _ = reply.send(self.scans.stop()),
            Command::Accept { paths, packages, reply } => {
                let packages = if packages { PackageRecognition::installed() } else { PackageRecognition::any() };
                let _ = reply.send(accept(&paths, packages, &mut self.writer));
            }
            Command::OpenWindow { window, reply } => _ = reply.send(self.windows.open(*window, &mut self.writer)),
            Command::CloseWindows { id, everything, after_scan, reply, ended } => {
                let which =
                    |window: &Window| window.members.everyone == everything && id.is_none_or(|id| id == window.id);
                let scan = after_scan.then(|| self.scans.request(Vec::new(), ScanDepth::Changed, &self.policy).ok());
                let _ = reply.send(self.windows.close(which, scan.flatten(), &ended));
                self.start_scans();
            }
            Command::Protection(protection) => self.writer.report(vec![FimEvent::Protection(protection)]),
            Command::Reconfigure(update) => self.reconfigure(*update),
        }
    }

    fn reconfigure(&mut self, update: ConfigUpdate) {
        let ConfigUpdate { policy, schedule, scan_options, until_applied } = update;
        self.policy = policy;
        self.shared_policy.store(Arc::clone(&self.policy));
        self.scans.reconfigure(schedule, scan_options, &self.policy, &mut self.writer);
        drop(until_applied);
    }

    fn retry_store(&mut self) {
        match self.writer.retry_if_due(Instant::now()) {
            None => {}
            Some(Recovery::Resumed) => self.scans.store_recovered(&self.policy, &mut self.writer),
            Some(Recovery::Recreated) => self.scans.baseline_recreated(&self.policy),
        }
    }

    fn note_caught_up(&mut self) {
        self.scans.note_caught_up(self.inspector.waiting() == 0);
    }

    fn tick(&mut self) {
        let now = Instant::now();
        self.note_caught_up();
        self.denials.report(&mut self.writer);
        self.begin_package_update();
        self.finish_package_update(0);
        self.scans.queue_if_due(&self.policy);
        self.end_windows();
        self.writer.sync_if_due(now);
        self.writer.prune_if_due(now);
        self.pacing.trim_heap_if_idle(self.inspector.waiting() == 0 && !self.scans.is_running());
    }

    /// Ends change windows that are over.
    fn end_windows(&mut self) {
        let status = &self.status;
        let is_over = |number: u64| {
            let lists = status.lists();
            !lists.scans.iter().any(|scan| scan.number == number)
                && !lists.waiting_scans.iter().any(|(waiting, _)| *waiting == number)
        };
        self.windows.tick(self.inspector.waiting() == 0, is_over, &mut self.writer);
    }

    fn close(&mut self) {
        self.scans.close(|path| self.inspector.is_waiting(path), &mut self.writer);
        self.denials.report(&mut self.writer);
        self.writer.close();
    }
}

/// Whether files appear below a directory without an event of their own.
const fn brings_files(operation: Operation) -> bool {
    matches!(operation, Operation::RenamedTo | Operation::Mount)
}

fn warn_not_scanned(path: &[u8], why: &NotScanned) {
    tracing::warn!(
        path = %hids_core::render::visible_string(path),
        why = %error_chain(why),
        "cannot scan part of a watched tree; it was not compared with the baseline"
    );
}
