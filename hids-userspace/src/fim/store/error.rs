//! Errors of the baseline store.

use std::io;
use std::path::PathBuf;

/// A failed operation on the baseline.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file, or one beside it, cannot be opened or made.
    #[error("cannot open the baseline {}", path.display())]
    Open {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The key file is there and is no key, so that nothing could be checked with it.
    #[error("{} is not a baseline key: it must have 32 bytes and be accessible only by its owner", path.display())]
    Key {
        /// Where.
        path: PathBuf,
    },
    /// Another process has the baseline open.
    #[error("the baseline {} is in use by another process", path.display())]
    InUse {
        /// Where.
        path: PathBuf,
    },
    /// The operating system refused a read.
    #[error("cannot read the baseline")]
    Read(#[source] Box<redb::Error>),
    /// The operating system refused a write: most often a full disk. What the transaction held is
    /// not in the baseline; the same may be tried again.
    #[error("cannot write the baseline")]
    Write(#[source] Box<redb::Error>),
    /// What was read is not what was written.
    #[error("the baseline is damaged: {what}")]
    Damaged {
        /// What is wrong.
        what: String,
    },
    /// A later version has written it; it is left as it is.
    #[error("the baseline {} was written by a newer hids", path.display())]
    Newer {
        /// Where.
        path: PathBuf,
    },
    /// A path that is not absolute, is not in its shortest form, or holds a NUL.
    #[error("not a whole path: {}", path.escape_ascii())]
    Path {
        /// Which.
        path: Vec<u8>,
    },
}

impl StoreError {
    /// Whether the disk is full: worth another try later.
    pub fn is_full(&self) -> bool {
        let source = match self {
            Self::Open { source, .. } => source,
            Self::Read(error) | Self::Write(error) => match &**error {
                redb::Error::Io(source) => source,
                _ => return false,
            },
            _ => return false,
        };
        matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }

    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::InUse { .. } => "stop the process that has it open (see fuser -v FILE)",
            Self::Open { .. } | Self::Write(_) if self.is_full() => "free disk space",
            Self::Open { .. } => "check the owner and permissions of the state directory, and its disk",
            Self::Key { .. } => {
                "restore the key, or remove fim.key and fim.redb to create a new baseline (earlier changes are then \
                 not detected)"
            }
            Self::Newer { .. } => "use that version, or move the file away to create a new baseline",
            Self::Read(_) | Self::Write(_) => "check the kernel log for disk errors",
            Self::Damaged { .. } | Self::Path { .. } => {
                "run hidsctl fim verify, or remove fim.redb to create a new \
                 baseline"
            }
        }
    }

    /// The message with its causes, for one log field.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}

/// For operations that only read.
pub(super) fn reading(error: impl Into<redb::Error>) -> StoreError {
    match error.into() {
        redb::Error::Corrupted(what) => StoreError::Damaged { what },
        redb::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
            StoreError::Damaged { what: error.to_string() }
        }
        error => StoreError::Read(Box::new(error)),
    }
}

/// For operations that write.
pub(super) fn writing(error: impl Into<redb::Error>) -> StoreError {
    match reading(error) {
        StoreError::Read(error) => StoreError::Write(error),
        other => other,
    }
}
