//! `multi-line:N`: every N lines are an event.

use std::time::Duration;

use super::assembler::{Assemble, Emit, Held};
use super::growing::Growing;

/// Joins N lines with a blank.
#[derive(Debug)]
pub(super) struct Counted {
    count: usize,
    event: Growing,
}

impl Counted {
    pub(super) fn new(count: u32) -> Self {
        Self { count: usize::try_from(count).unwrap_or(usize::MAX), event: Growing::default() }
    }
}

impl Assemble for Counted {
    fn line(&mut self, line: &[u8], emit: Emit<'_>) -> Held {
        let first = self.event.is_empty();
        self.event.add(line);
        if self.event.lines >= self.count {
            self.event.finish(emit);
            Held::Nothing
        } else if first {
            Held::FromThisLine
        } else {
            Held::FromEarlier
        }
    }

    fn flush(&mut self, emit: Emit<'_>) {
        self.event.finish(emit);
    }

    fn is_holding(&self) -> bool {
        !self.event.is_empty()
    }

    fn flush_after(&self) -> Option<Duration> {
        // Emitting fewer lines would put all later ones into wrong groups.
        None
    }
}
