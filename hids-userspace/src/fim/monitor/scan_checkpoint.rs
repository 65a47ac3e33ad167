//! How far a whole scan has come, for the next start: also after `kill -9`.
//!
//! The place is written in the order of commits, after everything that lies before it. A crash takes
//! commits back from the end only, so what is kept never promises more than what is in the baseline.

use std::sync::Arc;
use std::time::Instant;

use hids_core::model::Timestamp;
use serde::{Deserialize, Serialize};

use super::event_loop::Monitor;
use super::full_scan::save;
use super::scan_queue::{CHECKPOINT_EVERY, Cause, MOST_LEFT, RunningScan, Wanted};
use crate::fim::scan::{ResumePoint, ScanDepth};
use crate::fim::store::{Durability, WriteTxn};

/// The name of the fact in the store; empty when no scan is under way.
const CHECKPOINT: &str = "interrupted round";

/// A whole scan that did not come to its end.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Checkpoint {
    began: Timestamp,
    subtrees: Vec<Vec<u8>>,
    done: ResumePoint,
}

impl Monitor {
    /// Goes on with the scan that the last run did not end.
    pub(super) fn resume(&mut self) {
        let Some(interrupted) = self.load::<Checkpoint>(CHECKPOINT) else { return };
        // That one goes through everything anyway.
        if self.scans.has(Cause::First) {
            return;
        }
        let mut wanted = Wanted::new(self.scans.next_number(), Cause::Scheduled, interrupted.subtrees, ScanDepth::Full);
        wanted.resume = interrupted.done;
        wanted.expected = self.last_scan.map(|round| round.totals);
        self.scans.want(wanted);
    }

    /// Writes down how far the scan is, if it is a whole one and it is time to.
    pub(super) fn write_checkpoint(&mut self, running: &mut RunningScan) {
        let now = Instant::now();
        if running.wanted.cause != Cause::Scheduled || now < running.checkpoint_at {
            return;
        }
        running.checkpoint_at = now + CHECKPOINT_EVERY;
        // Too many to be known all: some may wait that are not noted.
        if running.left.len() > MOST_LEFT {
            return;
        }
        running.left.retain(|path| self.debouncer.has(path));
        // What a failed store has lost is scanned again from the beginning.
        if running.failures != self.failures || self.retry_store_at.is_some() {
            return;
        }
        let interrupted = Checkpoint {
            began: running.began,
            subtrees: running.wanted.subtrees.clone(),
            done: running.resume.without(&running.left),
        };
        let store = Arc::clone(&self.store);
        let kept = store.begin().and_then(|mut update| {
            save(&mut update, CHECKPOINT, &interrupted)?;
            update.commit(Durability::Deferred)
        });
        match kept {
            // Goes to the disk with the next entries, in some seconds at most.
            Ok(_) => self.unsynced += 1,
            Err(error) => self.store_failed(&error),
        }
    }

    /// No whole scan is under way any more.
    pub(super) fn clear_checkpoint(&mut self) {
        let store = Arc::clone(&self.store);
        let forgotten = store.begin().and_then(|mut update| {
            remove_checkpoint(&mut update)?;
            update.commit(Durability::Deferred)
        });
        match forgotten {
            Ok(_) => self.unsynced += 1,
            Err(error) => self.store_failed(&error),
        }
    }
}

/// The same as part of another update.
pub(super) fn remove_checkpoint(update: &mut WriteTxn<'_>) -> Result<(), crate::fim::StoreError> {
    update.set_metadata(CHECKPOINT, &[])
}
