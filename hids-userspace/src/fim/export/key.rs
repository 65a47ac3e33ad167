//! The key that signs exports.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};

use super::CONTEXT;
use super::error::ExportError;
use super::public_key::PublicKey;
use super::turn::Turn;
use crate::fim::store::fill_random;
use crate::platform::atomic_file;

/// A private Ed25519 key. Never shown.
pub(crate) struct ExportKey(SigningKey);

impl fmt::Debug for ExportKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "ExportKey({})", self.public())
    }
}

impl ExportKey {
    /// From 32 random bytes.
    pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(bytes))
    }

    /// Reads the key file; `None` when there is none.
    ///
    /// # Errors
    /// When the file cannot be read, is no key, or others may read it.
    pub(crate) fn load(path: &Path) -> Result<Option<Self>, ExportError> {
        let open = |source| ExportError::Open { path: path.to_owned(), source };
        let opened = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC).open(path);
        let mut file = match opened {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(open(error)),
        };
        let metadata = file.metadata().map_err(open)?;
        let mut bytes = [0; 32];
        if !metadata.is_file() || metadata.mode() & 0o077 != 0 || metadata.len() != 32 {
            return Err(ExportError::Key { path: path.to_owned() });
        }
        file.read_exact(&mut bytes).map_err(open)?;
        Ok(Some(Self::from_bytes(&bytes)))
    }

    /// Reads the key file; makes one (mode 0600) when there is none: then, true. The turn keeps two callers from making
    /// one each, of which the second would replace the first after it has signed.
    ///
    /// # Errors
    /// As [`load`](Self::load), and when the file cannot be made.
    pub(crate) fn load_or_create(path: &Path, _turn: &Turn) -> Result<(Self, bool), ExportError> {
        if let Some(key) = Self::load(path)? {
            return Ok((key, false));
        }
        let made = Self::create(path).map_err(|source| ExportError::Open { path: path.to_owned(), source })?;
        Ok((made, true))
    }

    /// A key for one export, kept nowhere.
    ///
    /// # Errors
    /// When there are no random bytes.
    pub(crate) fn for_once() -> io::Result<Self> {
        let mut bytes = [0; 32];
        fill_random(&mut bytes)?;
        Ok(Self::from_bytes(&bytes))
    }

    fn create(path: &Path) -> io::Result<Self> {
        let mut bytes = [0; 32];
        fill_random(&mut bytes)?;
        atomic_file::replace(path, 0o600, &bytes)?;
        Ok(Self::from_bytes(&bytes))
    }

    /// The half that others check with.
    pub(crate) fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Over the sum of an export.
    pub(super) fn sign(&self, sum: &[u8; 32]) -> [u8; 64] {
        self.0.sign(&[CONTEXT, sum].concat()).to_bytes()
    }
}

impl PublicKey {
    /// Whether the signature is by this key, over this sum.
    pub(super) fn has_signed(&self, sum: &[u8; 32], signature: &[u8; 64]) -> bool {
        let signature = Signature::from_bytes(signature);
        VerifyingKey::from_bytes(&self.0)
            .is_ok_and(|key| key.verify_strict(&[CONTEXT, sum].concat(), &signature).is_ok())
    }
}
