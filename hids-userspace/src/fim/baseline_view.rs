//! View of the baseline for scans.

use hids_core::model::{FileState, Timestamp};
use serde::{Deserialize, Serialize};

use super::StoreError;

/// What the baseline holds of one path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// The file as it was last seen; `None` = it was deleted, and is remembered so that its return
    /// is told as such.
    pub state: Option<FileState>,
    /// How many changes there were since it was first seen or accepted.
    pub changes: u32,
    /// When its content was last read.
    pub read: Timestamp,
    /// What has become of it that nobody has accepted.
    pub unaccepted: Option<Unaccepted>,
}

impl Entry {
    /// Whether an administrator, a summary of a package's update or the first scan has taken it as it is.
    pub(crate) fn is_accepted(&self) -> bool {
        // Entries that an older version wrote have nothing but the number.
        self.unaccepted.is_none() && self.changes == 0 && self.state.is_some()
    }
}

/// Changes of a path that nobody has accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unaccepted {
    /// The notice of the first of them: what it calls old is what was accepted.
    pub since: u64,
    /// When that was read which the last of them replaced; `None` = nothing was known of the path.
    pub replaced_read: Option<Timestamp>,
    /// Whether the first of them is that the path was new.
    pub is_new: bool,
}

/// A view of the baseline that many threads may ask. Answers of one view are of one moment or later.
pub(crate) trait BaselineView: Send + Sync {
    /// The entry of `path`.
    fn entry(&self, path: &[u8]) -> Result<Option<Entry>, StoreError>;

    /// Entries directly below `directory`, by name in ascending bytes, after the name `after`, at most
    /// `limit`. Deleted ones are among them.
    fn children(
        &self,
        directory: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Entry)>, StoreError>;
}
