//! What the sensor of file events says about itself.

use serde::Serialize;

/// How the files below one root are seen, and what was counted since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FilesReport {
    /// Every root on every filesystem that it reaches into.
    pub roots: Vec<RootReport>,
    /// Directories that carry a mark of their own; none where whole filesystems are marked.
    pub directories_marked: u64,
    /// Directories whose path is remembered.
    pub directories_known: u64,
    /// Events read from the kernel.
    pub events: u64,
    /// Events sent, after merging.
    pub reported: u64,
    /// Events folded into an earlier one of the same path and process.
    pub coalesced: u64,
    /// Events of places that are not watched.
    pub outside_watched_paths: u64,
    /// Events of this daemon itself.
    pub own: u64,
    /// Times that the kernel's queue was full.
    pub overflows: u64,
    /// Directories that were gone before their path was asked for; their removal is an event itself.
    pub already_deleted: u64,
    /// Directories that could not be marked.
    pub unmarked: u64,
    /// Directories whose path could not be resolved for another reason.
    pub unresolved: u64,
    /// Buffers of the kernel that could not be read to their end.
    pub malformed: u64,
    /// Writes through a name outside the watched trees of a file that has a name inside.
    pub through_links: u64,
    /// Times that the reader waited because the channel was full.
    pub stalls: u64,
    /// How long it waited, in milliseconds.
    pub stalled_ms: u64,
}

/// How the files below one root are seen on one filesystem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RootReport {
    /// The root, as the configuration has it.
    pub root: String,
    /// Where that filesystem is mounted.
    pub mount: String,
    /// Its type: `ext4`, `overlay`.
    pub filesystem: String,
    /// How it is marked.
    pub marks: MarkKind,
    /// Why not better, or what is not seen so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Times that the kernel's queue of this filesystem was full.
    pub overflows: u64,
}

/// How the kernel is asked for events, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MarkKind {
    /// One mark on the filesystem: every name and every mount of a file, new directories at once.
    Filesystem,
    /// A mark on each directory.
    Directories,
    /// No mark can be set: only scans find changes.
    ScansOnly,
}

impl MarkKind {
    /// The word in messages and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Filesystem => "filesystem",
            Self::Directories => "directories",
            Self::ScansOnly => "scans-only",
        }
    }
}
