//! The watching thread: owns the baseline, takes everything that is seen, and decides what runs next.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use crossbeam_channel::{Receiver, Sender, select};
use hids_core::fim::{PathKind, Policy, Schedule};
use hids_core::model::{FileEvent, GapCause, Operation, Refusal, Sensed, Timestamp};
use jiff::tz::TimeZone;

use super::commands::Command;
use super::debounce::{Debouncer, EventContext, RETURN};
use super::package_updates::Updates;
use super::roots::Roots;
use super::scan_queue::{Cause, Scans, Slot, Wanted};
use super::status::Status;
use super::throttle::{LoadDetector, Throttle};
use super::workers::{Job, Workers};
use crate::fim::scan::{ScanDepth, ScanOptions};
use crate::fim::store::{Store, StoreError, StoreView};
use crate::fim::{Entry, Known};
use crate::sys::memory;

/// How long the thread waits before it tries a store that failed.
pub(super) const STORE_RETRY: Duration = Duration::from_secs(5);
/// How often it looks whether a scan is due and tells how far scans are.
const TICK: Duration = Duration::from_millis(500);
/// Looks are taken over no more often than that a commit takes a third of the time: one commit for many
/// changes costs those who make them less than many. A change that comes alone does not wait.
const REST: u32 = 2;
/// The longest such wait.
const LONGEST_REST: Duration = Duration::from_millis(40);
/// The wait while others go first: they need the disk as well.
const POLITE_REST: Duration = Duration::from_millis(400);
/// Outcomes after which memory is given back.
const MUCH_WORK: u64 = 2_000;
/// Moved directories whose scan waits; beyond that the whole tree is scanned.
const MOVED: usize = 256;
/// Paths that may wait to be looked at; beyond that their trees are scanned.
pub(super) const PENDING: usize = 200_000;

/// Everything that the thread owns.
pub(super) struct Monitor {
    pub policy: Arc<Policy>,
    /// The same for the thread that hands notices on.
    pub shown_policy: Arc<ArcSwap<Policy>>,
    pub store: Arc<Store>,
    pub view: StoreView,
    pub known: Arc<dyn Known>,
    pub debouncer: Debouncer,
    pub workers: Workers,
    pub scans: Scans,
    pub throttle: Throttle,
    pub load: LoadDetector,
    pub scan_options: ScanOptions,
    pub schedule: Schedule,
    pub zone: TimeZone,
    pub scan_on_start: bool,
    /// Whether the daemon ran for a time without this thread.
    pub is_late: bool,
    pub text_limit: u64,
    pub shared: Arc<Status>,
    pub baselined: Roots,
    /// Entries written since the last commit that went to the disk.
    pub unsynced: u64,
    /// Failures of the store so far.
    pub failures: u64,
    pub retry_store_at: Option<Instant>,
    /// When scans may be started again, after it could not be done.
    pub retry_scans_at: Option<Instant>,
    /// What is wrong with the store, if it has to be begun anew.
    pub damaged: Option<String>,
    /// Unknown paths that looks found gone while a scan ran: what the scan saw of them is older.
    pub deleted_during_scan: super::deleted_during_scan::DeletedDuringScan,
    /// How long the start waits for single looks.
    pub catch_up_until: Option<Instant>,
    /// Trees that a new configuration has added: their marks are set while their first scan runs.
    pub added: HashSet<Vec<u8>>,
    /// When a first scan was stopped that is to begin again.
    pub first_stopped: Option<Timestamp>,
    /// Refusals by what they have in common, until they are told.
    pub denials: HashMap<super::denials::Key, Refusal>,
    pub updates: Updates,
    pub outbox: Sender<()>,
    pub last_scan: Option<super::full_scan::ScanRun>,
    pub next_prune: Instant,
    pub next_sync: Instant,
    /// Outcomes written since memory was given back.
    pub worked: u64,
    /// Before this no looks are taken over.
    pub next_take: Instant,
}

