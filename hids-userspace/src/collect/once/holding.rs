//! Keeps lines of files back until the journal has been read as far, and leaves out those that it brought.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};
use hids_core::model::{LogBatch, LogSource, Timestamp};

use super::seen::Once;
use crate::collect::batch_sender::{BatchSender, Disconnected};
use crate::platform::clock::now;

/// Bytes of lines that wait at most (64 batches of 256 KiB); then the reader of the files waits.
const MAX_HELD_BYTES: usize = 16 << 20;
/// Batches that wait at most. A careful daemon makes one of each line, and each waits some two seconds: fewer would
/// be fewer lines a second than a busy log has.
const MAX_HELD: usize = 16 * 1024;
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_WHEN_FULL: Duration = Duration::from_millis(10);

/// Takes batches of files; a clone for each sender.
#[derive(Clone, Debug)]
pub(in crate::collect) struct Holding {
    once: Once,
    /// Bounded by `amount`.
    held: Sender<(Timestamp, LogBatch)>,
    amount: Arc<Amount>,
    /// How many batches of each source wait: those that follow must not overtake them.
    waiting: Waiting,
}

/// What is held.
#[derive(Debug, Default)]
struct Amount {
    batches: AtomicUsize,
    bytes: AtomicUsize,
}

impl Amount {
    fn is_full(&self) -> bool {
        self.batches.load(Ordering::Relaxed) >= MAX_HELD || self.bytes.load(Ordering::Relaxed) >= MAX_HELD_BYTES
    }

    fn add(&self, batch: &LogBatch) {
        self.batches.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(batch.bytes.len(), Ordering::Relaxed);
    }

    fn take(&self, batch: &LogBatch) {
        self.batches.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(batch.bytes.len(), Ordering::Relaxed);
    }
}

type Waiting = Arc<Mutex<HashMap<Arc<LogSource>, usize>>>;

/// The thread that sends what has waited.
#[derive(Debug)]
pub(in crate::collect) struct HoldingHandle(JoinHandle<()>);

impl Holding {
    /// Starts the thread; held batches go to `batch_sender`. It ends when every clone is gone, or when the collector
    /// is stopped.
    pub(in crate::collect) fn start(once: Once, batch_sender: BatchSender) -> io::Result<(Self, HoldingHandle)> {
        #[expect(
            clippy::disallowed_methods,
            reason = "bounded by amount; a channel of that size would take its memory at once"
        )]
        let (held, batches) = crossbeam_channel::unbounded();
        let (waiting, amount) = (Waiting::default(), Arc::<Amount>::default());
        let worker = Worker {
            once: once.clone(),
            batches,
            amount: Arc::clone(&amount),
            waiting: Arc::clone(&waiting),
            batch_sender,
        };
        let thread = std::thread::Builder::new().name("collect-once".into()).spawn(move || worker.run())?;
        Ok((Self { once, held, amount, waiting }, HoldingHandle(thread)))
    }

    /// Takes `batch`, or returns what of it can be sent at once.
    ///
    /// A batch without a position (of a pipe, or the collector's own messages) could not be read again after a stop,
    /// so it never waits.
    pub(in crate::collect) fn take(
        &self,
        batch: LogBatch,
        batch_sender: &BatchSender,
    ) -> Result<Option<LogBatch>, Disconnected> {
        if !self.once.is_wanted() && !self.is_waiting(&batch.source) {
            return Ok(Some(batch));
        }
        if batch.position.is_none() || !(self.is_waiting(&batch.source) || self.once.must_wait(&batch)) {
            return Ok(Some(without_copies(&self.once, batch, batch_sender)));
        }
        *lock(&self.waiting).entry(Arc::clone(&batch.source)).or_default() += 1;
        let read = now();
        while self.amount.is_full() {
            if batch_sender.stopping() {
                return Err(Disconnected);
            }
            std::thread::sleep(PAUSE_WHEN_FULL);
        }
        self.amount.add(&batch);
        self.held.send((read, batch)).map(|()| None).map_err(|_| Disconnected)
    }

    fn is_waiting(&self, source: &Arc<LogSource>) -> bool {
        lock(&self.waiting).contains_key(source)
    }
}

impl HoldingHandle {
    /// Waits for the end; what is still held is read again after the next start.
    pub(in crate::collect) fn join(self) {
        let _ = self.0.join();
    }
}

struct Worker {
    once: Once,
    batches: Receiver<(Timestamp, LogBatch)>,
    amount: Arc<Amount>,
    waiting: Waiting,
    batch_sender: BatchSender,
}

impl Worker {
    fn run(&self) {
        for (read, batch) in self.batches.iter() {
            while !self.batch_sender.stopping() && !self.once.has_passed(read) {
                self.once.wait(PAUSE);
            }
            // The reader of the journal has stopped as well: whether it would have brought the lines is not known.
            if self.batch_sender.stopping() {
                return;
            }
            self.amount.take(&batch);
            let source = Arc::clone(&batch.source);
            if self.batch_sender.send(without_copies(&self.once, batch, &self.batch_sender)).is_err() {
                return;
            }
            let mut waiting = lock(&self.waiting);
            match waiting.get_mut(&source) {
                Some(count) if *count > 1 => *count -= 1,
                _ => {
                    waiting.remove(&source);
                }
            }
        }
    }
}

impl Drop for Worker {
    /// Nobody waits for room that nobody makes.
    fn drop(&mut self) {
        self.amount.batches.store(0, Ordering::Relaxed);
        self.amount.bytes.store(0, Ordering::Relaxed);
    }
}

fn lock(waiting: &Waiting) -> std::sync::MutexGuard<'_, HashMap<Arc<LogSource>, usize>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The batch without the lines that the journal has brought; its position stays.
fn without_copies(once: &Once, batch: LogBatch, batch_sender: &BatchSender) -> LogBatch {
    let mut kept = LogBatch::new(Arc::clone(&batch.source), batch.received);
    batch.events().filter(|event| once.takes_from_file(event.line)).for_each(|event| kept.push(event.line));
    let left_out = batch.len() - kept.len();
    if left_out == 0 {
        return batch;
    }
    batch_sender.counters().copies.fetch_add(left_out as u64, Ordering::Relaxed);
    kept.position = batch.position;
    kept
}
