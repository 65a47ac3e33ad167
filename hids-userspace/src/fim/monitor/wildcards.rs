//! Directories that appear under a wildcard of `<directories>`.
//!
//! A wildcard that is new to the configuration begins with a silent baseline, like any other entry. Once all that it
//! stood for has one, what fits it later is new: its baseline is empty, so that each file in it is reported.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::event_loop::Monitor;
use super::full_scan::save;
use super::roots::Roots;
use crate::fim::store::Durability;

/// The name of the fact in the store.
const WILDCARDS: &str = "baselined wildcards";

impl Monitor {
    /// Gives the roots that have appeared, from now on with an empty baseline. `before`: the roots that had one.
    pub(super) fn take_appeared(&mut self, before: &Roots) -> Vec<Vec<u8>> {
        let known = self.known_wildcards();
        let is_new = |wildcard: &Vec<u8>| known.contains(wildcard);
        let policy = Arc::clone(&self.policy);
        let mut roots = Vec::new();
        for watch in policy.watches().iter().filter(|watch| watch.wildcard.as_ref().is_some_and(is_new)) {
            if !before.contains(&watch.root) {
                self.baselined.insert(watch);
                roots.push(watch.root.clone());
            }
        }
        roots
    }

    /// Remembers the wildcards of which all that fits has a baseline.
    pub(super) fn note_wildcards(&mut self) {
        let begins = |wildcard: &Vec<u8>| {
            let of_it = self.policy.watches().iter().filter(|watch| watch.wildcard.as_ref() == Some(wildcard));
            of_it.into_iter().any(|watch| !self.baselined.contains(&watch.root))
        };
        let now: BTreeSet<Vec<u8>> = self.policy.wildcards().iter().filter(|one| !begins(one)).cloned().collect();
        if now == self.known_wildcards() {
            return;
        }
        let store = Arc::clone(&self.store);
        let saved = store.begin().and_then(|mut update| {
            save(&mut update, WILDCARDS, &now)?;
            update.commit(Durability::Synced)
        });
        if let Err(error) = saved {
            self.store_failed(&error);
        }
    }

    fn known_wildcards(&self) -> BTreeSet<Vec<u8>> {
        self.load(WILDCARDS).unwrap_or_default()
    }
}
