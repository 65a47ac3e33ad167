//! A line as read, and where it came from.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{FileNotice, Timestamp, UntrustedSender};

/// What kind of sensor an event comes from; decides which decoders see it.
///
/// OSSEC sends this as the first character of its queue message (`1`, `2`, `3`, `8`, `9`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Channel {
    /// A log file, journal or command output: decoded by the XML decoders.
    Log,
    /// Host information (`nmapg`): decoded by the built-in hostinfo decoder.
    HostInformation,
    /// File integrity: decoded by the built-in syscheck decoder.
    Syscheck,
    /// Rootkit and policy checks: decoded by the built-in rootcheck decoder.
    Rootcheck,
}

/// Where lines come from. Made once per file, command or journal, then shared.
#[derive(Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LogSource {
    /// What alerts show after `HOST->`: the path, the command's alias, the journal's name.
    pub location: String,
    /// Which decoders see its lines.
    pub channel: Channel,
}

/// How far a source has been read: everything before it has been handed on.
///
/// Kept over restarts by the record stage, together with how far the alert files had been
/// written, so that no line is lost or recorded twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourcePosition {
    /// Stable name of the source: the collector looks its own positions up by it.
    pub key: Arc<str>,
    /// What the collector needs to go on from there, in a form of its own (one line of text).
    pub value: String,
}

/// Some whole lines of one source, in the order in which they stand there.
///
/// One allocation for many lines: the engine borrows each line from `bytes`.
#[derive(Clone, Debug)]
pub struct LogBatch {
    /// Where the lines come from.
    pub source: Arc<LogSource>,
    /// When they were read.
    pub received: Timestamp,
    /// The lines, one after another, without their line ends. Any bytes, NUL included.
    pub bytes: Vec<u8>,
    /// Where each line ends in `bytes`.
    pub ends: Vec<u32>,
    /// Where the source stands after the last line; `None` when it cannot be resumed.
    pub position: Option<SourcePosition>,
    /// What the lines tell, one for each, when they come from file integrity; empty otherwise.
    pub notices: Vec<Arc<FileNotice>>,
    /// The lines whose sender is not confirmed, by their numbers in ascending order.
    pub untrusted: Vec<(u32, Arc<UntrustedSender>)>,
}

impl LogBatch {
    /// An empty batch of `source`.
    pub fn new(source: Arc<LogSource>, received: Timestamp) -> Self {
        Self {
            source,
            received,
            bytes: Vec::new(),
            ends: Vec::new(),
            position: None,
            notices: Vec::new(),
            untrusted: Vec::new(),
        }
    }

    /// Appends a line (without its line end).
    pub fn push(&mut self, line: &[u8]) {
        self.bytes.extend_from_slice(line);
        // A batch is cut long before 4 GiB (the collector's read buffer bounds it).
        self.ends.push(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX));
    }

    /// Appends a line whose sender is not confirmed.
    pub fn push_untrusted(&mut self, line: &[u8], sender: Arc<UntrustedSender>) {
        self.untrusted.push((u32::try_from(self.ends.len()).unwrap_or(u32::MAX), sender));
        self.push(line);
    }

    /// Why the sender of line number `index` is not trusted, if so.
    pub fn untrusted_sender(&self, index: usize) -> Option<&Arc<UntrustedSender>> {
        let index = u32::try_from(index).ok()?;
        let at = self.untrusted.binary_search_by_key(&index, |(line, _)| *line).ok()?;
        Some(&self.untrusted[at].1)
    }

    /// Appends what file integrity tells: its text (`hids_core::fim::text`, several lines) and the notice.
    pub fn push_notice(&mut self, text: &[u8], notice: Arc<FileNotice>) {
        self.push(text);
        self.notices.push(notice);
    }

    /// The events in order, borrowed from this batch.
    pub fn events(&self) -> impl Iterator<Item = EventRef<'_>> {
        let mut start = 0;
        self.ends.iter().enumerate().map(move |(index, &end)| {
            let line = &self.bytes[start..end as usize];
            start = end as usize;
            EventRef { source: &self.source, received: self.received, line, notice: self.notices.get(index) }
        })
    }

    /// Number of lines.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are no lines (a batch may still carry a position).
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

/// One line with its origin: what the engine analyses.
#[derive(Clone, Copy, Debug)]
pub struct EventRef<'a> {
    /// Where it comes from.
    pub source: &'a Arc<LogSource>,
    /// When it was read: OSSEC's rules use this time, never the time inside the line.
    pub received: Timestamp,
    /// The bytes of the line, hostile.
    pub line: &'a [u8],
    /// What the line tells, when it comes from file integrity.
    pub notice: Option<&'a Arc<FileNotice>>,
}
