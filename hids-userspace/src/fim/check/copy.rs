//! A copy of the daemon's store, to read it without touching it.
//!
//! Opening the store writes (its first commit is a part of it), and locks out a daemon that starts meanwhile. So the
//! three files are copied to a directory of their own, under a lock that a daemon waits for at most some seconds, and
//! the copy is opened. With a read-only root, and for an image, nothing else is possible anyway.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::fim::QueryError;
use crate::fim::examine::Tree;
use crate::fim::monitor::{BASELINE, KEY};
use crate::fim::queries;
use crate::fim::store::{Store, StoreError, StoreKey, StoreLimits};

/// The files of the store.
const FILES: [&str; 3] = [KEY, BASELINE, "fim.head"];

/// Largest store of an image that is copied: whoever made the image chose its size.
const MOST_BYTES: u64 = 4 << 30;

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CopyError {
    /// There is none to copy.
    #[error("there is no baseline in {state}")]
    None {
        /// The state directory.
        state: String,
    },
    /// A daemon that does not answer, or another check, uses it.
    #[error("the baseline in {state} is in use by another process")]
    InUse {
        /// The state directory.
        state: String,
    },
    /// It cannot be read, or not written elsewhere.
    #[error("cannot copy {file} of the baseline")]
    Copy {
        /// Which file.
        file: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Copies the store in `state` (a path inside `tree`, if there is one) to the directory `to`.
///
/// # Errors
/// When there is none, it is in use, or a file cannot be copied.
pub(crate) fn copy_store(state: &Path, tree: Option<&Tree>, to: &Path) -> Result<(), CopyError> {
    let shown = || hids_core::render::visible_string(state.as_os_str().as_encoded_bytes());
    let open = |name: &str| match tree {
        Some(tree) => tree.open_file(state.join(name).as_os_str().as_encoded_bytes()),
        None => fs::OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC | libc::O_NONBLOCK)
            .open(state.join(name)),
    };
    let database = match open(BASELINE) {
        Ok(database) => database,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(CopyError::None { state: shown() }),
        Err(source) => return Err(CopyError::Copy { file: BASELINE, source }),
    };
    // Of a running daemon it is held; of an image it may be, by a container.
    match flock(&database, FlockOperation::NonBlockingLockShared) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => return Err(CopyError::InUse { state: shown() }),
        Err(error) => return Err(CopyError::Copy { file: BASELINE, source: error.into() }),
    }
    for file in FILES {
        let failed = |source| CopyError::Copy { file, source };
        let source = if file == BASELINE { database.try_clone() } else { open(file) };
        match source {
            Ok(source) => copy(source, &to.join(file), tree.is_some()).map_err(failed)?,
            // Without it the store reports that it cannot be checked.
            Err(error) if error.kind() == io::ErrorKind::NotFound && file != KEY => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(())
}

fn copy(source: File, to: &Path, is_foreign: bool) -> io::Result<()> {
    let limit = if is_foreign { MOST_BYTES } else { u64::MAX };
    if source.metadata()?.len() > limit {
        return Err(Errno::FBIG.into());
    }
    let mut target = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    io::copy(&mut source.take(limit), &mut target)?;
    Ok(())
}

/// Writes what the copied store in `state` holds as accepted to `file`; the answer has the key that it is signed with.
///
/// # Errors
/// When the store is damaged or was modified, or the file cannot be written.
pub(crate) fn snapshot_of(state: &Path, file: &Path) -> Result<serde_json::Value, QueryError> {
    let key = state.join(KEY);
    if !key.exists() {
        return Err(StoreError::Key { path: key }.into());
    }
    let key = StoreKey::load_or_create(&key)?;
    let (store, damages) = Store::open_without_repair(&state.join(BASELINE), &key, StoreLimits::default())?;
    if let Some(damage) = damages.first() {
        return Err(QueryError::Damaged { what: damage.what.clone() });
    }
    queries::snapshot(&store.view(), file)
}
