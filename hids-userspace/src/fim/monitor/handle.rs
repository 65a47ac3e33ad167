//! Starting the threads, and the handle by which the daemon steers them.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use crossbeam_channel::{Receiver, Sender, bounded};
use hids_core::fim::{Policy, Schedule};
use hids_core::model::{Damage, FileNews, LogBatch, Protection, Refusal, Sensed};
use jiff::tz::TimeZone;

use super::commands::{Command, ConfigUpdate};
use super::debounce::Debouncer;
use super::event_loop::{Inputs, Monitor, PENDING};
use super::notifier::{self, Notifier};
use super::offline_queries::BASELINE;
use super::package_updates::Updates;
use super::roots::Roots;
use super::scan_queue::Scans;
use super::status::Status;
use super::throttle::{LoadDetector, Throttle};
use super::workers::{InspectOptions, Workers};
use crate::fim::answer;
use crate::fim::request::{FimRequest, FimView};
use crate::fim::scan::{ScanDepth, ScanOptions};
use crate::fim::store::{Durability, Store, StoreError, StoreKey, StoreLimits, StoreView};

/// How long another configuration may take to come into force before whoever brings it goes on.
const RECONFIGURE_TIMEOUT: Duration = Duration::from_secs(5);
/// Threads that inspect single files.
const WORKERS: usize = 4;
/// Commands that wait; further senders block.
const COMMANDS: usize = 16;

/// What file integrity needs to start.
#[derive(Clone, Debug)]
pub struct FimOptions {
    /// The directory of the baseline.
    pub state: PathBuf,
    /// Which paths count.
    pub policy: Arc<Policy>,
    /// When whole scans begin.
    pub schedule: Schedule,
    /// Whether trees without realtime are scanned at the start.
    pub scan_on_start: bool,
    /// Whether the daemon ran for a time without this stage; that is told as a gap.
    pub is_late: bool,
    /// How scheduled scans treat the machine, and how files are looked at.
    pub scan: ScanOptions,
    /// Longest content that is kept for `report_changes`, in bytes.
    pub text_limit: u64,
    /// Whether updates of packages are told as one.
    pub summarise_updates: bool,
    /// For times that people read.
    pub zone: TimeZone,
    /// The notice that the record stage has committed last; 0 = none.
    pub committed: u64,
}

/// Where it takes from and gives to.
#[derive(Debug)]
pub struct FimInputs {
    /// The sensor of file events; `never` without one.
    pub sensed: Receiver<Sensed>,
    /// The guard; `never` without one.
    pub refusals: Receiver<Refusal>,
    /// The analysis.
    pub batches: Sender<LogBatch>,
}

