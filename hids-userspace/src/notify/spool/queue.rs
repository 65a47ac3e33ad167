//! Durable mail queue, shared by the record stage and the mail thread.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::tz::TimeZone;

use super::entry::MailEntry;
use super::files::{Files, Omitted, SpoolState};
use crate::contracts::alert_spool::{AlertSpool, MailItem};

/// Sent bytes at the front of the file that make it worth writing the rest anew.
const COMPACT_BYTES: u64 = 4 * 1024 * 1024;

/// Bounds of the spool; what is over is counted, see the module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SpoolLimits {
    /// Alerts waiting.
    pub alerts: usize,
    /// Bytes waiting.
    pub bytes: u64,
}

impl Default for SpoolLimits {
    fn default() -> Self {
        Self { alerts: 50_000, bytes: 64 * 1024 * 1024 }
    }
}

/// How alerts are rendered and how many are kept.
#[derive(Clone, Debug)]
pub(crate) struct SpoolOptions {
    /// Zone of the times in mails.
    pub zone: TimeZone,
    /// `maild.full_subject`.
    pub full_subject: bool,
    /// Bounds.
    pub limits: SpoolLimits,
}

/// The spool cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot open the mail spool {path}")]
pub(crate) struct SpoolError {
    /// Its directory.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub source: io::Error,
}

/// A handle to the spool; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct MailSpool {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    /// Signalled when alerts were committed or the sender shall wake up.
    changed: Condvar,
}

/// Where an entry is in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::notify) struct Waiting {
    pub sequence: u64,
    pub offset: u64,
    pub bytes: u64,
}

#[derive(Debug)]
struct Queue {
    files: Files,
    file: File,
    /// Bytes of whole entries in the file.
    length: u64,
    entries: VecDeque<Waiting>,
    /// Entries below this number may be sent.
    committed: u64,
    highest: u64,
    state: SpoolState,
    options: SpoolOptions,
    /// Times the sender was asked to look up.
    nudges: u64,
}

impl MailSpool {
    /// Opens the spool in `directory` (`state/mail`), made if missing. Nothing may be sent before
    /// [`AlertSpool::committed`] was called.
    pub(crate) fn open(directory: &Path, options: SpoolOptions) -> Result<Self, SpoolError> {
        let queue =
            Queue::open(directory, options).map_err(|source| SpoolError { path: directory.to_owned(), source })?;
        Ok(Self { shared: Arc::new(Shared { queue: Mutex::new(queue), changed: Condvar::new() }) })
    }

    /// Alerts waiting to be mailed, those not yet committed included.
    pub(crate) fn len(&self) -> usize {
        self.lock().entries.len()
    }

    #[cfg(test)]
    /// Whether none is waiting.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Alerts that a full spool has reduced to a count since the last mail.
    pub(crate) fn omitted(&self) -> u64 {
        self.lock().state.omitted.iter().map(|omitted| omitted.count).sum()
    }

    /// Committed entries above `after`, in order.
    pub(in crate::notify) fn committed_after(&self, after: u64) -> Vec<Waiting> {
        let queue = self.lock();
        let from = queue.entries.partition_point(|entry| entry.sequence <= after);
        queue.entries.range(from..).take_while(|entry| entry.sequence < queue.committed).copied().collect()
    }

    /// Reads an entry; `None` if it is no longer there.
    pub(in crate::notify) fn read(&self, sequence: u64) -> io::Result<Option<MailEntry>> {
        let queue = self.lock();
        let Ok(at) = queue.entries.binary_search_by_key(&sequence, |entry| entry.sequence) else { return Ok(None) };
        queue.read(queue.entries[at]).map(Some)
    }

    /// A copy of the state.
    pub(in crate::notify) fn state(&self) -> SpoolState {
        self.lock().state.clone()
    }

