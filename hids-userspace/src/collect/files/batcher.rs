//! Gathers the events of one file into batches that carry the file's position.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use hids_core::model::{LogBatch, LogSource, SourcePosition, Timestamp};

use super::position::{FilePosition, render_positions};
use crate::collect::outlet::{Closed, Outlet, now};
use crate::collect::report::{CollectCounters, SourceStats};

/// Most events in one batch.
const MAX_EVENTS: usize = 1000;
/// A batch that holds this many bytes is handed on.
const MAX_BYTES: usize = 256 * 1024;

/// Batches of one file.
pub(super) struct Batcher<'a> {
    pub source: &'a Arc<LogSource>,
    pub key: &'a Arc<str>,
    pub stats: &'a SourceStats,
    pub outlet: &'a Outlet,
    /// Positions of older and of newer files of the same path.
    pub older: Vec<FilePosition>,
    pub newer: Vec<FilePosition>,
    pub received: Timestamp,
    /// Files made before that have been noticed.
    pub noticed_at: Timestamp,
    pub batch: LogBatch,
}

impl<'a> Batcher<'a> {
    pub fn new(
        source: &'a Arc<LogSource>,
        key: &'a Arc<str>,
        stats: &'a SourceStats,
        outlet: &'a Outlet,
        noticed_at: Timestamp,
    ) -> Self {
        let received = now();
        let batch = LogBatch::new(Arc::clone(source), received);
        Self { source, key, stats, outlet, older: Vec::new(), newer: Vec::new(), received, noticed_at, batch }
    }

    pub fn stats(&self) -> &SourceStats {
        self.stats
    }

    pub fn counters(&self) -> &CollectCounters {
        self.outlet.counters()
    }

    /// Adds an event; an empty line is none.
    pub fn push(&mut self, event: &[u8]) {
        if !event.is_empty() {
            self.batch.push(event);
        }
    }

    pub fn is_full(&self) -> bool {
        self.batch.len() >= MAX_EVENTS || self.batch.bytes.len() >= MAX_BYTES
    }

    /// Hands on what was gathered, with the position after it.
    pub fn hand_on(&mut self, position: Option<&FilePosition>) -> Result<(), Closed> {
        let fresh = LogBatch::new(Arc::clone(self.source), self.received);
        let mut batch = std::mem::replace(&mut self.batch, fresh);
        if let Some(position) = position {
            self.stats.offset.store(position.offset, Ordering::Relaxed);
            let all = self.older.iter().chain(std::iter::once(position)).chain(&self.newer);
            batch.position =
                Some(SourcePosition { key: Arc::clone(self.key), value: render_positions(all, self.noticed_at) });
        } else if batch.is_empty() {
            return Ok(());
        }
        let (events, bytes) = (batch.len(), batch.bytes.len());
        self.outlet.hand_on(batch)?;
        self.stats.count(events, bytes, self.received);
        Ok(())
    }
}
