//! Exports take turns: they share the key file, and perhaps the file that they write.

use std::fs::File;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use super::error::ExportError;

/// The right to make or read exports of one state directory; dropping it passes it on.
#[derive(Debug)]
pub(crate) struct Turn {
    /// Its lock is the turn, and ends with it.
    _directory: File,
}

impl Turn {
    /// Waits for the turn, among the threads and processes that use the state directory `state`.
    ///
    /// # Errors
    /// When the directory cannot be opened or locked.
    pub(crate) fn wait(state: &Path) -> Result<Self, ExportError> {
        let open = |source| ExportError::Open { path: state.to_owned(), source };
        let directory = File::open(state).map_err(open)?;
        flock(&directory, FlockOperation::LockExclusive).map_err(|errno| open(errno.into()))?;
        Ok(Self { _directory: directory })
    }
}