/// Why file integrity cannot start.
#[derive(Debug, thiserror::Error)]
pub enum FimError {
    /// The baseline.
    #[error("cannot open the baseline of file integrity")]
    Store(#[from] StoreError),
    /// No thread.
    #[error("cannot start a thread of file integrity")]
    Thread(#[from] io::Error),
}

/// The running stage.
#[derive(Debug)]
pub struct FimHandle {
    commands: Sender<Command>,
    shared: Arc<Status>,
    policy: Arc<ArcSwap<Policy>>,
    store: Arc<Store>,
    view: StoreView,
    zone: TimeZone,
    state: PathBuf,
    threads: Vec<JoinHandle<()>>,
}

/// The baseline, open and ready to be worked with.
#[derive(Debug)]
pub struct Opened(Arc<Store>);

/// Opens the baseline in `state`. While somebody else holds it, that is tried for as long as `patience`.
///
/// `committed` is the notice that the record stage has committed last. `damages` holds what was found wrong
/// with the baseline and is not written down yet: after a failure it is to be given to the next try.
pub fn open(state: &Path, committed: u64, patience: Duration, damages: &mut Vec<Damage>) -> Result<Opened, FimError> {
    let key = StoreKey::load_or_create(&state.join("fim.key"))?;
    let store = open_store(&state.join(BASELINE), &key, patience, damages)?;
    note_damages(&store, damages, committed)?;
    damages.clear();
    Ok(Opened(Arc::new(store)))
}

impl Opened {
    /// Roots of which there is a baseline.
    pub fn roots(&self) -> Result<Vec<Vec<u8>>, FimError> {
        Ok(Roots::known(&self.0.view())?)
    }
}

/// Starts.
pub fn start(opened: Opened, options: FimOptions, inputs: FimInputs) -> Result<FimHandle, FimError> {
    let store = opened.0;
    let view = store.view();
    let shared = Arc::new(Status::default());
    shared.sent.store(options.committed, Relaxed);
    shared.lists().gaps = view.open_gaps()?;
    let policy = Arc::new(ArcSwap::new(Arc::clone(&options.policy)));
    let (commands, command_receiver) = bounded(COMMANDS);
    let (wake, woken) = bounded(1);
    let throttle = Throttle::new();
    let outbox = notifier::start(Notifier {
        store: view.clone(),
        sent: Arc::clone(&shared.sent),
        policy: Arc::clone(&policy),
        batches: inputs.batches,
        wake: woken,
        throttle: throttle.clone(),
    })?;
    let looks = InspectOptions { examine: options.scan.examine.clone(), text_limit: options.text_limit };
    let monitor = Monitor {
        baselined: Roots::load(&view)?,
        known: Arc::new(view.clone()),
        debouncer: Debouncer::new(PENDING),
        workers: Workers::start(WORKERS, &looks, &throttle)?,
        scans: Scans::default(),
        throttle,
        load: LoadDetector::default(),
        scan_options: options.scan,
        scan_on_start: options.scan_on_start,
        is_late: options.is_late,
        schedule: options.schedule,
        text_limit: options.text_limit,
        zone: options.zone.clone(),
        shared: Arc::clone(&shared),
        unsynced: 0,
        failures: 0,
        retry_store_at: None,
        retry_scans_at: None,
        damaged: None,
        deleted_during_scan: super::deleted_during_scan::DeletedDuringScan::default(),
        catch_up_until: None,
        first_stopped: None,
        added: HashSet::new(),
        denials: HashMap::new(),
        updates: Updates::started(options.summarise_updates),
        outbox: wake,
        last_scan: None,
        next_prune: Instant::now(),
        next_sync: Instant::now(),
        worked: 0,
        next_take: Instant::now(),
        shown_policy: Arc::clone(&policy),
        policy: options.policy,
        store: Arc::clone(&store),
        view: view.clone(),
    };
    let inputs = Inputs { sensed: inputs.sensed, refusals: inputs.refusals, commands: command_receiver };
    let watch = thread::Builder::new().name("fim-monitor".into()).spawn(move || monitor.run(inputs))?;
    let threads = vec![watch, outbox];
    Ok(FimHandle { commands, shared, policy, store, view, zone: options.zone, state: options.state, threads })
}

/// A daemon that was killed, or a child that it was just starting, may hold the file for a moment longer; so
/// may somebody who looks at it.
fn open_store(path: &Path, key: &StoreKey, patience: Duration, damages: &mut Vec<Damage>) -> Result<Store, StoreError> {
    const AGAIN: Duration = Duration::from_millis(50);
    let until = Instant::now() + patience;
    loop {
        match Store::open_noting(path, key, StoreLimits::default(), damages) {
            Err(StoreError::InUse { .. }) if Instant::now() < until => thread::sleep(AGAIN),
            opened => return opened,
        }
    }
}

/// Tells what was wrong with the baseline, and sees to it that no number of a notice is used twice.
///
/// Only what is on the disk is handed on, so a store that ends before what the record stage has
/// committed is not the one that it was, even if it is whole in itself.
fn note_damages(store: &Store, damages: &mut Vec<Damage>, committed: u64) -> Result<(), StoreError> {
    let last = store.view().counts()?.last_sequence;
    if damages.is_empty() && last < committed {
        let what = format!(
            "the baseline ends with notice {last}, but notice {committed} was alerted from it: it was removed, or an \
             older copy was put back"
        );
        damages.push(Damage { what, paths: Vec::new() });
    }
    let mut update = store.begin()?;
    update.skip_to(committed);
    for damage in damages.iter() {
        update.notice(crate::fim::clock::now(), true, FileNews::Damage(damage.clone()))?;
    }
    update.commit(Durability::Synced)?;
    Ok(())
}

impl FimHandle {
    /// Whether everything that happened in realtime trees before the start has been found and handed on.
    pub fn is_caught_up(&self) -> bool {
        // A baseline that cannot be read has nothing to hand on; status tells of it.
        let is_sent =
            || self.view.counts().map_or(true, |counts| counts.last_sequence <= self.shared.sent.load(Relaxed));
        self.shared.caught_up.load(Relaxed)
            && (self.shared.told_all.load(Relaxed) || {
                let is_sent = is_sent();
                self.shared.told_all.fetch_or(is_sent, Relaxed);
                is_sent
            })
    }

    /// What `hidsctl` shows.
    pub fn report(&self) -> FimView {
        self.shared.view(&self.view, &self.zone)
    }

    /// The roots that are watched now.
    pub fn roots(&self) -> Vec<Vec<u8>> {
        self.policy.load().watches().iter().map(|watch| watch.root.clone()).collect()
    }

    /// Watches by another configuration. Returns when it is in force; a thread that waits for the disk is not
    /// waited for without end.
    pub fn replace(&self, policy: Arc<Policy>, schedule: Schedule, scan_options: ScanOptions) {
        let (until_applied, taken) = bounded(0);
        let update = ConfigUpdate { policy, schedule, scan_options, until_applied };
        // The thread only ends with the daemon.
        let _ = self.commands.send(Command::Reconfigure(Box::new(update)));
        let _ = taken.recv_timeout(RECONFIGURE_TIMEOUT);
    }

    /// Tells that protection was switched.
    pub fn tell_protection(&self, protection: Protection) {
        let _ = self.commands.send(Command::Protection(protection));
    }

    /// Answers `hidsctl fim`; may take seconds.
    pub fn answer(&self, request: FimRequest) -> Result<serde_json::Value, String> {
        match request {
            FimRequest::Scan { paths, full } => {
                let paths = paths.iter().map(|path| path.as_bytes().to_vec()).collect();
                let depth = if full { ScanDepth::Full } else { ScanDepth::Changed };
                let number = self.ask(|reply| Command::Scan { paths, depth, reply })??;
                Ok(serde_json::json!({ "scan": number }))
            }
            FimRequest::StopScan => {
                let stopped = self.ask(|reply| Command::StopScans { reply })?;
                Ok(serde_json::json!({ "stopped": stopped }))
            }
            FimRequest::Accept { paths, packages } => {
                let paths = paths.iter().map(|path| path.as_bytes().to_vec()).collect();
                let view = self.ask(|reply| Command::Accept { paths, packages, reply })?;
                answer::value(&view.map_err(|error| answer::failed(&error))?)
            }
            FimRequest::Status => answer::value(&self.report()),
            request => answer::answer(&request, &self.store, &self.policy.load(), &self.state, &self.zone),
        }
    }

    fn ask<T>(&self, command: impl FnOnce(Sender<T>) -> Command) -> Result<T, String> {
        const PATIENCE: Duration = Duration::from_secs(3600);
        let (reply, answered) = bounded(1);
        let busy = |_| "file integrity does not answer; see hidsctl status and the daemon's log".to_owned();
        self.commands.send(command(reply)).map_err(|_| "file integrity has stopped".to_owned())?;
        answered.recv_timeout(PATIENCE).map_err(busy)
    }

    /// Stops: what has been seen is written and handed on; what waits is found by the next start.
    pub fn stop(self) {
        drop(self.commands);
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a thread of file integrity ended by a panic");
            }
        }
    }
}
