//! Paths that came and went while a scan ran.
//!
//! A scan tells what it saw a moment ago. When a known path was looked at since, its entry is another one
//! and shows it. A path that is not in the baseline leaves no trace there when a look finds it gone; it
//! leaves one here.

use std::collections::HashSet;

/// Most paths that are remembered; beyond that every new path of a scan is looked at again.
const MOST: usize = 50_000;

/// The paths.
#[derive(Debug, Default)]
pub(super) struct DeletedDuringScan {
    paths: HashSet<Vec<u8>>,
    is_full: bool,
}

impl DeletedDuringScan {
    /// A look found nothing at `path`, of which nothing was known.
    pub(super) fn note(&mut self, path: &[u8]) {
        if self.paths.len() >= MOST {
            self.is_full = true;
        } else {
            self.paths.insert(path.to_vec());
        }
    }

    /// Whether what a scan saw at `path` may be older than a look.
    pub(super) fn may_hold(&self, path: &[u8]) -> bool {
        self.is_full || self.paths.contains(path)
    }

    /// No scan runs any more.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
