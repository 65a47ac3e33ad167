//! What is known of the names of files on one filesystem.

use std::collections::HashMap;
use std::sync::Arc;

use hids_core::model::{Operations, Who};

use super::file_handle::Handle;
use super::two_generation_cache::TwoGenerationCache;

/// Files remembered to have one name.
const MOST_SINGLE: usize = 32_768;

/// Files remembered with their watched names.
const MOST_NAMED: usize = 8192;

/// The names of files.
#[derive(Debug)]
pub(super) struct LinkNames {
    /// Files with one name.
    pub(super) single: TwoGenerationCache<Handle, ()>,
    /// The watched names of files with several.
    pub(super) named: TwoGenerationCache<Handle, Arc<[Vec<u8>]>>,
    /// Files whose names are to be found.
    pub(super) wanted: HashMap<Handle, WantedNames>,
}

/// A file whose names are to be found, and what was done to it.
#[derive(Clone, Debug)]
pub(super) struct WantedNames {
    pub(super) inode: u64,
    pub(super) change: Change,
}

/// What was done to a file, by whom.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) operations: Operations,
    pub(super) pid: u32,
    pub(super) who: Option<Arc<Who>>,
}

impl LinkNames {
    pub(super) fn new() -> Self {
        Self {
            single: TwoGenerationCache::new(MOST_SINGLE),
            named: TwoGenerationCache::new(MOST_NAMED),
            wanted: HashMap::new(),
        }
    }

    /// Whether names of files are still to be found.
    pub(super) fn is_searching(&self) -> bool {
        !self.wanted.is_empty()
    }

    /// The names of a file may have changed.
    pub(super) fn forget(&mut self, object: &[u8]) {
        self.single.remove(object);
        self.named.remove(object);
    }

    /// The names of many files may have changed.
    pub(super) fn forget_names(&mut self) {
        self.named.clear();
    }
}
