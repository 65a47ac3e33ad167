//! What the baseline holds, as scans see it.

use hids_core::model::{FileState, Timestamp};
use serde::{Deserialize, Serialize};

use super::StoreError;

/// What the baseline holds of one path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The file as it was last seen; `None` = it was deleted, and is remembered so that its return
    /// is told as such.
    pub state: Option<FileState>,
    /// How many changes there were since it was first seen or accepted.
    pub changes: u32,
    /// When its content was last read.
    pub read: Timestamp,
}

/// A view of the baseline that many threads may ask. Answers of one view are of one moment or later.
pub trait Known: Send + Sync {
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
