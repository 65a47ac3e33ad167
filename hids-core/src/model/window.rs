//! Change windows: what was announced, and what came of it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Timestamp, Who};

/// A change window that was opened or has ended, for the rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowNews {
    /// Its number.
    pub id: u64,
    /// Whether every change is accepted, whoever makes it (maintenance mode).
    pub everything: bool,
    /// Why, in the words of who opened it; empty when nothing was said.
    pub reason: String,
    /// Whose changes are accepted, in words.
    pub members: Vec<String>,
    /// Below which paths; empty = everywhere.
    pub paths: Vec<Vec<u8>>,
    /// Who opened it.
    pub opener: Arc<Who>,
    /// When it was opened.
    pub opened: Timestamp,
    /// When it ends by itself.
    pub ends: Timestamp,
    /// What came of it, once it has ended.
    pub end: Option<WindowEnd>,
}

/// The end of a window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowEnd {
    /// When.
    pub time: Timestamp,
    /// Why.
    pub cause: WindowEndCause,
    /// Changes that were accepted.
    pub changes: u64,
    /// Some of the paths, at most 16, for the text.
    pub examples: Vec<Vec<u8>>,
}

/// Why a window ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum WindowEndCause {
    /// An administrator closed it.
    Closed,
    /// Its time was over.
    Expired,
    /// The process that it belonged to has ended, and nothing else can belong to it.
    ProcessEnded,
    /// The scan that was to complete it has ended.
    Scanned,
}

impl WindowEndCause {
    /// For administrators.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Closed => "closed by an administrator",
            Self::Expired => "its time was over",
            Self::ProcessEnded => "the process that it belonged to has ended",
            Self::Scanned => "the scan that completes it has ended",
        }
    }

    /// The word in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Expired => "expired",
            Self::ProcessEnded => "process-ended",
            Self::Scanned => "scanned",
        }
    }
}