/// What comes in.
pub(super) struct Inputs {
    pub sensed: Receiver<Sensed>,
    pub refusals: Receiver<Refusal>,
    pub commands: Receiver<Command>,
}

/// Whether files come into sight below a directory with no event of their own.
const fn brings_files(operation: Operation) -> bool {
    matches!(operation, Operation::RenamedTo | Operation::Mount)
}

impl Monitor {
    /// Runs until every wisher is gone; what waits then is found by the next start.
    pub(super) fn run(mut self, mut inputs: Inputs) {
        self.begin();
        let tick = crossbeam_channel::tick(TICK);
        loop {
            self.adjust_priority();
            self.start_scans();
            self.dispatch_inspections();
            self.shared.waiting.store(self.debouncer.len() as u64, Relaxed);
            let due = self.wake_at().map_or_else(crossbeam_channel::never, crossbeam_channel::at);
            let seen = if self.next_take > Instant::now() {
                crossbeam_channel::never()
            } else {
                self.workers.inspected.clone()
            };
            let (background, urgent) = (self.scans.found(Slot::Background), self.scans.found(Slot::Urgent));
            select! {
                recv(inputs.sensed) -> sensed => match sensed {
                    Ok(sensed) => self.take_sensed(sensed, &inputs.sensed),
                    Err(_) => inputs.sensed = crossbeam_channel::never(),
                },
                recv(seen) -> seen => if let Ok(seen) = seen {
                    let began = Instant::now();
                    self.take_inspected(seen);
                    let ended = Instant::now();
                    let rest = (REST * (ended - began)).min(LONGEST_REST);
                    self.next_take = ended + if self.throttle.is_lowered() { POLITE_REST } else { rest };
                },
                recv(urgent) -> found => self.take_found(Slot::Urgent, found.ok()),
                recv(background) -> found => self.take_found(Slot::Background, found.ok()),
                recv(inputs.refusals) -> refusal => match refusal {
                    Ok(refusal) => self.take_denial(refusal),
                    Err(_) => inputs.refusals = crossbeam_channel::never(),
                },
                recv(inputs.commands) -> command => match command {
                    Ok(command) => self.handle(command),
                    Err(_) => break,
                },
                recv(tick) -> _ => self.tick(),
                recv(due) -> _ => {}
            }
            if self.retry_store_at.is_some_and(|at| at <= Instant::now()) {
                self.retry_store();
            }
        }
        self.end();
    }

    /// Lets those go first who change very many files. A scan that is to be started has the priority of this
    /// thread and must not wait.
    fn adjust_priority(&mut self) {
        let is_overloaded = self.load.is_overloaded(self.debouncer.len(), Instant::now());
        self.throttle.set_lowered(is_overloaded && self.scans.waiting().next().is_none());
        self.throttle.apply();
    }

    fn wake_at(&self) -> Option<Instant> {
        let due = if self.workers.room() > 0 { self.debouncer.next_due() } else { None };
        // Something may be seen meanwhile.
        let take = (self.next_take > Instant::now()).then_some(self.next_take);
        [due, take, self.retry_store_at].into_iter().flatten().min()
    }

    fn take_sensed(&mut self, first: Sensed, more: &Receiver<Sensed>) {
        // Some at a time, so that the sensor is never far ahead of the looks.
        for sensed in std::iter::once(first).chain(more.try_iter().take(15)) {
            match sensed {
                Sensed::Events(events) => self.take_events(events),
                Sensed::Gap { subtree, cause } => self.open_gap(subtree, cause),
            }
        }
    }

    fn take_events(&mut self, events: Vec<FileEvent>) {
        self.shared.events.fetch_add(events.len() as u64, Relaxed);
        let now = Instant::now();
        for event in events {
            if event.is_directory && event.operations.iter().any(brings_files) {
                self.scan_directory(&event);
            }
            let path = if self.debouncer.len() + 1 >= PENDING { event.path.clone() } else { Vec::new() };
            if self.debouncer.push(event, now).is_err() {
                self.too_many(&path);
            }
        }
    }

