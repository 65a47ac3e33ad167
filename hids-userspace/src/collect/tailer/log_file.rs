//! One log file: what the tailer knows of it besides its content.

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, Instant};

use super::batcher::Batcher;
use super::ids::EntryId;
use super::initial_offset::Content;
use super::kernel_watches::WatchId;
use super::line_reader::LineReader;
use super::position::{FileIdentity, FilePosition};
use crate::collect::batch_sender::Disconnected;
use crate::collect::format::Assembler;

/// A log file that is tailed.
#[derive(Debug)]
pub(super) struct LogFile {
    /// The path entry whose lines these are.
    pub entry: EntryId,
    pub identity: FileIdentity,
    pub is_fifo: bool,
    pub watch: Option<WatchId>,
    /// Since when it is no longer at its entry's path.
    pub rotated: Option<Instant>,
    /// Whether it is in the queue of files to read.
    pub queued: bool,
    /// Whether it has been read to its end since it was rotated: the file that came after it no
    /// longer waits for it.
    pub caught_up: bool,
    /// Whether everything was read that was in it at the last read.
    pub at_end: bool,
    /// When its content was last what had been read, in milliseconds since 1970; 0 if it has not been read.
    pub intact_at: i64,
    /// Whether it was read since the search for idle descriptors last passed by.
    pub used: bool,
    /// When what the assembler holds is to be sent, if no line comes before.
    pub flush_at: Option<Instant>,
    pub reader: LineReader,
}

impl LogFile {
    /// A file that is read from `position` on; `descriptor` may be missing.
    pub(super) fn new(
        entry: EntryId,
        descriptor: Option<File>,
        is_fifo: bool,
        position: FilePosition,
        assembler: Assembler,
    ) -> Self {
        Self {
            entry,
            identity: position.identity,
            is_fifo,
            watch: None,
            rotated: None,
            queued: false,
            caught_up: false,
            at_end: false,
            intact_at: 0,
            used: true,
            flush_at: None,
            reader: LineReader::new(descriptor, is_fifo, position, assembler),
        }
    }

    /// Whether it has an open descriptor.
    pub(super) fn is_open(&self) -> bool {
        self.reader.descriptor().is_some()
    }

    /// It is no longer at its entry's path.
    pub(super) fn set_rotated(&mut self, now: Instant) {
        self.rotated = Some(now);
        self.caught_up = false;
    }

    /// Treats it as quiet for long enough to be closed.
    pub(super) fn expire(&mut self, since: Instant) {
        self.rotated = Some(since);
        self.reader.last_growth = since;
    }

    /// How long it has been rotated and has not grown.
    pub(super) fn quiet_for(&self, now: Instant) -> Duration {
        let last = self.reader.last_growth;
        now.saturating_duration_since(self.rotated.map_or(last, |at| at.max(last)))
    }

    /// Whether no name leads to it any more, as far as is known: its disk space is held only as long as it is open.
    pub(super) fn is_deleted(&self) -> bool {
        self.reader.descriptor().is_none_or(|file| file.metadata().is_ok_and(|meta| meta.nlink() == 0))
    }

    /// Notes how the last read ended.
    pub(super) fn note_end(&mut self, at_end: bool) {
        self.at_end = at_end;
        self.caught_up = self.rotated.is_some() && (self.caught_up || at_end);
    }

    /// Notes whether everything was read of a file that is no longer at its path; returns whether that is new.
    pub(super) fn note_finished(&mut self) -> bool {
        let finished =
            self.rotated.is_some() && self.at_end && !self.reader.has_unfinished_line() && !self.reader.holds_lines();
        let is_new = finished && !self.reader.position.finished;
        self.reader.position.finished = finished;
        is_new
    }

    /// Goes on from `offset` because the content has changed; what was held has been sent.
    pub(super) fn restart_at(&mut self, offset: u64, content: Content) {
        self.at_end = false;
        self.used = true;
        self.reader.restart_at(offset, content);
    }

    /// Sends the event that the assembler holds, complete or not.
    pub(super) fn flush(&mut self, batcher: &mut Batcher<'_>) -> Result<(), Disconnected> {
        self.flush_at = None;
        self.reader.flush(batcher)
    }

    /// What survives a restart.
    pub(super) fn positions(&self) -> impl Iterator<Item = &FilePosition> {
        self.reader.positions()
    }
}
