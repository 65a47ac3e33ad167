//! Where a scan stands, for the next start.

use hids_core::model::Timestamp;
use serde::{Deserialize, Serialize};

/// How a scan is identified and where it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanProgress {
    /// When it was begun.
    pub started: Timestamp,
    /// What it goes through.
    pub subtrees: Vec<Vec<u8>>,
    /// Whether contents are read although nothing else differs.
    pub reads_content: bool,
    /// Parts that are complete, in the scan's own order and words.
    pub done: Vec<Vec<u8>>,
    /// Files looked at so far.
    pub files: u64,
    /// Bytes read so far.
    pub bytes: u64,
}
