//! Protocol of the control socket.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::fim::protocol::FimRequest;

/// What `hidsctl` asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case")]
pub(crate) enum Request {
    /// What the daemon is doing.
    Status,
    /// The addresses blocked now, a page of at most 10,000 of them.
    BlocksList {
        /// Those behind this address (`next` of the answer before).
        #[serde(default)]
        after: Option<IpAddr>,
        /// How many.
        #[serde(default)]
        most: Option<usize>,
    },
    /// Block an address.
    BlocksAdd {
        /// Whom.
        address: IpAddr,
        /// For how long; `None` = until removed.
        seconds: Option<u64>,
        /// What `why` will show.
        reason: String,
    },
    /// Lift a block.
    BlocksRemove {
        /// Whose.
        address: IpAddr,
    },
    /// Remove all blocks.
    BlocksFlush,
    /// Why an address is or was blocked.
    Why {
        /// Which.
        address: IpAddr,
    },
    /// Read the allow list again, and nothing else.
    AllowReload,
    /// Read the configuration again.
    Reload,
    /// Something about file integrity.
    Fim(FimRequest),
}

/// What `hidsd` answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Reply {
    /// Done; what was asked for.
    Ok(serde_json::Value),
    /// Refused or failed, for the reason given; the daemon goes on.
    Refused(String),
}
