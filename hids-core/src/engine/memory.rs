//! Rule state, kept separately for events with an unconfirmed sender.
//!
//! Whoever writes a line under the name of another program must neither help an alert that blocks somebody to fire
//! nor keep one from it: by starting the count of a real attacker anew, by opening the window of an `ignore`, by
//! making a combination known, by lending fields to an event that another program sends in parts. So events of
//! unconfirmed senders have a memory of their own, which is made when the first of them comes.

use std::sync::Arc;

use super::compiled::Compiled;
use super::dropped::LastLines;
use crate::decode::Accumulator;
use crate::model::UntrustedSender;
use crate::rules::{Losses, RuleState, SavedState};

/// One memory.
pub(super) struct Memory {
    pub rules: RuleState,
    pub accumulator: Accumulator,
    /// In the strict mode as the daemon.
    pub last_lines: LastLines,
}

/// Both.
pub(super) struct Memories {
    confirmed: Memory,
    untrusted: Option<Box<Memory>>,
}

impl Memory {
    fn new(compiled: &Compiled) -> Self {
        Self {
            rules: compiled.rules.new_state(),
            accumulator: Accumulator::default(),
            last_lines: LastLines::default(),
        }
    }

    fn losses(&self) -> Losses {
        let mut losses = self.rules.losses();
        losses.forgotten_combinations += self.accumulator.forgotten();
        losses
    }
}

impl Memories {
    pub(super) fn new(compiled: &Compiled) -> Self {
        Self { confirmed: Memory::new(compiled), untrusted: None }
    }

    /// The memory in which an event of that sender counts.
    pub(super) fn of(&mut self, sender: Option<&Arc<UntrustedSender>>, compiled: &Compiled) -> &mut Memory {
        match sender {
            None => &mut self.confirmed,
            Some(_) => self.untrusted(compiled),
        }
    }

    fn untrusted(&mut self, compiled: &Compiled) -> &mut Memory {
        self.untrusted.get_or_insert_with(|| Box::new(Memory::new(compiled)))
    }

    pub(super) fn losses(&self) -> Losses {
        let losses = self.confirmed.losses();
        self.untrusted.as_ref().map_or(losses, |memory| losses.plus(memory.losses()))
    }

    pub(super) fn save(&self) -> SavedState {
        let untrusted = self.untrusted.as_ref().map(|memory| Box::new(memory.rules.save()));
        SavedState { untrusted, ..self.confirmed.rules.save() }
    }

    pub(super) fn changes(&self) -> u64 {
        self.confirmed.rules.changes() + self.untrusted.as_ref().map_or(0, |memory| memory.rules.changes())
    }

    pub(super) fn restore(&mut self, saved: &SavedState, compiled: &Compiled) {
        self.confirmed.rules.restore(saved);
        if let Some(saved) = &saved.untrusted {
            self.untrusted(compiled).rules.restore(saved);
        }
    }
}
