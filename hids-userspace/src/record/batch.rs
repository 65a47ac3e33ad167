//! A batch to be written, after grouping and aggregation.

use std::collections::BTreeMap;
use std::sync::Arc;

use crossbeam_channel::Sender;
use hids_core::engine::SavedState;
use hids_core::join::{Held, Placement};
use hids_core::model::{Alert, SourcePosition};
use hids_core::render::{ArchivedEvent, FirewallEvent};

/// What a batch of lines led to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Processed {
    /// Alerts in order; only those with `recorded` are written, those with `mailed` are spooled.
    pub alerts: Vec<Arc<Alert>>,
    /// Events for the archives (only when `<logall>` or `<logall_json>` is on).
    pub archived: Vec<ArchivedEvent>,
    /// Events of firewall decoders.
    pub firewall: Vec<FirewallEvent>,
    /// Where the sources stand after it. An empty value makes the source forgotten.
    pub positions: Vec<SourcePosition>,
    /// Number of the next alert after it; 0 when it says nothing about it.
    pub next_sequence: u64,
    /// What rules remember after it, when that is to be saved.
    pub rule_state: Option<Box<SavedState>>,
    /// Go away when it is committed: whoever holds the other ends learns of it.
    pub until_committed: Vec<Sender<()>>,
}

impl Processed {
    /// How much there is to write.
    pub(crate) fn outputs(&self) -> usize {
        self.alerts.len() + self.archived.len() + self.firewall.len()
    }

    /// Appends a later batch.
    pub(crate) fn append(&mut self, mut later: Self) {
        self.alerts.append(&mut later.alerts);
        self.archived.append(&mut later.archived);
        self.firewall.append(&mut later.firewall);
        self.positions.append(&mut later.positions);
        self.next_sequence = self.next_sequence.max(later.next_sequence);
        self.rule_state = later.rule_state.or(self.rule_state.take());
        self.until_committed.append(&mut later.until_committed);
    }
}

/// What is written and committed together. Writing it may be tried again and again: nothing in it
/// changes by that.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub processed: Processed,
    /// Where each of its alerts goes.
    pub places: Vec<Placement>,
    /// Texts of causes and floods that are complete.
    pub summaries: Vec<Summary>,
    /// What is held back from now on, by its number, as it is kept in the journal.
    pub held: BTreeMap<u64, serde_json::Value>,
}

/// One text for several alerts.
#[derive(Debug)]
pub(super) struct Summary {
    pub alert: Alert,
    pub held: Held,
}

impl Summary {
    pub(super) fn new(held: Held) -> Self {
        Self { alert: held.to_alert(), held }
    }
}

impl Batch {
    /// Each alert on its own.
    #[cfg(test)]
    pub(super) fn plain(processed: Processed) -> Self {
        let places = vec![Placement::Now; processed.alerts.len()];
        Self { processed, places, ..Self::default() }
    }

    /// The alerts with their places.
    pub(super) fn alerts(&self) -> impl Iterator<Item = (&Arc<Alert>, Placement)> {
        self.processed.alerts.iter().zip(self.places.iter().copied())
    }

    /// Whether anything goes into a file.
    pub(super) fn has_output(&self) -> bool {
        let processed = &self.processed;
        !(self.summaries.is_empty()
            && processed.archived.is_empty()
            && processed.firewall.is_empty()
            && self.alerts().all(|(alert, place)| !alert.recorded || place == Placement::Folded))
    }
}
