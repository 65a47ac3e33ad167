//! A batch as it is written: what is joined and folded is decided already.

use std::collections::BTreeMap;
use std::sync::Arc;

use hids_core::join::{Held, Placement};
use hids_core::model::Alert;

use super::recorder::Processed;

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
    pub fn new(held: Held) -> Self {
        Self { alert: held.to_alert(), held }
    }
}

impl Batch {
    /// Each alert on its own.
    #[cfg(test)]
    pub fn plain(processed: Processed) -> Self {
        let places = vec![Placement::Now; processed.alerts.len()];
        Self { processed, places, ..Self::default() }
    }

    /// The alerts with their places.
    pub fn alerts(&self) -> impl Iterator<Item = (&Arc<Alert>, Placement)> {
        self.processed.alerts.iter().zip(self.places.iter().copied())
    }

    /// Whether anything goes into a file.
    pub fn has_output(&self) -> bool {
        let processed = &self.processed;
        !(self.summaries.is_empty()
            && processed.archived.is_empty()
            && processed.firewall.is_empty()
            && self.alerts().all(|(alert, place)| !alert.recorded || place == Placement::Folded))
    }
}
