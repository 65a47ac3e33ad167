//! Starts the monitor and its threads.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;

use arc_swap::ArcSwap;
use crossbeam_channel::{Receiver, Sender, bounded};
use hids_core::fim::{Policy, Schedule};
use hids_core::model::{GapCause, LogBatch, Refusal, Sensed};
use jiff::tz::TimeZone;

use super::baseline_writer::BaselineWriter;
use super::denials::Denials;
use super::event_loop::{Inputs, Monitor};
use super::handle::FimHandle;
use super::inspector::Inspector;
use super::notifier::{self, Notifier};
use super::open::{FimError, Opened};
use super::pacing::Pacing;
use super::package_updates::PackageUpdates;
use super::scan_scheduler::{ScanScheduler, SchedulerOptions, StartOptions};
use super::status::Status;
use super::throttle::Throttle;
use super::windows::Windows;
use super::workers::{InspectOptions, Workers};
use crate::fim::scan::ScanOptions;

/// Threads that inspect single files.
const WORKERS: usize = 4;
/// Commands that wait; further senders block.
const MAX_COMMANDS: usize = 16;

/// What file integrity needs to start.
#[derive(Clone, Debug)]
pub(crate) struct FimOptions {
    /// The directory of the baseline.
    pub state: PathBuf,
    /// Which paths count.
    pub policy: Arc<Policy>,
    /// When whole scans begin.
    pub schedule: Schedule,
    /// Whether trees without realtime are scanned at the start.
    pub scan_on_start: bool,
    /// Whether the daemon ran for a time without this stage; that is reported as a gap.
    pub is_late: bool,
    /// How scheduled scans treat the machine, and how files are inspected.
    pub scan: ScanOptions,
    /// Longest content that is kept for `report_changes`, in bytes.
    pub text_limit: u64,
    /// Whether a package update is reported as one summary.
    pub summarise_updates: bool,
    /// For times that people read.
    pub zone: TimeZone,
    /// The record that the record stage has committed last; 0 = none.
    pub committed: u64,
}

/// What file integrity is connected to.
#[derive(Debug)]
pub(crate) struct FimInputs {
    /// The sensor of file events; `never` without one.
    pub sensed: Receiver<Sensed>,
    /// The guard; `never` without one.
    pub refusals: Receiver<Refusal>,
    /// The analysis.
    pub batches: Sender<LogBatch>,
}

/// Starts.
pub(crate) fn start(opened: Opened, options: FimOptions, inputs: FimInputs) -> Result<FimHandle, FimError> {
    let store = opened.0;
    let view = store.view();
    let status = Arc::new(Status::default());
    status.sent.store(options.committed, Relaxed);
    status.lists().gaps = view.open_gaps()?;
    let shared_policy = Arc::new(ArcSwap::new(Arc::clone(&options.policy)));
    let throttle = Throttle::new();
    let (wake, woken) = bounded(1);
    let notifier = notifier::start(Notifier {
        store: view.clone(),
        sent: Arc::clone(&status.sent),
        policy: Arc::clone(&shared_policy),
        batches: inputs.batches,
        wake: woken,
        throttle: throttle.clone(),
    })?;
    let inspect = InspectOptions { examine: options.scan.examine.clone(), text_limit: options.text_limit };
    let workers = Workers::start(WORKERS, &inspect, &throttle)?;
    let writer = BaselineWriter::new(Arc::clone(&store), Arc::clone(&status), wake);
    let scheduler = SchedulerOptions { schedule: options.schedule, zone: options.zone.clone(), scan: options.scan };
    let windows = Windows::load(&writer, Arc::clone(&status));
    let monitor = Monitor {
        policy: options.policy,
        shared_policy: Arc::clone(&shared_policy),
        scans: ScanScheduler::new(scheduler, &writer, Arc::clone(&status))?,
        writer,
        inspector: Inspector::new(workers, Arc::clone(&status), options.text_limit),
        updates: PackageUpdates::started(options.summarise_updates),
        windows,
        denials: Denials::new(Arc::clone(&status)),
        pacing: Pacing::new(throttle),
        status: Arc::clone(&status),
    };
    let gap_cause = if options.is_late { GapCause::StoreFailed } else { GapCause::DaemonDown };
    let start = StartOptions { scan_on_start: options.scan_on_start, gap_cause };
    let (commands, received) = bounded(MAX_COMMANDS);
    let inputs = Inputs { sensed: inputs.sensed, denials: inputs.refusals, commands: received };
    let monitor = thread::Builder::new().name("fim-monitor".into()).spawn(move || monitor.run(start, inputs))?;
    Ok(FimHandle {
        commands,
        status,
        policy: shared_policy,
        store,
        view,
        zone: options.zone,
        state: options.state,
        threads: vec![monitor, notifier],
    })
}
