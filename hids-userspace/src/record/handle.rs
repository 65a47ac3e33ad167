//! Handle of the record stage: report and stop.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};
use jiff::tz::TimeZone;

use super::error::ReconfigureError;
use super::finish::FinishOptions;
use super::order::{Order, Reconfiguration};
use super::recorder::Recorder;
use super::today::DayCounts;
use crate::platform::clock;

/// How long an order waits to be taken, and to be carried out.
const ORDER_PATIENCE: Duration = Duration::from_secs(5);

/// What the record stage has done, for `hidsctl status`.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct RecordReport {
    /// Alerts written since start.
    pub alerts: u64,
    /// Alerts written on this day, also before a restart.
    pub today: DayCounts,
    /// Events archived since start.
    pub archived: u64,
    /// Commits since start.
    pub commits: u64,
    /// Failed tries to write since start; nothing is lost by them.
    pub failures: u64,
    /// Alerts that share a text with others of the same cause, since start; each has its record.
    #[serde(rename = "grouped")]
    pub joined: u64,
    /// Alerts that are only counted in a record, because equal ones came by the thousand; since start.
    #[serde(rename = "aggregated")]
    pub folded: u64,
    /// Texts held back at the moment, for ten seconds (causes) or a minute (counts) at most.
    #[serde(rename = "delayed")]
    pub held: u64,
    /// Bytes of alert files behind the lengths that the journal knew at start; they were kept.
    #[serde(rename = "unjournaled_bytes")]
    pub kept_bytes: u64,
    /// Alerts not handed to the syslog outputs because their queue was full.
    #[serde(rename = "syslog_dropped")]
    pub dropped_after_commit: u64,
    /// Why the pipeline waits at the moment, if it does.
    #[serde(rename = "error")]
    pub waiting_because: Option<String>,
    /// Why what rules remember cannot be saved at the moment, if so.
    #[serde(rename = "rule_state_error")]
    pub rule_state_trouble: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct Shared {
    pub alerts: AtomicU64,
    pub joined: AtomicU64,
    pub folded: AtomicU64,
    pub held: AtomicU64,
    pub kept_bytes: AtomicU64,
    pub archived: AtomicU64,
    pub commits: AtomicU64,
    pub failures: AtomicU64,
    pub dropped: AtomicU64,
    pub stopping: AtomicBool,
    /// A write that fails is no longer tried without end.
    pub impatient: AtomicBool,
    pub waiting_because: Mutex<Option<String>>,
    pub rule_state_trouble: Mutex<Option<String>>,
    pub today: Mutex<DayCounts>,
    /// What is done with finished days.
    pub finish: Mutex<FinishOptions>,
}

impl Shared {
    /// Finished days are treated as the recorder's configuration has it now.
    pub(super) fn take_finish_options(&self, recorder: &Recorder) {
        let options = FinishOptions { checksums: recorder.config.checksums, compress: recorder.config.compress };
        *self.finish.lock().unwrap_or_else(PoisonError::into_inner) = options;
    }

    pub(super) fn finish_options(&self) -> FinishOptions {
        *self.finish.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The running record stage.
#[derive(Debug)]
pub(crate) struct RecordHandle {
    pub(super) shared: Arc<Shared>,
    pub(super) orders: Sender<Order>,
    pub(super) stop: Option<Sender<()>>,
    pub(super) threads: Vec<JoinHandle<()>>,
}

impl RecordHandle {
    /// Counters and state.
    pub(crate) fn report(&self) -> RecordReport {
        RecordReport {
            alerts: self.shared.alerts.load(Ordering::Relaxed),
            today: self
                .shared
                .today
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .on(clock::now(), &TimeZone::system()),
            archived: self.shared.archived.load(Ordering::Relaxed),
            joined: self.shared.joined.load(Ordering::Relaxed),
            folded: self.shared.folded.load(Ordering::Relaxed),
            held: self.shared.held.load(Ordering::Relaxed),
            kept_bytes: self.shared.kept_bytes.load(Ordering::Relaxed),
            commits: self.shared.commits.load(Ordering::Relaxed),
            failures: self.shared.failures.load(Ordering::Relaxed),
            dropped_after_commit: self.shared.dropped.load(Ordering::Relaxed),
            waiting_because: self.shared.waiting_because.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            rule_state_trouble: self.shared.rule_state_trouble.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// Records by another configuration from now on.
    ///
    /// # Errors
    /// When files cannot be opened, or the stage waits for the disk: nothing has changed then.
    pub(crate) fn reconfigure(&self, change: Reconfiguration) -> Result<(), ReconfigureError> {
        let (reply, answer) = bounded(1);
        let order = Order::Reconfigure(Box::new(change), reply);
        self.orders.send_timeout(order, ORDER_PATIENCE).map_err(|_| ReconfigureError::Waiting)?;
        Ok(answer.recv_timeout(ORDER_PATIENCE).map_err(|_| ReconfigureError::NoAnswer)??)
    }

    /// The position of a source that was committed last; `None` also when the stage waits for the disk.
    pub(crate) fn position(&self, key: &str) -> Option<String> {
        let (reply, answer) = bounded(1);
        self.orders.send_timeout(Order::Position(key.to_owned(), reply), ORDER_PATIENCE).ok()?;
        answer.recv_timeout(ORDER_PATIENCE).ok().flatten()
    }

    /// The stages before this one are about to stop: from now on a write that fails is given up
    /// after five seconds, so that none of them waits for ever to hand on what it has.
    pub(crate) fn begin_stop(&self) {
        self.shared.impatient.store(true, Ordering::Relaxed);
    }

    /// Writes what is still in the channel, makes it durable and ends the threads.
    ///
    /// If the disk stays full, what could not be written is given up after five seconds: it was not
    /// committed and is analysed again at the next start.
    pub(crate) fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        drop(self.stop.take());
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("the record thread panicked");
            }
        }
    }
}

impl Drop for RecordHandle {
    fn drop(&mut self) {
        self.end();
    }
}