    /// More paths wait than fit: their trees are scanned instead, and what waits is forgotten.
    fn too_many(&mut self, path: &[u8]) {
        tracing::warn!(paths = self.debouncer.len(), "more files changed than can be looked at one by one");
        self.debouncer.clear();
        let holding: Vec<Vec<u8>> = self
            .policy
            .watches()
            .iter()
            .filter(|watch| watch.realtime || super::scan_queue::holds(&watch.root, path))
            .map(|watch| watch.root.clone())
            .collect();
        for root in holding {
            self.open_gap(root, GapCause::BacklogFull);
        }
    }

    /// A directory was moved to here with all that is in it, and nothing tells of its files.
    fn scan_directory(&mut self, event: &FileEvent) {
        let context = EventContext {
            operations: event.operations,
            who: event.who.iter().cloned().collect(),
            time: event.time,
            ..EventContext::default()
        };
        if let Some(wanted) = self.scans.waiting_directory_scan() {
            let again = wanted.contexts.iter_mut().find(|(known, _)| *known == event.path);
            if let Some((_, known)) = again {
                known.merge(context);
                return;
            }
            if wanted.subtrees.len() < MOVED {
                wanted.subtrees.push(event.path.clone());
                wanted.contexts.push((event.path.clone(), context));
                return;
            }
            let watch = self.policy.watch_of(&event.path, PathKind::Directory);
            if let Some(root) = watch.map(|watch| watch.root.clone()) {
                self.open_gap(root, GapCause::BacklogFull);
            }
            return;
        }
        let number = self.scans.next_number();
        let mut wanted = Wanted::new(number, Cause::Directory, vec![event.path.clone()], ScanDepth::Changed);
        wanted.contexts.push((event.path.clone(), context));
        self.scans.want(wanted);
    }

    /// Gives due paths to the threads that look.
    fn dispatch_inspections(&mut self) {
        let room = self.workers.room();
        if room == 0 {
            return;
        }
        let now = Instant::now();
        for (path, context) in self.debouncer.take_due(now, room) {
            if self.may_be_temporary(&path, &context, now) {
                self.debouncer.new_name(&path, context, now);
                continue;
            }
            let job = Job { path, context, policy: Arc::clone(&self.policy) };
            if let Err(job) = self.workers.try_send(job) {
                // Only after a miscount of the room; the path waits again.
                self.debouncer.finished(&job.path, now);
                self.inspect_again(&job.path, job.context);
            }
        }
    }

    /// Whether a file that is new may still be renamed over another one, as editors do once it is on the disk.
    fn may_be_temporary(&self, path: &[u8], context: &EventContext, now: Instant) -> bool {
        let is_new = [Operation::Create, Operation::RenamedTo].iter().any(|one| context.operations.contains(*one));
        if context.is_directory || !is_new || context.first_scan {
            return false;
        }
        match context.new_since {
            Some(since) => now < since + RETURN,
            None => self.view_entry(path).is_ok_and(|entry| entry.is_none()),
        }
    }

    /// The entry of a path as it was committed.
    pub(super) fn view_entry(&self, path: &[u8]) -> Result<Option<Entry>, StoreError> {
        self.view.entry(path)
    }

    /// Something was committed that rules shall see.
    pub(super) fn wake_outbox(&self) {
        // Full = it is woken already.
        let _ = self.outbox.try_send(());
    }

    fn tick(&mut self) {
        self.note_caught_up();
        self.report_denials();
        self.judge_updates();
        self.update_looked_at(0);
        self.schedule_scan();
        self.sync();
        self.prune();
        self.give_back_memory();
    }

    /// After much work, once nothing is left to do: what it took is not needed at rest.
    fn give_back_memory(&mut self) {
        let is_at_rest = self.debouncer.len() == 0 && self.scans.running().next().is_none();
        if self.worked >= MUCH_WORK && is_at_rest {
            self.worked = 0;
            memory::give_back();
        }
    }
}
