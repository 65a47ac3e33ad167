//! What the guard does at this moment.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use super::GuardMode;
use super::allow::Allowance;

/// The state of the guard, for `hidsctl status`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GuardReport {
    /// `None` when it is switched off.
    pub mode: Option<GuardMode>,
    /// Whether programs of an earlier daemon were found and taken over.
    #[serde(rename = "adopted")]
    pub taken_over: bool,
    /// How often directories and executables were looked at; 0 until the first look is over.
    #[serde(rename = "refreshes")]
    pub looks: u64,
    /// Files and directories in the kernel's map.
    pub protected: usize,
    /// What is not protected, or not wholly, and why.
    pub problems: Vec<String>,
    /// Executables that may change what is protected.
    pub allowed: Vec<PathBuf>,
    /// Executables of the list that may not, and why.
    pub not_allowed: Vec<NotAllowed>,
    /// Operations by others, refused or only told, by their name.
    #[serde(rename = "denials")]
    pub judged: BTreeMap<&'static str, u64>,
    /// What the kernel gave up, by reason.
    pub dropped: BTreeMap<&'static str, u64>,
    /// Refusals that could not be handed on because the channel was full.
    #[serde(rename = "events_lost")]
    pub lost: u64,
    /// Records that this program does not know.
    #[serde(rename = "unknown_records")]
    pub unknown: u64,
}

/// An executable of the list that may not change what is protected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotAllowed {
    /// Which.
    pub program: PathBuf,
    /// Why.
    pub reason: String,
}

/// Why an executable of the list may not, for administrators.
pub(super) fn reason(allowance: &Allowance) -> String {
    match allowance {
        Allowance::Allowed => "it may".to_owned(),
        Allowance::WrongDigest => "SHA-256 differs from the configured one".to_owned(),
        Allowance::Unsafe => "not an executable owned by root and writable only by root".to_owned(),
        Allowance::Missing => "not found".to_owned(),
        Allowance::Unreadable(why) => why.clone(),
    }
}
