//! Lines that the journal or a file has sent and the other has not brought yet.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hids_core::model::{LogBatch, Timestamp};

use super::fingerprint::Fingerprints;

/// How long a line waits for its other copy. A file's copy comes within a second, and after a start within seconds.
const KEPT_FOR: Duration = Duration::from_secs(600);
/// Lines that wait at most (some 20 MB): what three days off leave in a busy journal. Beyond it, the oldest are
/// forgotten, and their copies count twice; none is ever lost for it.
const MAX_KEPT: usize = 400_000;
/// How much further than a line of a file the journal must have been read: journald tells its readers of new entries
/// at most every 250 ms.
const MARGIN_MICROS: i64 = 1_500_000;
/// Nobody reads the journal.
const NOBODY: i64 = i64::MAX;

/// Shared by the reader of the journal and that of the files.
#[derive(Clone, Debug)]
pub(in crate::collect) struct Once(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    fingerprints: Fingerprints,
    /// Whether the configuration asks for the journal at all.
    wanted: AtomicBool,
    /// How far the journal has been sent, in microseconds since 1970.
    handed_until: AtomicI64,
    seen: Mutex<Seen>,
    moved: Condvar,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Journal,
    File,
}

#[derive(Debug, Default)]
struct Seen {
    /// How many more the journal (above 0) or the files (below) have sent.
    ahead: HashMap<u64, i32>,
    /// In the order in which they came.
    order: VecDeque<(u64, Instant, Side)>,
}

impl Once {
    pub(in crate::collect) fn new(node_name: &[u8]) -> Self {
        Self(Arc::new(Shared {
            fingerprints: Fingerprints::new(node_name),
            wanted: AtomicBool::new(false),
            handed_until: AtomicI64::new(NOBODY),
            seen: Mutex::default(),
            moved: Condvar::new(),
        }))
    }

    /// Whether the journal is to be read; if not, lines of files pass without a look.
    pub(in crate::collect) fn want(&self, wanted: bool) {
        self.0.wanted.store(wanted, Ordering::Relaxed);
        self.read_until(if wanted { i64::MIN } else { NOBODY });
    }

    /// The journal cannot be read: files do not wait for it.
    pub(in crate::collect) fn not_reading(&self) {
        self.read_until(NOBODY);
    }

    /// Everything that the journal held at `until` has been sent.
    pub(in crate::collect) fn handed_on(&self, until: Timestamp) {
        self.read_until(until.unix_nanos() / 1000);
    }

    fn read_until(&self, micros: i64) {
        self.0.handed_until.store(micros, Ordering::Release);
        drop(self.seen());
        self.0.moved.notify_all();
    }

    fn is_read(&self) -> bool {
        self.0.handed_until.load(Ordering::Acquire) != NOBODY
    }

    /// Whether the journal has been read beyond what a file held at `read`.
    pub(super) fn has_passed(&self, read: Timestamp) -> bool {
        self.0.handed_until.load(Ordering::Acquire) >= (read.unix_nanos() / 1000).saturating_add(MARGIN_MICROS)
    }

    /// Waits until the journal has been read further, at most for `pause`.
    pub(super) fn wait(&self, pause: Duration) {
        let guard = self.seen();
        drop(self.0.moved.wait_timeout(guard, pause).unwrap_or_else(PoisonError::into_inner));
    }

    /// Whether the line of the journal is to be sent: no file has done so before.
    pub(in crate::collect) fn takes_from_journal(&self, line: &[u8]) -> bool {
        let Some(fingerprint) = self.0.fingerprints.of_journal(line) else { return true };
        let is_read = self.is_read();
        self.seen().meet(fingerprint, Side::Journal, is_read)
    }

    /// Whether some line of the batch may be in the journal, too, which must be waited for.
    pub(super) fn must_wait(&self, batch: &LogBatch) -> bool {
        self.is_wanted()
            && self.is_read()
            && batch.events().any(|event| self.0.fingerprints.of_file(event.line).is_some())
    }

    pub(in crate::collect) fn is_wanted(&self) -> bool {
        self.0.wanted.load(Ordering::Relaxed)
    }

    /// Whether the line of a file is to be sent: the journal has not done so before.
    pub(super) fn takes_from_file(&self, line: &[u8]) -> bool {
        let Some(fingerprint) = self.0.fingerprints.of_file(line) else { return true };
        let is_read = self.is_read();
        let mut seen = self.seen();
        // When the journal is read and does not have it by now, it never will.
        if is_read { !seen.is_known(fingerprint) } else { seen.meet(fingerprint, Side::File, is_read) }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    /// Takes a copy of the journal's that waits for the file's, if there is one.
    fn is_known(&mut self, fingerprint: u64) -> bool {
        let waits = self.ahead.get(&fingerprint).is_some_and(|&ahead| ahead > 0);
        if waits {
            self.add(fingerprint, -1);
        }
        waits
    }

    /// One copy of one side; `false` when it is the second one of its line.
    fn meet(&mut self, fingerprint: u64, side: Side, journal_is_read: bool) -> bool {
        let step = if side == Side::Journal { 1 } else { -1 };
        let was_ahead = self.ahead.get(&fingerprint).copied().unwrap_or(0);
        self.add(fingerprint, step);
        if was_ahead.signum() == -step {
            return false;
        }
        self.order.push_back((fingerprint, Instant::now(), side));
        self.forget(journal_is_read);
        true
    }

    fn add(&mut self, fingerprint: u64, step: i32) {
        let ahead = self.ahead.entry(fingerprint).or_default();
        *ahead += step;
        if *ahead == 0 {
            self.ahead.remove(&fingerprint);
        }
    }

    /// Forgets what has waited for too long. What files have sent waits until the journal can be read again.
    fn forget(&mut self, journal_is_read: bool) {
        while let Some(&(fingerprint, since, side)) = self.order.front() {
            let is_over = since.elapsed() > KEPT_FOR && (side == Side::Journal || journal_is_read);
            if !is_over && self.order.len() <= MAX_KEPT {
                return;
            }
            self.order.pop_front();
            let step = if side == Side::Journal { -1 } else { 1 };
            if self.ahead.get(&fingerprint).is_some_and(|ahead| ahead.signum() == -step) {
                self.add(fingerprint, step);
            }
        }
    }
}