    /// Changes the state, durably; then forgets what is sent.
    ///
    /// When the disk is full the change holds in memory all the same: a mail that was sent must not
    /// be sent again and again because that cannot be written down.
    pub(in crate::notify) fn update(&self, change: impl FnOnce(&mut SpoolState)) -> io::Result<()> {
        let mut queue = self.lock();
        let mut state = queue.state.clone();
        change(&mut state);
        let stored = if state == queue.state { Ok(()) } else { queue.files.store_state(&state) };
        queue.state = state;
        queue.forget_sent().and(stored)
    }

    /// Keeps a mail that no server takes; gives its path.
    pub(in crate::notify) fn keep_failed(&self, name: &str, mail: &[u8]) -> io::Result<PathBuf> {
        self.lock().files.keep_failed(name, mail)
    }

    /// Waits until something was committed, [`Self::wake`] was called or `timeout` is over. `seen`
    /// is what the last call gave.
    pub(in crate::notify) fn wait(&self, seen: u64, timeout: Duration) -> u64 {
        let queue = self.lock();
        let (queue, _) = self
            .shared
            .changed
            .wait_timeout_while(queue, timeout, |queue| queue.nudges == seen)
            .unwrap_or_else(PoisonError::into_inner);
        queue.nudges
    }

    /// Whether subjects name the location, from the next alert on.
    pub(crate) fn set_full_subject(&self, full_subject: bool) {
        self.lock().options.full_subject = full_subject;
    }

    /// Makes the sender look up.
    pub(in crate::notify) fn wake(&self) {
        self.lock().nudges += 1;
        self.shared.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AlertSpool for MailSpool {
    fn stage(&mut self, item: MailItem<'_>) -> io::Result<()> {
        let mut queue = self.lock();
        let entry = MailEntry::new(item, &queue.options.zone, queue.options.full_subject);
        queue.append(&entry)
    }

    fn sync(&mut self) -> io::Result<()> {
        // Not under the lock: the mail thread may go on meanwhile.
        let file = self.lock().file.try_clone()?;
        file.sync_data()
    }

    fn committed(&mut self, next_sequence: u64) {
        let mut queue = self.lock();
        let news = queue.entries.back().is_some_and(|last| last.sequence >= queue.committed);
        queue.committed = next_sequence;
        if news {
            queue.nudges += 1;
            self.shared.changed.notify_all();
        }
    }

    fn drop_from(&mut self, next_sequence: u64) -> io::Result<()> {
        self.lock().drop_from(next_sequence)
    }

    fn holds(&self, sequence: u64) -> bool {
        let queue = self.lock();
        sequence < queue.state.sent_below || sequence <= queue.highest
    }
}

impl Queue {
    fn open(directory: &Path, options: SpoolOptions) -> io::Result<Self> {
        let files = Files::open(directory)?;
        let state = files.load_state()?;
        let file = files.append("queue")?;
        File::open(directory)?.sync_all()?;
        let mut queue = Self {
            files,
            file,
            length: 0,
            entries: VecDeque::new(),
            committed: 0,
            highest: 0,
            state,
            options,
            nudges: 0,
        };
        queue.scan()?;
        queue.forget_sent()?;
        Ok(queue)
    }

    /// Finds the whole entries; cuts away what was being written when we died. An entry that was damaged
    /// since costs only itself, and that is said: its alert is in the alert files but will not be mailed.
    fn scan(&mut self) -> io::Result<()> {
        let mut input = io::BufReader::new(File::open(self.files.queue_path())?);
        let mut line = Vec::new();
        let mut damaged = 0u64;
        while input.read_until(b'\n', &mut line)? > 0 {
            let bytes = line.len() as u64;
            match MailEntry::decode(&line) {
                Some(entry) if entry.sequence > self.highest || self.entries.is_empty() => {
                    self.entries.push_back(Waiting { sequence: entry.sequence, offset: self.length, bytes });
                    self.highest = self.highest.max(entry.sequence);
                }
                // The last line is not whole: it was being written.
                None if !line.ends_with(b"\n") => break,
                _ => damaged += 1,
            }
            self.length += bytes;
            line.clear();
        }
        if damaged > 0 {
            tracing::warn!(
                entries = damaged,
                queue = %self.files.queue_path().display(),
                consequence = "these alerts are not mailed; see the alert files",
                help = "check the disk that holds the state directory",
                "damaged entries of the mail spool skipped"
            );
        }
        self.file.set_len(self.length)
    }

    fn append(&mut self, entry: &MailEntry) -> io::Result<()> {
        let line = entry.encode();
        self.make_room(line.len() as u64)?;
        if self.file.metadata()?.len() > self.length {
            // Left by a failed write.
            self.file.set_len(self.length)?;
        }
        (&self.file).write_all(&line)?;
        let waiting = Waiting { sequence: entry.sequence, offset: self.length, bytes: line.len() as u64 };
        self.length += waiting.bytes;
        self.highest = entry.sequence;
        self.entries.push_back(waiting);
        Ok(())
    }

    /// When full: reduces the oldest tenth to counts per rule.
    fn make_room(&mut self, bytes: u64) -> io::Result<()> {
        let limits = self.options.limits;
        let held = self.length - self.entries.front().map_or(self.length, |first| first.offset);
        if self.entries.len() < limits.alerts && held + bytes <= limits.bytes {
            return Ok(());
        }
        let mut state = self.state.clone();
        let oldest = self.entries.len().div_ceil(10);
        for waiting in self.entries.iter().take(oldest).take_while(|waiting| waiting.sequence < self.committed) {
            let entry = self.read(*waiting)?;
            Omitted::count(&mut state.omitted, entry.rule, entry.level, &entry.description);
            state.sent_below = waiting.sequence + 1;
        }
        if state != self.state {
            tracing::warn!(
                alerts = oldest,
                waiting = self.entries.len(),
                help = "the next mail has a count per rule; all alerts are in alerts.log",
                "mail spool full: oldest alerts reduced to counters"
            );
            self.files.store_state(&state)?;
            self.state = state;
            self.forget_sent()?;
        }
        Ok(())
    }

    fn read(&self, waiting: Waiting) -> io::Result<MailEntry> {
        let mut line = vec![0; usize::try_from(waiting.bytes).map_err(io::Error::other)?];
        self.file.read_exact_at(&mut line, waiting.offset)?;
        MailEntry::decode(&line).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "damaged mail spool entry"))
    }

