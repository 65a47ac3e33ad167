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

use super::examiners::{Examiners, Job};
use super::manners::{Backlog, Manners};
use super::pending::{Hint, Pending, RETURN};
use super::roots::Roots;
use super::scans::{Cause, Scans, Slot, Wanted};
use super::shared::Shared;
use super::updates::Updates;
use super::wishes::Wish;
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
pub(super) struct Watcher {
    pub policy: Arc<Policy>,
    /// The same for the thread that hands notices on.
    pub shown_policy: Arc<ArcSwap<Policy>>,
    pub store: Arc<Store>,
    pub view: StoreView,
    pub known: Arc<dyn Known>,
    pub pending: Pending,
    pub examiners: Examiners,
    pub scans: Scans,
    pub manners: Manners,
    pub backlog: Backlog,
    pub scan_options: ScanOptions,
    pub schedule: Schedule,
    pub zone: TimeZone,
    pub scan_on_start: bool,
    /// Whether the daemon ran for a time without this thread.
    pub is_late: bool,
    pub text_limit: u64,
    pub shared: Arc<Shared>,
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
    pub vanished: super::vanished::Vanished,
    /// How long the start waits for single looks.
    pub catch_up_until: Option<Instant>,
    /// Trees that a new configuration has added: their marks are set while their first scan runs.
    pub added: HashSet<Vec<u8>>,
    /// When a first scan was stopped that is to begin again.
    pub first_stopped: Option<Timestamp>,
    /// Refusals by what they have in common, until they are told.
    pub refusals: HashMap<super::refusals::Key, Refusal>,
    pub updates: Updates,
    pub outbox: Sender<()>,
    pub last_scan: Option<super::rounds::Round>,
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
    pub wishes: Receiver<Wish>,
}

/// Whether files come into sight below a directory with no event of their own.
const fn brings_files(operation: Operation) -> bool {
    matches!(operation, Operation::RenamedTo | Operation::Mount)
}

impl Watcher {
    /// Runs until every wisher is gone; what waits then is found by the next start.
    pub(super) fn run(mut self, mut inputs: Inputs) {
        self.begin();
        let tick = crossbeam_channel::tick(TICK);
        loop {
            self.mind_manners();
            self.start_scans();
            self.give_looks();
            self.shared.waiting.store(self.pending.len() as u64, Relaxed);
            let due = self.wake_at().map_or_else(crossbeam_channel::never, crossbeam_channel::at);
            let seen =
                if self.next_take > Instant::now() { crossbeam_channel::never() } else { self.examiners.seen.clone() };
            let (leisure, urgent) = (self.scans.found(Slot::Leisure), self.scans.found(Slot::Urgent));
            select! {
                recv(inputs.sensed) -> sensed => match sensed {
                    Ok(sensed) => self.take_sensed(sensed, &inputs.sensed),
                    Err(_) => inputs.sensed = crossbeam_channel::never(),
                },
                recv(seen) -> seen => if let Ok(seen) = seen {
                    let began = Instant::now();
                    self.take_looks(seen);
                    let ended = Instant::now();
                    let rest = (REST * (ended - began)).min(LONGEST_REST);
                    self.next_take = ended + if self.manners.step_back() { POLITE_REST } else { rest };
                },
                recv(urgent) -> found => self.take_found(Slot::Urgent, found.ok()),
                recv(leisure) -> found => self.take_found(Slot::Leisure, found.ok()),
                recv(inputs.refusals) -> refusal => match refusal {
                    Ok(refusal) => self.take_refusal(refusal),
                    Err(_) => inputs.refusals = crossbeam_channel::never(),
                },
                recv(inputs.wishes) -> wish => match wish {
                    Ok(wish) => self.grant(wish),
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
    fn mind_manners(&mut self) {
        let steps_back = self.backlog.steps_back(self.pending.len(), Instant::now());
        self.manners.want(steps_back && self.scans.waiting().next().is_none());
        self.manners.follow();
    }

    fn wake_at(&self) -> Option<Instant> {
        let due = if self.examiners.room() > 0 { self.pending.next_due() } else { None };
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
            let path = if self.pending.len() + 1 >= PENDING { event.path.clone() } else { Vec::new() };
            if self.pending.note(event, now).is_err() {
                self.too_many(&path);
            }
        }
    }

    /// More paths wait than fit: their trees are scanned instead, and what waits is forgotten.
    fn too_many(&mut self, path: &[u8]) {
        tracing::warn!(paths = self.pending.len(), "more files changed than can be looked at one by one");
        self.pending.clear();
        let holding: Vec<Vec<u8>> = self
            .policy
            .watches()
            .iter()
            .filter(|watch| watch.realtime || super::scans::holds(&watch.root, path))
            .map(|watch| watch.root.clone())
            .collect();
        for root in holding {
            self.open_gap(root, GapCause::BacklogFull);
        }
    }

    /// A directory was moved to here with all that is in it, and nothing tells of its files.
    fn scan_directory(&mut self, event: &FileEvent) {
        let hint = Hint {
            operations: event.operations,
            who: event.who.iter().cloned().collect(),
            time: event.time,
            ..Hint::default()
        };
        if let Some(wanted) = self.scans.waiting_directory_scan() {
            let again = wanted.hints.iter_mut().find(|(known, _)| *known == event.path);
            if let Some((_, known)) = again {
                known.merge(hint);
                return;
            }
            if wanted.subtrees.len() < MOVED {
                wanted.subtrees.push(event.path.clone());
                wanted.hints.push((event.path.clone(), hint));
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
        wanted.hints.push((event.path.clone(), hint));
        self.scans.want(wanted);
    }

    /// Gives due paths to the threads that look.
    fn give_looks(&mut self) {
        let room = self.examiners.room();
        if room == 0 {
            return;
        }
        let now = Instant::now();
        for (path, hint) in self.pending.take_due(now, room) {
            if self.may_be_temporary(&path, &hint, now) {
                self.pending.new_name(&path, hint, now);
                continue;
            }
            let job = Job { path, hint, policy: Arc::clone(&self.policy) };
            if let Err(job) = self.examiners.give(job) {
                // Only after a miscount of the room; the path waits again.
                self.pending.finished(&job.path, now);
                self.look_again(&job.path, job.hint);
            }
        }
    }

    /// Whether a file that is new may still be renamed over another one, as editors do once it is on the disk.
    fn may_be_temporary(&self, path: &[u8], hint: &Hint, now: Instant) -> bool {
        let is_new = [Operation::Create, Operation::RenamedTo].iter().any(|one| hint.operations.contains(*one));
        if hint.is_directory || !is_new || hint.first_scan {
            return false;
        }
        match hint.new_since {
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
        self.tell_refusals();
        self.judge_updates();
        self.update_looked_at(0);
        self.schedule_scan();
        self.sync();
        self.prune();
        self.give_back_memory();
    }

    /// After much work, once nothing is left to do: what it took is not needed at rest.
    fn give_back_memory(&mut self) {
        let is_at_rest = self.pending.len() == 0 && self.scans.running().next().is_none();
        if self.worked >= MUCH_WORK && is_at_rest {
            self.worked = 0;
            memory::give_back();
        }
    }
}
