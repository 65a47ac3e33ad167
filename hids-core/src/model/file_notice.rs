//! Events of file integrity and of the daemon for the rules, also stored as the history of files.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{FileChange, Gap, Operation, Timestamp, Who, WindowNews};

/// One piece of news with its place in the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileNotice {
    /// Running number in the store, from 1; never used twice. The record stage commits it with the alert.
    pub sequence: u64,
    /// When it was found.
    pub time: Timestamp,
    /// Whether the rules see it (else it is only kept, for instance the fourth change under `auto_ignore`).
    pub alerted: bool,
    /// What it says.
    pub news: FimEvent,
}

/// What there is to tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FimEvent {
    /// A file differs from the baseline.
    Change(Box<FileChange>),
    /// Events may be missing; told when it opens and again when it is closed.
    Gap(Gap),
    /// A process tried to write to a protected path.
    Refusal(Box<Refusal>),
    /// An administrator took changes over, or a package's update was recognised.
    Acceptance(Acceptance),
    /// Protection was switched.
    Protection(Protection),
    /// The baseline itself is damaged or was altered by somebody else.
    Damage(Damage),
    /// Another program changed the firewall table that holds the blocked addresses, and it was restored.
    Restored(Restored),
    /// The daemon crashed at a line, which it leaves out now. Never in the history of files.
    SetAside(Box<SetAside>),
    /// A change window was opened, or has ended.
    Window(Box<WindowNews>),
}

/// A line that the daemon crashed at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAside {
    /// Where the line comes from, as alerts show it.
    pub location: String,
    /// Where it stands there, in the words of whoever reads it.
    pub position: String,
    /// Which part crashed: `analysis`, `collector`, `journal`, `recorder` or `responder`.
    pub part: String,
    /// How: the name of a signal.
    pub cause: String,
    /// The line.
    pub line: Vec<u8>,
}

/// An operation on a protected path by a process that is not on the allow-list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Where, as far as it is known.
    pub path: Vec<u8>,
    /// What was tried.
    pub operation: Operation,
    /// Whether the kernel refused it (else it happened and is only told: mode `monitor`).
    pub refused: bool,
    /// Who tried.
    pub who: Arc<Who>,
    /// How many equal ones were folded into this one, itself included.
    pub count: u32,
}

/// Changes taken over into the baseline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acceptance {
    /// Why: `hidsctl fim accept`, or names and versions of the packages, at most 64.
    pub reasons: Vec<String>,
    /// How many files.
    pub files: u64,
    /// Some of the paths, at most 16, for the text.
    pub examples: Vec<Vec<u8>>,
}

/// Protection as it is from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protection {
    /// Whether writes are refused now.
    pub enforced: bool,
    /// Why it changed, for the text: "hidsctl fim protect off", "the kernel has no BPF LSM".
    pub reason: String,
    /// User who switched it; `None` when the daemon did.
    pub uid: Option<u32>,
}

/// Repairs of the daemon's own nftables table, those of some time folded into one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// What was found last, for the text: "table missing".
    pub reason: String,
    /// How many repairs are folded into this one.
    pub times: u64,
    /// Addresses that are to be blocked.
    pub blocked: u64,
}

/// Something wrong with the baseline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Damage {
    /// What is wrong, for the text.
    pub what: String,
    /// Paths whose entries do not carry the right code, at most 16.
    pub paths: Vec<Vec<u8>>,
}
