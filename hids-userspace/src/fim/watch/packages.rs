//! Which changed files are as a package of the system has them.

use std::collections::BTreeSet;

use hids_core::model::FileState;

/// What has been recognised so far.
#[derive(Debug)]
pub(super) struct Recognised {
    wanted: bool,
    packages: BTreeSet<String>,
}

impl Recognised {
    /// Takes everything, or only what packages have.
    pub(super) fn new(only_packages: bool) -> Self {
        Self { wanted: only_packages, packages: BTreeSet::new() }
    }

    /// Whether a file may be taken over.
    pub(super) fn takes(&mut self, _path: &[u8], _state: Option<&FileState>) -> bool {
        !self.wanted
    }

    /// Names and versions.
    pub(super) fn packages(&self) -> Vec<String> {
        self.packages.iter().cloned().collect()
    }
}
