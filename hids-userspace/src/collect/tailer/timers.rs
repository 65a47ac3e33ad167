//! What is to be done later.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use super::ids::FileId;

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// Send the event that this file's assembler holds.
    Flush(FileId),
    /// Check whether this rotated file can be closed.
    Retire(FileId),
}

/// Deadlines, the next one first. One that no longer applies is found out when it is due.
#[derive(Debug, Default)]
pub(super) struct Timers(BinaryHeap<Reverse<(Instant, Due)>>);

impl Timers {
    pub(super) fn set(&mut self, at: Instant, due: Due) {
        self.0.push(Reverse((at, due)));
    }

    /// What is due now, with the deadline that was set.
    pub(super) fn pop(&mut self, now: Instant) -> Option<(Instant, Due)> {
        if self.0.peek()?.0.0 > now {
            return None;
        }
        self.0.pop().map(|Reverse(due)| due)
    }

    /// How long nothing is due.
    pub(super) fn pause(&self, now: Instant) -> Option<Duration> {
        self.0.peek().map(|Reverse((at, _))| at.saturating_duration_since(now))
    }
}
