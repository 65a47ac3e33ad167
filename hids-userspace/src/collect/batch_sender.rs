//! Sends batches to the analysis: waits while the channel is full, never drops.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{SendTimeoutError, Sender, TrySendError};
use hids_core::model::LogBatch;

use super::options::PieceAt;
use super::report::CollectCounters;

/// How long a stopping collector waits for a receiver that takes nothing. What is not sent by then is read
/// again after the next start, because its position was not sent either.
const PATIENCE_AT_STOP: Duration = Duration::from_secs(5);

/// The receiver is gone, or accepts nothing while the collector stops.
#[derive(Debug)]
pub(super) struct Disconnected;

/// Sends batches; one clone for each thread.
#[derive(Clone, Debug)]
pub(super) struct BatchSender {
    out: Sender<LogBatch>,
    stopping: Arc<AtomicBool>,
    counters: Arc<CollectCounters>,
    left_out: Arc<[PieceAt]>,
}

impl BatchSender {
    pub(super) fn new(out: Sender<LogBatch>, counters: Arc<CollectCounters>) -> Self {
        Self { out, stopping: Arc::default(), counters, left_out: Arc::default() }
    }

    /// Lines that are not to be read.
    pub(super) fn leaving_out(self, left_out: Vec<PieceAt>) -> Self {
        Self { left_out: left_out.into(), ..self }
    }

    /// Lines that are not to be read.
    pub(super) fn left_out(&self) -> &[PieceAt] {
        &self.left_out
    }

    /// From now on a receiver that takes nothing is not waited for without end.
    pub(super) fn begin_stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether `begin_stop` was called.
    pub(super) fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    pub(super) fn counters(&self) -> &Arc<CollectCounters> {
        &self.counters
    }

    /// Sends `batch`, waiting while the channel is full.
    pub(super) fn send(&self, batch: LogBatch) -> Result<(), Disconnected> {
        let (events, bytes) = (batch.len() as u64, batch.bytes.len() as u64);
        match self.out.try_send(batch) {
            Ok(()) => {}
            Err(TrySendError::Disconnected(_)) => return Err(Disconnected),
            Err(TrySendError::Full(batch)) => self.wait_and_send(batch)?,
        }
        self.counters.batches.fetch_add(1, Ordering::Relaxed);
        self.counters.events.fetch_add(events, Ordering::Relaxed);
        self.counters.bytes.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }

    fn wait_and_send(&self, mut batch: LogBatch) -> Result<(), Disconnected> {
        self.counters.waits.fetch_add(1, Ordering::Relaxed);
        let mut give_up_at = None;
        loop {
            match self.out.send_timeout(batch, Duration::from_millis(100)) {
                Ok(()) => return Ok(()),
                Err(SendTimeoutError::Disconnected(_)) => return Err(Disconnected),
                Err(SendTimeoutError::Timeout(back)) => batch = back,
            }
            if self.stopping() {
                let limit = *give_up_at.get_or_insert_with(|| Instant::now() + PATIENCE_AT_STOP);
                if Instant::now() >= limit {
                    return Err(Disconnected);
                }
            }
        }
    }
}
