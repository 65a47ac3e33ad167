//! The trees with a complete baseline, and what was asked for when it was made.

use std::collections::BTreeMap;

use hids_core::fim::Watch;
use serde::{Deserialize, Serialize};

use crate::fim::store::{StoreError, StoreView, WriteTxn};

/// Their name in the store.
const ROOTS: &str = "baselined roots";

/// Roots with a whole baseline, and what was asked for when it was made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::fim::monitor) struct Roots(BTreeMap<Vec<u8>, Asked>);

/// What of a `<directories>` decides about its baseline, as sums that only have to differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Asked {
    checks: u64,
    extent: u64,
}

impl Asked {
    fn of(watch: &Watch) -> Self {
        Self { checks: sum(&watch.checks), extent: sum(&(&watch.restrict, watch.no_recurse, watch.recursion_level)) }
    }
}

fn sum(value: &impl std::fmt::Debug) -> u64 {
    let hash = blake3::hash(format!("{value:?}").as_bytes());
    hash.as_bytes().iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

impl Roots {
    /// As the store has it; empty when it has none or one that cannot be read: everything is scanned again then.
    pub(super) fn load(view: &StoreView) -> Result<Self, StoreError> {
        Ok(view.metadata(ROOTS)?.and_then(|bytes| postcard::from_bytes(&bytes).ok()).unwrap_or_default())
    }

    /// Roots with at least one entry in the baseline.
    pub(in crate::fim::monitor) fn known(view: &StoreView) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut known = Vec::new();
        for root in Self::load(view)?.0.into_keys() {
            if view.subtree(&root)?.next().transpose()?.is_some() {
                known.push(root);
            }
        }
        Ok(known)
    }

    /// Saves it.
    pub(super) fn save(&self, txn: &mut WriteTxn<'_>) -> Result<(), StoreError> {
        // A map of byte strings can always be encoded into memory.
        txn.set_metadata(ROOTS, &postcard::to_stdvec(self).unwrap_or_default())
    }

    /// Whether the tree at `root` has a baseline.
    pub(super) fn contains(&self, root: &[u8]) -> bool {
        self.0.contains_key(root)
    }

    /// Adds a root.
    pub(super) fn insert(&mut self, watch: &Watch) {
        self.0.insert(watch.root.clone(), Asked::of(watch));
    }

    /// Removes all roots.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Removes what is watched in another way now, or no longer; the roots that are no longer watched.
    ///
    /// Where more is asked for now, what was not asked for before is no change.
    pub(super) fn follow(&mut self, watches: &[Watch]) -> Vec<Vec<u8>> {
        let mut gone = Vec::new();
        self.0.retain(|root, asked| match watches.iter().find(|watch| watch.root == *root) {
            Some(watch) => *asked == Asked::of(watch),
            None => {
                gone.push(root.clone());
                false
            }
        });
        gone
    }
}

#[cfg(test)]
mod tests {
    use hids_core::fim::Checks;

    use super::*;

    #[test]
    fn a_tree_of_which_more_is_asked_begins_anew_and_one_that_is_gone_is_named() {
        let watch = |root: &str| Watch { root: root.into(), checks: Checks::all(true), ..Watch::default() };
        let mut roots = Roots::default();
        for root in ["/etc", "/bin", "/opt"] {
            roots.insert(&watch(root));
        }
        let now = [
            Watch { realtime: true, ..watch("/etc") },
            Watch { checks: Checks { blake3: true, ..Checks::all(true) }, ..watch("/bin") },
        ];
        assert_eq!(roots.follow(&now), [b"/opt".to_vec()]);
        assert!(roots.contains(b"/etc") && !roots.contains(b"/bin"));
    }
}
