//! Why a request of `hidsctl` is refused.

use std::net::IpAddr;

use hids_core::respond::Refusal;
use tokio::task::JoinError;

use crate::fim::QueryError;

/// The reason; with its causes (`error_chain`) it is what the administrator reads.
#[derive(Debug, thiserror::Error)]
pub(super) enum RequestError {
    /// About file integrity.
    #[error(transparent)]
    Fim(#[from] QueryError),
    /// The configuration has errors.
    #[error("{rendered}keeping the previous configuration")]
    Configuration {
        /// Its diagnostics as they are shown.
        rendered: String,
    },
    /// The allow list cannot be used.
    #[error("{rendered}keeping the previous allow list")]
    AllowList {
        /// What is wrong with it, as it is shown.
        rendered: String,
    },
    /// Something of ours panicked while it was read.
    #[error("cannot read the configuration")]
    NotRead(#[source] JoinError),
    /// All stages wait for the disk, so none can be exchanged.
    #[error("alerts cannot be written ({why}); keeping the previous configuration until they can")]
    RecordingWaits {
        /// Why.
        why: String,
    },
    /// Something of ours panicked while it was put in force.
    #[error("configuration applied only in part")]
    AppliedInPart(#[source] JoinError),
    /// It has too many requests already.
    #[error("the responder is overloaded; try again")]
    Overloaded,
    /// It has too much to do.
    #[error("no response from the responder; see hidsctl status and the log of hidsd")]
    NoResponse,
    /// The address is protected, or there is no room.
    #[error("refusing to block {address}")]
    NotBlockable {
        /// Which.
        address: IpAddr,
        /// Why.
        #[source]
        source: Refusal,
    },
    /// There is nothing to remove.
    #[error("{0} is not blocked")]
    NotBlocked(IpAddr),
    /// Something of ours panicked.
    #[error("cannot answer the request")]
    Panicked(#[source] JoinError),
    /// The answer could not be written as JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}
