//! File events of sensors, and gaps: where events are known to be missing.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Timestamp, Who};

/// One kind of file operation: the class of the system calls behind an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Operation {
    /// A new name for a new object: open with `O_CREAT`, mkdir, mknod.
    Create,
    /// Content written or truncated while the file is still open.
    Write,
    /// A file that was open for writing was closed.
    CloseWrite,
    /// Mode, owner, times, extended attributes, link count.
    Attributes,
    /// A name removed: unlink, rmdir.
    Delete,
    /// A name moved to here.
    RenamedTo,
    /// A name moved away from here.
    RenamedFrom,
    /// Mapped shared and writable: changes to come are not seen as writes.
    Map,
    /// A filesystem mounted over it or taken away.
    Mount,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 9] = [
        Self::Create,
        Self::Write,
        Self::CloseWrite,
        Self::Attributes,
        Self::Delete,
        Self::RenamedTo,
        Self::RenamedFrom,
        Self::Map,
        Self::Mount,
    ];

    /// The word in JSON and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Write => "write",
            Self::CloseWrite => "close-write",
            Self::Attributes => "attributes",
            Self::Delete => "delete",
            Self::RenamedTo => "renamed-to",
            Self::RenamedFrom => "renamed-from",
            Self::Map => "map",
            Self::Mount => "mount",
        }
    }
}

/// A set of [`Operation`]s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Operations(u16);

impl Operations {
    /// No operation.
    pub const NONE: Self = Self(0);

    /// This set with `operation`.
    #[must_use]
    pub const fn with(self, operation: Operation) -> Self {
        Self(self.0 | 1 << operation as u8)
    }

    /// Both sets together.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether `operation` is in the set.
    pub const fn contains(self, operation: Operation) -> bool {
        self.0 & 1 << operation as u8 != 0
    }

    /// Whether nothing is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The operations in the set.
    pub fn iter(self) -> impl Iterator<Item = Operation> {
        Operation::ALL.into_iter().filter(move |operation| self.contains(*operation))
    }
}

impl FromIterator<Operation> for Operations {
    fn from_iter<I: IntoIterator<Item = Operation>>(operations: I) -> Self {
        operations.into_iter().fold(Self::NONE, Self::with)
    }
}

/// Something was done to a path. What came of it only a look at the file tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEvent {
    /// The whole path as the daemon sees it.
    pub path: Vec<u8>,
    /// What was done; the kernel merges several operations of one process.
    pub operations: Operations,
    /// Whether the path is a directory.
    pub is_directory: bool,
    /// When the daemon read it.
    pub time: Timestamp,
    /// Who did it, as far as it is known.
    pub who: Option<Arc<Who>>,
}

/// What the sensor of file events sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sensed {
    /// What was done, oldest first.
    Events(Vec<FileEvent>),
    /// Where events may be missing from now on until a scan.
    Gap {
        /// Where.
        subtree: Vec<u8>,
        /// Why.
        cause: GapCause,
    },
}

/// Why events may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GapCause {
    /// The kernel's fanotify queue was full.
    QueueOverflow,
    /// The daemon's own queue of paths to look at was full.
    BacklogFull,
    /// A directory could not be marked, or was filled before its mark was set.
    Unmarked,
    /// A directory handle no longer led to a path.
    Unresolved,
    /// The daemon was not running.
    DaemonDown,
    /// The baseline could not be opened or written for a time.
    StoreFailed,
}

impl GapCause {
    /// For administrators.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::QueueOverflow => "the kernel's file event queue overflowed",
            Self::BacklogFull => "too many files changed at once",
            Self::Unmarked => "a directory could not be watched in time",
            Self::Unresolved => "events from a directory whose path could not be resolved",
            Self::DaemonDown => "the daemon was not running",
            Self::StoreFailed => "the baseline was unavailable",
        }
    }

    /// The word in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::QueueOverflow => "queue-overflow",
            Self::BacklogFull => "backlog-full",
            Self::Unmarked => "unmarked",
            Self::Unresolved => "unresolved",
            Self::DaemonDown => "daemon-down",
            Self::StoreFailed => "store-failed",
        }
    }
}

/// A subtree and a period in which events may be missing. A scan of the subtree closes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Where.
    pub subtree: Vec<u8>,
    /// Why.
    pub cause: GapCause,
    /// Since when.
    pub opened: Timestamp,
    /// When the scan that closed it had ended.
    pub closed: Option<Timestamp>,
    /// How many changes that scan found.
    pub found: u64,
}

impl Gap {
    /// How long it was open.
    pub fn duration(&self) -> Option<Duration> {
        self.closed.map(|closed| closed.since(self.opened))
    }
}
