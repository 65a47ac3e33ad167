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

/// Why another configuration is not in force.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReconfigureError {
    /// For the disk.
    #[error("the record stage is waiting")]
    Waiting,
    /// It has too much to do.
    #[error("the record stage does not respond")]
    NoAnswer,
    /// Its files cannot be opened.
    #[error(transparent)]
    Failed(#[from] RecordError),
}
