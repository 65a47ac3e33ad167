//! Keeps a second daemon away from the same state.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, flock};

/// Held as long as the daemon runs; the kernel lets go of it even after `kill -9`.
#[derive(Debug)]
pub(crate) struct StateLock {
    _file: File,
}

/// Why the state cannot be owned.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LockError {
    /// Another daemon owns it.
    #[error("another hidsd is using {}; stop it first, or use --root for a second instance", path.display())]
    Taken {
        /// The lock file.
        path: PathBuf,
    },
    /// The lock file cannot be made.
    #[error("cannot lock {}", path.display())]
    Open {
        /// The lock file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl StateLock {
    /// Takes the lock in the state directory and leaves the process id in it.
    pub(super) fn take(state: &Path) -> Result<Self, LockError> {
        let path = state.join("hidsd.lock");
        // The file is emptied below: a link must not lead to another one.
        let flags = OFlags::NOFOLLOW.bits().cast_signed();
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true).mode(0o640).custom_flags(flags);
        let mut file = options.open(&path).map_err(|source| LockError::Open { path: path.clone(), source })?;
        flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|error| match error {
            rustix::io::Errno::WOULDBLOCK => LockError::Taken { path: path.clone() },
            _ => LockError::Open { path: path.clone(), source: error.into() },
        })?;
        // Only a help for people (`cat hidsd.lock`): the lock itself is what counts.
        let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Self { _file: file })
    }
}
