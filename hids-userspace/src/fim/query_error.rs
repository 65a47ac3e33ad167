//! Why a request of `hidsctl fim` is refused.

use std::path::PathBuf;

use super::export::ExportError;
use super::monitor::NotWatched;
use super::store::StoreError;

/// The reason; with its causes (`error_chain`) it is what the administrator reads.
#[derive(Debug, thiserror::Error)]
pub(crate) enum QueryError {
    /// It cannot be read.
    #[error("the baseline cannot be used")]
    Baseline(#[from] StoreError),
    /// It was modified.
    #[error("another program changed the baseline: {what}")]
    Damaged {
        /// What was found.
        what: String,
    },
    /// It is never overwritten.
    #[error("cannot export the baseline: {} already exists", path.display())]
    ExportExists {
        /// The file.
        path: PathBuf,
    },
    /// No export was made.
    #[error("the baseline is not exported")]
    NotExported(#[source] ExportError),
    /// The export is not one of this machine, or not whole.
    #[error("the export cannot be compared")]
    NotCompared(#[source] ExportError),
    /// Only a daemon scans, accepts and protects.
    #[error("this requires a running daemon")]
    NeedsDaemon,
    /// The path lies below no `<directories>`.
    #[error(transparent)]
    NotWatched(#[from] NotWatched),
    /// It has too much to do, or waits for the disk.
    #[error("file integrity does not answer; see hidsctl status and the daemon's log")]
    NoAnswer,
    /// Its thread has ended.
    #[error("file integrity has stopped")]
    Stopped,
    /// It could not be started.
    #[error("file integrity is not running: {why}")]
    NotRunning {
        /// Why.
        why: String,
    },
    /// Nothing is to be monitored.
    #[error("file integrity is disabled: <syscheck> monitors nothing")]
    Disabled,
    /// It has not been started yet.
    #[error("file integrity is still starting; try again")]
    Starting,
    /// The window cannot be opened as it is wanted.
    #[error("the change window is not opened: {why}")]
    NoWindow {
        /// Why.
        why: &'static str,
    },
    /// There is none to close.
    #[error("no such change window is open")]
    NotOpen,
    /// Nothing is to be protected.
    #[error("no <directories> has protect=\"yes\"")]
    NothingProtected,
    /// This kernel cannot protect.
    #[error("the kernel cannot block writes: {why}")]
    NotProtected {
        /// Why.
        why: String,
    },
    /// Protection could not be switched.
    #[error("{why}")]
    NotSwitched {
        /// Why.
        why: String,
    },
    /// The answer could not be written as JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}