    fn drop_from(&mut self, next_sequence: u64) -> io::Result<()> {
        let from = self.entries.partition_point(|entry| entry.sequence < next_sequence);
        if let Some(first) = self.entries.get(from) {
            self.file.set_len(first.offset)?;
            self.length = first.offset;
            self.entries.truncate(from);
        }
        if self.state.sent_below > next_sequence {
            // Numbers are given again after a power loss: better mailed twice than not at all.
            let state = SpoolState { sent_below: next_sequence, ..self.state.clone() };
            self.files.store_state(&state)?;
            self.state = state;
        }
        self.highest = self.highest.min(next_sequence.saturating_sub(1));
        Ok(())
    }

    /// Drops sent entries; gives their room back when it is worth it.
    fn forget_sent(&mut self) -> io::Result<()> {
        while self.entries.front().is_some_and(|entry| entry.sequence < self.state.sent_below) {
            self.entries.pop_front();
        }
        let Some(first) = self.entries.front().copied() else {
            if self.length > 0 {
                self.file.set_len(0)?;
                self.length = 0;
            }
            return Ok(());
        };
        if first.offset < COMPACT_BYTES || first.offset < self.length - first.offset {
            return Ok(());
        }
        let file = self.files.append("queue.new")?;
        file.set_len(0)?;
        let mut kept = vec![0; usize::try_from(self.length - first.offset).map_err(io::Error::other)?];
        self.file.read_exact_at(&mut kept, first.offset)?;
        (&file).write_all(&kept)?;
        file.sync_data()?;
        self.files.rename("queue.new", "queue")?;
        self.file = file;
        self.length -= first.offset;
        self.entries.iter_mut().for_each(|entry| entry.offset -= first.offset);
        Ok(())
    }
}
