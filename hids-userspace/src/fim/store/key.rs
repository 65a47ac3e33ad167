//! The secret that the MACs of the baseline are made with.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use super::StoreError;
use crate::platform::atomic_file;

const KEY_BYTES: usize = 32;

/// 32 random bytes. Never shown.
#[derive(Clone)]
pub(crate) struct StoreKey([u8; KEY_BYTES]);

impl std::fmt::Debug for StoreKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("StoreKey(..)")
    }
}

impl StoreKey {
    #[cfg(test)]
    /// From bytes, for tests and tools that keep the key elsewhere.
    pub(crate) const fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// Reads the key file; makes one (mode 0600) when there is none.
    ///
    /// # Errors
    /// When the file cannot be read or made, has another length, or others may read it.
    pub(crate) fn load_or_create(path: &Path) -> Result<Self, StoreError> {
        let open = |source| StoreError::Open { path: path.to_owned(), source };
        match OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC).open(path) {
            Ok(file) => Self::load(path, file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::create(path).map_err(open),
            Err(error) => Err(open(error)),
        }
    }

    fn load(path: &Path, mut file: File) -> Result<Self, StoreError> {
        let open = |source| StoreError::Open { path: path.to_owned(), source };
        let metadata = file.metadata().map_err(open)?;
        let mut bytes = [0; KEY_BYTES];
        let is_private = metadata.is_file() && metadata.mode() & 0o077 == 0;
        if !is_private || metadata.len() != bytes.len() as u64 {
            return Err(StoreError::Key { path: path.to_owned() });
        }
        file.read_exact(&mut bytes).map_err(open)?;
        Ok(Self(bytes))
    }

    /// Through a second name, so that a crash leaves no half key.
    fn create(path: &Path) -> io::Result<Self> {
        let mut bytes = [0; KEY_BYTES];
        fill_random(&mut bytes)?;
        atomic_file::replace(path, 0o600, &bytes)?;
        Ok(Self(bytes))
    }

    /// A key for one purpose.
    pub(super) fn derive(&self, purpose: &str) -> [u8; KEY_BYTES] {
        blake3::derive_key(purpose, &self.0)
    }
}

/// From the kernel.
pub(in crate::fim) fn fill_random(bytes: &mut [u8]) -> io::Result<()> {
    File::open("/dev/urandom")?.read_exact(bytes)
}
