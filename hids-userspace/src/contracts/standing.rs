//! The contract between the stage that mails and the one that blocks: a mail says first what was done.

use std::fmt::Debug;
use std::net::IpAddr;
use std::time::Duration;

use hids_core::model::Timestamp;

/// What the responder has done about an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Which.
    pub address: IpAddr,
    /// The block that is wanted now.
    pub block: Option<StandingBlock>,
    /// Why it is never blocked.
    pub never_blocked: Option<String>,
}

/// A block, as far as a mail is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandingBlock {
    /// When it began.
    pub since: Timestamp,
    /// When it ends; `None`: when it is removed.
    pub until: Option<Timestamp>,
    /// Whether the kernel drops its packets now.
    pub is_enforced: bool,
}

/// Who knows what was done.
pub(crate) trait Standings: Debug + Send + Sync {
    /// How these addresses stand once every alert that was recorded before has been responded to; `None` when there
    /// is no answer within `patience`.
    fn ask(&self, addresses: Vec<IpAddr>, patience: Duration) -> Option<Vec<Standing>>;
}
