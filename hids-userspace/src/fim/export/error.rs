//! Errors of exports.

use std::io;
use std::path::PathBuf;

use super::public_key::PublicKey;
use crate::fim::StoreError;

/// A failed export, or one that is not what it claims to be.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A file cannot be opened or made.
    #[error("cannot open {}", path.display())]
    Open {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The export cannot be written.
    #[error("cannot write the export")]
    Write(#[source] io::Error),
    /// The export cannot be read.
    #[error("cannot read the export")]
    Read(#[source] io::Error),
    /// The baseline cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key file is there and is no private key of 32 bytes.
    #[error("{} is not a signing key: it must have 32 bytes and be accessible only by its owner", path.display())]
    Key {
        /// Which.
        path: PathBuf,
    },
    /// Something else than an export, or of a later version.
    #[error("this is not an export of a baseline")]
    NotAnExport,
    /// It ends too early.
    #[error("the export is truncated after {entries} entries")]
    CutShort {
        /// Whole ones before the end.
        entries: u64,
    },
    /// What it holds is not what was signed.
    #[error("the export was altered: {what}")]
    Altered {
        /// What does not fit.
        what: &'static str,
    },
    /// Signed with another key than the one that is trusted.
    #[error("the export is signed with {found}, not with {wanted}")]
    OtherKey {
        /// The key that it names.
        found: PublicKey,
        /// The key that is trusted.
        wanted: PublicKey,
    },
}
