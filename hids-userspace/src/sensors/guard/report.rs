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
    pub taken_over: bool,
    /// How often directories and executables were looked at; 0 until the first look is over.
    pub looks: u64,
    /// Files and directories in the kernel's map.
    pub protected: usize,
    /// What is not protected, or not wholly, and why.
    pub problems: Vec<String>,
    /// Executables that may change what is protected.
    pub allowed: Vec<PathBuf>,
    /// Executables of the list that may not, and why.
    pub not_allowed: Vec<(PathBuf, String)>,
    /// Operations by others, refused or only told, by their name.
    pub judged: BTreeMap<&'static str, u64>,
    /// What the kernel gave up, by reason.
    pub dropped: BTreeMap<&'static str, u64>,
    /// Refusals that could not be handed on because the channel was full.
    pub lost: u64,
    /// Records that this program does not know.
    pub unknown: u64,
}

/// Why an executable of the list may not, for administrators.
pub(super) fn reason(allowance: &Allowance) -> String {
    match allowance {
        Allowance::Allowed => "it may".to_owned(),
        Allowance::WrongDigest => "its content has another SHA-256 sum than the configuration says".to_owned(),
        Allowance::Unsafe => "it is no executable file of root that only root can write".to_owned(),
        Allowance::Missing => "there is none".to_owned(),
        Allowance::Unreadable(why) => why.clone(),
    }
}
