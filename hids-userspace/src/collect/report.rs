//! What the collector reports about itself: counters and the state of each source.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hids_core::model::Timestamp;
use serde::Serialize;

/// What has happened since start; each only grows.
#[derive(Debug, Default)]
pub(crate) struct CollectCounters {
    /// Events sent.
    pub events: AtomicU64,
    /// Bytes of events sent.
    pub bytes: AtomicU64,
    /// Batches sent.
    pub batches: AtomicU64,
    /// How often the collector had to wait because the channel was full.
    pub waits: AtomicU64,
    /// Lines longer than 64 KiB, of which the rest was left out.
    pub cut_lines: AtomicU64,
    /// Files that were found to have been rotated by renaming.
    pub rotations: AtomicU64,
    /// Files that were found to have been truncated or rewritten in place.
    pub truncations: AtomicU64,
    /// Times the kernel's file event queue overflowed (everything is looked at again).
    pub inotify_overflows: AtomicU64,
    /// Files that could not be watched one by one (`fs.inotify.max_user_watches`).
    pub unwatched_files: AtomicU64,
    /// Positions whose file could not be found again after a restart: lines may be missing.
    pub lost_positions: AtomicU64,
    /// Files that a wildcard names beyond the limit, now. This one also falls.
    pub files_left_out: AtomicU64,
    /// Runs of commands.
    pub command_runs: AtomicU64,
    /// Runs of commands that could not be started, failed or took too long.
    pub command_failures: AtomicU64,
    /// Runs of commands whose output was longer than what is kept.
    pub command_outputs_cut: AtomicU64,
    /// How often the journal reader ended and was started again.
    pub journal_restarts: AtomicU64,
    /// Journal entries that could not be understood.
    pub journal_bad_entries: AtomicU64,
    /// Journal entries of this program's own, which are left out.
    pub own_entries: AtomicU64,
    /// Lines of files and of the journal that the other one had brought, left out.
    pub copies: AtomicU64,
}

/// A picture of all sources.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct CollectReport {
    /// Logs that were rotated away or truncated while they were not watched: what was written to them after
    /// the last line read may be missing.
    pub lost_positions: u64,
    /// Lines longer than 64 KiB, of which the rest was left out.
    #[serde(rename = "truncated_lines")]
    pub cut_lines: u64,
    /// Files that wildcards name beyond the limit and that are not read.
    #[serde(rename = "files_skipped")]
    pub files_left_out: u64,
    /// In the order of their names.
    pub sources: Vec<SourceReport>,
    /// Lines left out because the journal and a file both held them.
    #[serde(rename = "duplicates_skipped")]
    pub copies_left_out: u64,
    /// Journal entries left out because this program wrote them.
    #[serde(rename = "own_entries_skipped")]
    pub own_entries_left_out: u64,
}

/// How one source is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct SourceReport {
    /// Path of the file, alias of the command, or `journald`.
    pub path: String,
    /// How it is doing.
    #[serde(flatten)]
    pub state: SourceState,
    /// How far the file has been read, in bytes; 0 for others.
    pub offset: u64,
    /// Events sent since start.
    pub lines: u64,
    /// Bytes of events sent since start.
    pub bytes: u64,
    /// Lines that were cut since start.
    #[serde(rename = "truncated_lines")]
    pub cut_lines: u64,
    /// When the last event was sent.
    #[serde(serialize_with = "rfc3339")]
    pub last_event: Option<Timestamp>,
}

fn rfc3339<S: serde::Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.serialize_str(&time.rfc3339(&jiff::tz::TimeZone::UTC)),
        None => serializer.serialize_none(),
    }
}

/// Whether a source can be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(tag = "state", content = "reason", rename_all = "lowercase")]
pub(crate) enum SourceState {
    /// It is being read.
    Reading,
    /// It is not there; as soon as it is, it is read from its first byte.
    #[default]
    Missing,
    /// It is there but cannot be read.
    Unreadable(String),
    /// It is the same file as another source, which reads it.
    Duplicate(String),
}

/// The numbers of one source, shared between the thread that reads it and whoever asks.
#[derive(Debug, Default)]
pub(super) struct SourceStats {
    state: Mutex<SourceState>,
    pub(super) offset: AtomicU64,
    pub(super) lines: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) cut_lines: AtomicU64,
    last_event: AtomicI64,
}

impl SourceStats {
    /// The present state.
    pub(super) fn state(&self) -> SourceState {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes a new state; returns whether it differs from the old.
    pub(super) fn change_state(&self, new: SourceState) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if *state == new {
            return false;
        }
        *state = new;
        true
    }

    /// Counts events that were sent.
    pub(super) fn count(&self, events: usize, bytes: usize, at: Timestamp) {
        if events == 0 {
            return;
        }
        self.lines.fetch_add(events as u64, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.last_event.store(at.unix_nanos(), Ordering::Relaxed);
    }

    fn report(&self, path: String) -> SourceReport {
        let last = self.last_event.load(Ordering::Relaxed);
        SourceReport {
            path,
            state: self.state(),
            offset: self.offset.load(Ordering::Relaxed),
            lines: self.lines.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            cut_lines: self.cut_lines.load(Ordering::Relaxed),
            last_event: (last != 0).then(|| Timestamp::from_unix_nanos(last)),
        }
    }
}

/// All sources by name.
#[derive(Clone, Debug, Default)]
pub(super) struct SourceRegistry(Arc<Mutex<BTreeMap<String, Arc<SourceStats>>>>);

impl SourceRegistry {
    /// Adds a source, or finds the one of that name again.
    pub(super) fn add(&self, name: &str) -> Arc<SourceStats> {
        let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(map.entry(name.to_owned()).or_default())
    }

    /// Forgets a source.
    pub(super) fn remove(&self, name: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    /// A picture of all of them.
    pub(super) fn report(&self, counters: &CollectCounters) -> CollectReport {
        let map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        CollectReport {
            lost_positions: counters.lost_positions.load(Ordering::Relaxed),
            cut_lines: counters.cut_lines.load(Ordering::Relaxed),
            files_left_out: counters.files_left_out.load(Ordering::Relaxed),
            copies_left_out: counters.copies.load(Ordering::Relaxed),
            own_entries_left_out: counters.own_entries.load(Ordering::Relaxed),
            sources: map.iter().map(|(name, stats)| stats.report(name.clone())).collect(),
        }
    }
}
