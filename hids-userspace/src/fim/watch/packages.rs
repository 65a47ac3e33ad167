//! Which changed files are as a package of the system has them, for `hidsctl fim accept --packages`.

use std::collections::BTreeSet;
use std::path::Path;

use hids_core::model::{FileNews, Timestamp};

use crate::fim::Entry;
use crate::fim::packages::Packages;
use crate::fim::store::{StoreError, StoreView};

/// What has been recognised so far.
#[derive(Debug)]
pub(super) struct Recognised {
    /// Nothing = everything is taken.
    databases: Option<Packages>,
    names: BTreeSet<String>,
}

impl Recognised {
    /// Takes everything, or only what packages have.
    pub(super) fn new(only_packages: bool) -> Self {
        Self { databases: only_packages.then(|| Packages::open(Path::new("/"))), names: BTreeSet::new() }
    }

    /// Whether a changed file may be taken over: its content must be the one of a package, and nothing
    /// else of it may have changed since it was accepted last.
    pub(super) fn takes(&mut self, view: &StoreView, path: &[u8], entry: &Entry) -> Result<bool, StoreError> {
        let Some(databases) = &self.databases else { return Ok(true) };
        let Some(state) = &entry.state else { return Ok(false) };
        let Some(accepted) = accepted(view, path, entry)? else { return Ok(false) };
        let Some(found) = databases.explains(path, Some(&accepted), state, |_| None) else { return Ok(false) };
        self.names.insert(format!("{} {}", found.package, found.version));
        Ok(true)
    }

    /// Names and versions.
    pub(super) fn packages(&self) -> Vec<String> {
        self.names.iter().cloned().collect()
    }
}

/// The entry before the first change that nobody has accepted; nothing when the history is too short.
fn accepted(view: &StoreView, path: &[u8], entry: &Entry) -> Result<Option<Entry>, StoreError> {
    let history = view.history(path, entry.changes as usize)?;
    let first = history.into_iter().last().and_then(|notice| match notice.news {
        FileNews::Change(change) => change.old,
        _ => None,
    });
    Ok(first.map(|state| Entry { state: Some(*state), changes: 0, read: Timestamp::default() }))
}
