//! Which watched trees have a baseline: in these an unknown file is a new one.
//!
//! A `<directories>` that is new, or of which more is asked than before, begins with a silent initial scan. A
//! wildcard does so as well; once all that it stood for has a baseline, what fits it later is new: its baseline
//! is empty, so that each file in it is reported.

use std::collections::{BTreeSet, HashSet};

use hids_core::fim::{PathKind, Policy, Watch};

use super::roots::Roots;
use crate::fim::monitor::baseline_writer::{BaselineWriter, save};
use crate::fim::paths::holds;
use crate::fim::store::{StoreError, StoreView, WriteTxn};
use crate::platform::clock;

/// The name of the wildcards in the store all of whose trees have a baseline.
const WILDCARDS: &str = "baselined wildcards";

/// Entries that are removed in one transaction.
const REMOVE_BATCH: usize = 10_000;

/// See the module.
#[derive(Debug, Default)]
pub(in crate::fim::monitor) struct Coverage {
    roots: Roots,
    /// Trees that a new configuration has added: they are marked while their initial scan runs.
    added: HashSet<Vec<u8>>,
}

impl Coverage {
    /// As the store has it.
    pub(super) fn load(view: &StoreView) -> Result<Self, StoreError> {
        Ok(Self { roots: Roots::load(view)?, added: HashSet::new() })
    }

    /// All watches of a policy have one.
    #[cfg(test)]
    pub(in crate::fim::monitor) fn of(policy: &Policy) -> Self {
        let mut coverage = Self::default();
        policy.watches().iter().for_each(|watch| coverage.insert(watch));
        coverage
    }

    /// Whether the tree at `root` has a baseline.
    pub(in crate::fim::monitor) fn holds(&self, root: &[u8]) -> bool {
        self.roots.contains(root)
    }

    /// Whether a tree that contains `subtree`, or lies in it, has a baseline.
    pub(super) fn overlaps(&self, subtree: &[u8], policy: &Policy) -> bool {
        let mut watches = policy.watches().iter().filter(|watch| self.holds(&watch.root));
        watches.any(|watch| holds(&watch.root, subtree) || holds(subtree, &watch.root))
    }

    /// Watched trees without a baseline.
    pub(super) fn missing(&self, policy: &Policy) -> Vec<Vec<u8>> {
        let roots = policy.watches().iter().map(|watch| &watch.root);
        roots.filter(|root| !self.holds(root)).cloned().collect()
    }

    /// The tree has a baseline now.
    pub(super) fn insert(&mut self, watch: &Watch) {
        self.roots.insert(watch);
    }

    /// No tree has a baseline any more.
    pub(super) fn clear(&mut self) {
        self.roots.clear();
    }

    /// Saves which trees have a baseline.
    pub(super) fn save(&self, txn: &mut WriteTxn<'_>) -> Result<(), StoreError> {
        self.roots.save(txn)
    }

    /// Saves that everything that `policy` watches has a baseline.
    pub(in crate::fim::monitor) fn save_whole(policy: &Policy, txn: &mut WriteTxn<'_>) -> Result<(), StoreError> {
        let mut coverage = Self::default();
        policy.watches().iter().for_each(|watch| coverage.insert(watch));
        coverage.save(txn)?;
        let wildcards: BTreeSet<Vec<u8>> = policy.wildcards().iter().cloned().collect();
        save(txn, WILDCARDS, &wildcards)
    }

    /// Notes trees that a new configuration has added.
    pub(super) fn add(&mut self, roots: &[Vec<u8>]) {
        self.added.extend(roots.iter().cloned());
    }

    /// Whether a new configuration has added the tree at `root`; true once.
    pub(super) fn take_added(&mut self, root: &[u8]) -> bool {
        self.added.remove(root)
    }

    /// Follows the configuration: removes the baseline of trees that are no longer watched, so that they begin
    /// anew should they come back. The roots that have appeared under a wildcard.
    pub(super) fn follow_policy(&mut self, policy: &Policy, writer: &mut BaselineWriter) -> Vec<Vec<u8>> {
        let before = self.roots.clone();
        let gone = self.roots.follow(policy.watches());
        let appeared = self.insert_appeared(&before, policy, writer);
        if before == self.roots {
            return appeared;
        }
        gone.iter().for_each(|root| remove_tree(root, policy, writer));
        writer.write_synced(|txn| self.roots.save(txn));
        appeared
    }

    /// Gives trees that have appeared under a known wildcard an empty baseline.
    fn insert_appeared(&mut self, before: &Roots, policy: &Policy, writer: &BaselineWriter) -> Vec<Vec<u8>> {
        let known: BTreeSet<Vec<u8>> = load_wildcards(writer);
        let is_known = |wildcard: &Vec<u8>| known.contains(wildcard);
        let mut appeared = Vec::new();
        for watch in policy.watches().iter().filter(|watch| watch.wildcard.as_ref().is_some_and(is_known)) {
            if !before.contains(&watch.root) {
                self.roots.insert(watch);
                appeared.push(watch.root.clone());
            }
        }
        appeared
    }

