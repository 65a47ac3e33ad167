//! Errors of the record stage.

use std::io;
use std::path::PathBuf;

/// A failed operation on an alert file or the journal.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    /// A directory cannot be made or opened.
    #[error("cannot open directory {path}")]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file cannot be made or opened.
    #[error("cannot open {path} for writing")]
    Open {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write to {path}")]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file cannot be cut back to its recorded length.
    #[error("cannot truncate {path} to {length} bytes")]
    Cut {
        /// Which.
        path: PathBuf,
        /// Wanted length.
        length: u64,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The disk has no more free than is kept in reserve.
    #[error("less than {reserve_mebibytes} MiB (<disk_reserve_mb>) free on the filesystem of {path}")]
    Reserve {
        /// The directory of the records.
        path: PathBuf,
        /// The reserve, rounded up.
        reserve_mebibytes: u64,
    },
    /// The journal cannot be read.
    #[error("cannot read the progress journal {path}")]
    ReadJournal {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another process holds the journal.
    #[error("the progress journal {path} is in use by another hidsd")]
    InUse {
        /// Which.
        path: PathBuf,
    },
    /// An alert cannot be put into the mail spool.
    #[error("cannot spool an alert for mailing")]
    Spool(#[source] io::Error),
}

impl RecordError {
    /// The message with its causes, for one log field.
    pub(crate) fn chain(&self) -> String {
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
