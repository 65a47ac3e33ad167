//! Which trees have been scanned to their end: in these an unknown file is a new one.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::fim::store::{StoreError, StoreView, Update};

/// The name of the fact in the store.
const FACT: &str = "baselined roots";

/// Roots with a whole baseline.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Roots(BTreeSet<Vec<u8>>);

impl Roots {
    /// As the store has it; nothing when it has none or an unreadable one (all is scanned anew then).
    pub(super) fn load(view: &StoreView) -> Result<Self, StoreError> {
        Ok(view.fact(FACT)?.and_then(|bytes| postcard::from_bytes(&bytes).ok()).unwrap_or_default())
    }

    /// Writes it.
    pub(super) fn save(&self, update: &mut Update<'_>) -> Result<(), StoreError> {
        // A set of byte strings can always be encoded into memory.
        update.set_fact(FACT, &postcard::to_stdvec(self).unwrap_or_default())
    }

    /// Whether `root` has been scanned to its end.
    pub(super) fn contains(&self, root: &[u8]) -> bool {
        self.0.contains(root)
    }

    /// Adds a root.
    pub(super) fn insert(&mut self, root: Vec<u8>) {
        self.0.insert(root);
    }

    /// Takes the roots out that `keep` refuses.
    pub(super) fn retain(&mut self, keep: impl Fn(&[u8]) -> bool) -> Vec<Vec<u8>> {
        let gone: Vec<Vec<u8>> = self.0.iter().filter(|root| !keep(root)).cloned().collect();
        for root in &gone {
            self.0.remove(root);
        }
        gone
    }
}
