//! What the tailer sends besides lines: positions that change without a line, and messages of its own.

use std::sync::{Arc, LazyLock};

use hids_core::model::{Channel, LogBatch, LogSource, SourcePosition, Timestamp};

use super::entry::Entry;
use super::ids::EntryId;
use super::position::pattern_key;
use crate::collect::batch_sender::Disconnected;
use crate::collect::once::FileSender;
use crate::collect::report::CollectCounters;
use crate::platform::clock::now;

/// The sender, and what waits to be sent.
#[derive(Debug)]
pub(super) struct Reports {
    sender: FileSender,
    /// What happened to files before this moment is known.
    pub noticed_at: Timestamp,
    messages: Vec<String>,
    /// Entries whose positions have changed without a line.
    changed: Vec<EntryId>,
    /// Names of positions that are of no interest any more.
    forgotten: Vec<Arc<str>>,
}

impl Reports {
    pub(super) fn new(sender: FileSender, noticed_at: Timestamp) -> Self {
        Self { sender, noticed_at, messages: Vec::new(), changed: Vec::new(), forgotten: Vec::new() }
    }

    pub(super) fn sender(&self) -> &FileSender {
        &self.sender
    }

    pub(super) fn counters(&self) -> &Arc<CollectCounters> {
        self.sender.counters()
    }

    /// Has a message of the collector's own sent.
    pub(super) fn message(&mut self, text: String) {
        self.messages.push(text);
    }

    /// Has the positions of an entry sent, though there is no line of it.
    pub(super) fn position_changed(&mut self, entry: EntryId) {
        self.changed.push(entry);
    }

    /// Has a position forgotten.
    pub(super) fn forget(&mut self, key: Arc<str>) {
        self.forgotten.push(key);
    }

    /// The entries whose positions are to be sent.
    pub(super) fn take_changed(&mut self) -> Vec<EntryId> {
        std::mem::take(&mut self.changed)
    }

    /// Sends where the files of an entry stand.
    pub(super) fn send_position(&self, entry: &Entry, value: String) -> Result<(), Disconnected> {
        let mut batch = LogBatch::new(Arc::clone(&entry.source), now());
        batch.position = Some(SourcePosition { key: Arc::clone(&entry.key), value });
        self.sender.send(batch)
    }

    /// Sends that a pattern is followed.
    pub(super) fn send_pattern(&self, pattern: &str) -> Result<(), Disconnected> {
        self.send_own(pattern_key(pattern).into(), "1".to_owned())
    }

    /// Sends what waits, except for [changed positions](Self::take_changed).
    pub(super) fn send_waiting(&mut self) -> Result<(), Disconnected> {
        for key in std::mem::take(&mut self.forgotten) {
            self.send_own(key, String::new())?;
        }
        if self.messages.is_empty() {
            return Ok(());
        }
        let mut batch = LogBatch::new(collector_source(), now());
        for message in std::mem::take(&mut self.messages) {
            batch.push(message.as_bytes());
        }
        self.sender.send(batch)
    }

    fn send_own(&self, key: Arc<str>, value: String) -> Result<(), Disconnected> {
        let mut batch = LogBatch::new(collector_source(), now());
        batch.position = Some(SourcePosition { key, value });
        self.sender.send(batch)
    }
}

/// The source of the collector's own messages; OSSEC's name for it.
fn collector_source() -> Arc<LogSource> {
    static SOURCE: LazyLock<Arc<LogSource>> =
        LazyLock::new(|| Arc::new(LogSource { location: "ossec-logcollector".to_owned(), channel: Channel::Log }));
    Arc::clone(&SOURCE)
}
