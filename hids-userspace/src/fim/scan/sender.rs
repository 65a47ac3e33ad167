//! Queue of scan results.

use std::mem::take;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{SendTimeoutError, Sender};

use super::{Difference, Found, NotScanned, ScanControl, ScanReport};

/// Differences in one message.
const BATCH: usize = 512;

/// Marks that wait for a message.
const MARKS: usize = 64;

/// What waits longer is sent, however little it is: somebody may have to be alerted.
const PATIENCE: Duration = Duration::from_millis(200);

/// How long a full channel is waited for before it is asked again whether to stop.
const TURN: Duration = Duration::from_millis(20);

/// Shared by all threads of a scan. Whoever adds to a full channel waits, and the others behind it.
pub(super) struct MessageSender {
    control: ScanControl,
    found: Sender<Found>,
    waiting: Mutex<Waiting>,
}

struct Waiting {
    differences: Vec<Difference>,
    /// Directories that are done, once the differences above are told.
    done: Vec<Vec<u8>>,
    since: Instant,
}

impl MessageSender {
    pub(super) fn new(control: ScanControl, found: Sender<Found>) -> Self {
        let waiting = Waiting { differences: Vec::new(), done: Vec::new(), since: Instant::now() };
        Self { control, found, waiting: Mutex::new(waiting) }
    }

    /// Takes differences, and leaves `differences` empty.
    pub(super) fn add(&self, differences: &mut Vec<Difference>) {
        if !differences.is_empty() {
            self.control.count_differences(differences.len());
        }
        let mut waiting = self.lock();
        if waiting.is_empty() {
            waiting.since = Instant::now();
        }
        for difference in differences.drain(..) {
            waiting.differences.push(difference);
            if waiting.differences.len() >= BATCH {
                self.send_all(&mut waiting);
            }
        }
        self.send_if_due(&mut waiting);
    }

    /// Everything below `directory` has been added.
    pub(super) fn done(&self, directory: Vec<u8>) {
        let mut waiting = self.lock();
        waiting.done.push(directory);
        self.send_if_due(&mut waiting);
    }

    /// A path was not looked at.
    pub(super) fn not_scanned(&self, path: Vec<u8>, why: NotScanned) {
        self.control.count_not_scanned();
        let _order = self.lock();
        self.send(Found::NotScanned { path, why });
    }

    /// The last message.
    pub(super) fn finish(&self) {
        let mut waiting = self.lock();
        self.send_all(&mut waiting);
        let report: ScanReport = self.control.report();
        self.send(Found::Finished(report));
    }

    fn send_if_due(&self, waiting: &mut Waiting) {
        if waiting.done.len() >= MARKS || (!waiting.is_empty() && waiting.since.elapsed() > PATIENCE) {
            self.send_all(waiting);
        }
    }

    fn send_all(&self, waiting: &mut Waiting) {
        if !waiting.differences.is_empty() {
            let batch = std::mem::replace(&mut waiting.differences, Vec::with_capacity(BATCH));
            self.send(Found::Differences(batch));
        }
        for directory in take(&mut waiting.done) {
            self.send(Found::Done { directory });
        }
        waiting.since = Instant::now();
    }

    /// Waits for room. A scan that is stopped waits no more than one turn: the one that stops it may be the
    /// one that takes.
    fn send(&self, mut message: Found) {
        loop {
            match self.found.send_timeout(message, TURN) {
                Ok(()) => return,
                Err(SendTimeoutError::Disconnected(_)) => return self.control.stop(),
                Err(SendTimeoutError::Timeout(_)) if self.control.is_stopped() => return,
                Err(SendTimeoutError::Timeout(back)) => message = back,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.differences.is_empty() && self.done.is_empty()
    }
}
