//! Gathers the events of one file into batches that carry the file's position.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use hids_core::fim::TextStyle;
use hids_core::model::{Channel, FileNotice, FimEvent, LogBatch, LogSource, SetAside, SourcePosition, Timestamp};

use super::entry::Entry;
use super::position::{FileIdentity, FilePosition, render_positions};
use crate::collect::batch_sender::Disconnected;
use crate::collect::once::FileSender;
use crate::collect::options::PieceAt;
use crate::collect::report::{CollectCounters, SourceStats};
use crate::platform::clock::now;
use crate::sys::crash;

/// Most events in one batch.
const MAX_EVENTS: usize = 1000;
/// A batch that holds this many bytes is sent.
const MAX_BYTES: usize = 256 * 1024;

/// Batches of one file.
pub(super) struct Batcher<'a> {
    entry: &'a Entry,
    sender: &'a FileSender,
    around: PositionsAround,
    received: Timestamp,
    /// Files made before that have been noticed.
    noticed_at: Timestamp,
    batch: LogBatch,
}

/// Positions of the other files of the same path: each batch carries them all.
#[derive(Debug, Default)]
pub(super) struct PositionsAround {
    /// Of older files, oldest first.
    pub older: Vec<FilePosition>,
    /// Of newer ones.
    pub newer: Vec<FilePosition>,
}

impl<'a> Batcher<'a> {
    pub(super) fn new(
        entry: &'a Entry,
        sender: &'a FileSender,
        around: PositionsAround,
        noticed_at: Timestamp,
    ) -> Self {
        let received = now();
        let batch = LogBatch::new(Arc::clone(&entry.source), received);
        Self { entry, sender, around, received, noticed_at, batch }
    }

    pub(super) fn stats(&self) -> &SourceStats {
        &self.entry.stats
    }

    pub(super) fn counters(&self) -> &CollectCounters {
        self.sender.counters()
    }

    /// Adds an event; an empty line is none.
    pub(super) fn push(&mut self, event: &[u8]) {
        if !event.is_empty() {
            self.batch.push(event);
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.batch.len() >= crash::most_at_once(MAX_EVENTS) || self.batch.bytes.len() >= MAX_BYTES
    }

    /// The place of the file `identity`, as it is recorded when reading it ends the program.
    pub(super) fn place(&self, identity: FileIdentity) -> String {
        format!("{} {}:{}", self.entry.key, identity.dev, identity.inode)
    }

    /// Whether the line at `offset` of the file at `place` ended the program when it was read.
    pub(super) fn left_out(&self, place: &str, offset: u64) -> Option<PieceAt> {
        self.sender.left_out().iter().find(|piece| piece.offset == offset && piece.place == place).cloned()
    }

    /// Reports that a line was left out, together with the position after it.
    pub(super) fn send_left_out(
        &mut self,
        piece: &PieceAt,
        line: &[u8],
        position: &FilePosition,
    ) -> Result<(), Disconnected> {
        let news = FimEvent::SetAside(Box::new(SetAside {
            location: self.entry.source.location.clone(),
            position: format!("{} offset {}", piece.place, piece.offset),
            part: "collector".to_owned(),
            cause: piece.cause.clone(),
            line: line.to_vec(),
        }));
        let source = Arc::new(LogSource { location: "hidsd".to_owned(), channel: Channel::Syscheck });
        let text = hids_core::fim::text(&news, TextStyle::default());
        let notice = FileNotice { sequence: 0, time: self.received, alerted: true, news };
        let mut batch = LogBatch::new(source, self.received);
        batch.push_notice(&text, Arc::new(notice));
        std::mem::swap(&mut self.batch, &mut batch);
        self.send(Some(position))
    }

    /// Sends what was gathered, with the position after it.
    pub(super) fn send(&mut self, position: Option<&FilePosition>) -> Result<(), Disconnected> {
        let fresh = LogBatch::new(Arc::clone(&self.entry.source), self.received);
        let mut batch = std::mem::replace(&mut self.batch, fresh);
        if let Some(position) = position {
            self.entry.stats.offset.store(position.offset, Ordering::Relaxed);
            let all = self.around.older.iter().chain(std::iter::once(position)).chain(&self.around.newer);
            batch.position = Some(SourcePosition {
                key: Arc::clone(&self.entry.key),
                value: render_positions(all, self.noticed_at),
            });
        } else if batch.is_empty() {
            return Ok(());
        }
        let (events, bytes) = (batch.len(), batch.bytes.len());
        self.sender.send(batch)?;
        self.entry.stats.count(events, bytes, self.received);
        Ok(())
    }
}