    /// Saves the wildcards all of whose trees have a baseline.
    pub(super) fn save_wildcards(&self, policy: &Policy, writer: &mut BaselineWriter) {
        let is_complete = |wildcard: &&Vec<u8>| {
            let mut trees = policy.watches().iter().filter(|watch| watch.wildcard.as_ref() == Some(*wildcard));
            trees.all(|watch| self.holds(&watch.root))
        };
        let complete: BTreeSet<Vec<u8>> = policy.wildcards().iter().filter(is_complete).cloned().collect();
        if complete != load_wildcards(writer) {
            writer.write_synced(|txn| save(txn, WILDCARDS, &complete));
        }
    }
}

fn load_wildcards(writer: &BaselineWriter) -> BTreeSet<Vec<u8>> {
    writer.load(WILDCARDS).unwrap_or_default()
}

/// Removes the baseline below a root that is no longer watched, except for what other roots contain.
fn remove_tree(root: &[u8], policy: &Policy, writer: &mut BaselineWriter) {
    let began = clock::now();
    while let Some(removed) = remove_some(root, policy, writer) {
        if removed == 0 {
            tracing::info!(
                tree = %hids_core::render::visible_string(root),
                milliseconds = clock::now().since(began).as_millis() as u64,
                "directory tree no longer watched; its baseline was removed"
            );
            return;
        }
    }
}

/// How many entries were removed; `None` after a failure.
fn remove_some(root: &[u8], policy: &Policy, writer: &mut BaselineWriter) -> Option<usize> {
    let is_watched = |path: &[u8]| {
        [PathKind::Directory, PathKind::Other].into_iter().any(|kind| policy.watch_of(path, kind).is_some())
    };
    let paths = writer.view().subtree(root).and_then(|entries| {
        let unwatched = entries.filter(|entry| entry.as_ref().map_or(true, |(path, _)| !is_watched(path)));
        unwatched.take(REMOVE_BATCH).map(|entry| Ok(entry?.0)).collect::<Result<Vec<_>, StoreError>>()
    });
    let paths = writer.checked(paths)?;
    if !paths.is_empty() {
        writer.write_synced(|txn| {
            for path in &paths {
                txn.remove(path)?;
                txn.remove_text(path)?;
            }
            Ok(())
        })?;
    }
    Some(paths.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fim::monitor::testing::{Baseline, file, policy, watch};

    fn below_wildcard(root: &str) -> Watch {
        Watch { wildcard: Some(b"/home/*".to_vec()), ..watch(root) }
    }

    fn with_wildcard(roots: &[&str]) -> std::sync::Arc<Policy> {
        let watches = roots.iter().map(|root| below_wildcard(root)).collect();
        let wildcards = vec![b"/home/*".to_vec()];
        std::sync::Arc::new(Policy::compile(hids_core::fim::PolicyDef {
            watches,
            wildcards,
            ..hids_core::fim::PolicyDef::default()
        }))
    }

    #[test]
    fn a_tree_is_missing_until_it_has_been_scanned_and_again_when_it_was_not_watched_meanwhile() {
        let mut baseline = Baseline::new();
        let both = policy(vec![watch("/etc"), watch("/opt")]);
        let mut coverage = Coverage::default();
        assert_eq!(coverage.missing(&both), [b"/etc".to_vec(), b"/opt".to_vec()]);
        both.watches().iter().for_each(|watch| coverage.insert(watch));
        assert_eq!(coverage.missing(&both), Vec::<Vec<u8>>::new());
        assert!(coverage.overlaps(b"/etc/ssh", &both) && coverage.overlaps(b"/", &both));
        assert!(!coverage.overlaps(b"/usr", &both));
        coverage.follow_policy(&policy(vec![watch("/etc")]), &mut baseline.writer);
        assert_eq!(coverage.missing(&both), [b"/opt".to_vec()]);
        let saved = Coverage::load(baseline.writer.view()).expect("readable");
        assert_eq!(saved.missing(&both), [b"/opt".to_vec()]);
    }

    #[test]
    fn the_baseline_of_a_tree_that_is_no_longer_watched_is_removed_except_below_other_roots() {
        let mut baseline = Baseline::new();
        baseline.put(&[("/srv/a", file(1)), ("/srv/www/b", file(2)), ("/etc/c", file(3))]);
        let mut coverage = Coverage::of(&policy(vec![watch("/srv"), watch("/srv/www"), watch("/etc")]));
        coverage.follow_policy(&policy(vec![watch("/srv/www"), watch("/etc")]), &mut baseline.writer);
        assert_eq!(baseline.paths(), ["/etc/c", "/srv/www/b"]);
    }

    #[test]
    fn what_appears_under_a_wildcard_is_new_once_the_wildcard_has_a_baseline() {
        let mut baseline = Baseline::new();
        let (one, two) = (with_wildcard(&["/home/a"]), with_wildcard(&["/home/a", "/home/b"]));
        let mut coverage = Coverage::default();
        assert_eq!(coverage.follow_policy(&one, &mut baseline.writer), Vec::<Vec<u8>>::new());
        coverage.save_wildcards(&one, &mut baseline.writer);
        assert_eq!(coverage.follow_policy(&two, &mut baseline.writer), Vec::<Vec<u8>>::new(), "no baseline yet");
        one.watches().iter().for_each(|watch| coverage.insert(watch));
        coverage.save_wildcards(&one, &mut baseline.writer);
        assert_eq!(coverage.follow_policy(&two, &mut baseline.writer), [b"/home/b".to_vec()]);
        assert!(coverage.holds(b"/home/b"));
    }
}
