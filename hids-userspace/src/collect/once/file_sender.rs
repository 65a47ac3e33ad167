//! Sends lines of files: those that the journal holds as well are left out.

use std::sync::Arc;

use hids_core::model::LogBatch;

use super::holding::Holding;
use crate::collect::batch_sender::{BatchSender, Disconnected};
use crate::collect::options::PieceAt;
use crate::collect::report::CollectCounters;

/// The [`BatchSender`] of the thread that reads files.
#[derive(Clone, Debug)]
pub(in crate::collect) struct FileSender {
    sender: BatchSender,
    holding: Holding,
}

impl FileSender {
    pub(in crate::collect) fn new(sender: BatchSender, holding: Holding) -> Self {
        Self { sender, holding }
    }

    /// Sends `batch`, waiting while the channel is full, or holds it until the journal has been read as far.
    pub(in crate::collect) fn send(&self, batch: LogBatch) -> Result<(), Disconnected> {
        self.holding.take(batch, &self.sender)?.map_or(Ok(()), |batch| self.sender.send(batch))
    }

    /// Whether the collector is being stopped.
    pub(in crate::collect) fn stopping(&self) -> bool {
        self.sender.stopping()
    }

    pub(in crate::collect) fn counters(&self) -> &Arc<CollectCounters> {
        self.sender.counters()
    }

    /// Lines that are not to be read.
    pub(in crate::collect) fn left_out(&self) -> &[PieceAt] {
        self.sender.left_out()
    }
}
