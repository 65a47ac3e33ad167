//! What the collector starts with.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::LogSourceConfig;

/// What the collector starts with.
#[derive(Debug, Default)]
pub(crate) struct CollectOptions {
    /// What to read.
    pub sources: Vec<LogSourceConfig>,
    /// The positions committed last: [`SourcePosition`]'s `key` and `value`.
    ///
    /// [`SourcePosition`]: hids_core::model::SourcePosition
    pub resume: HashMap<String, String>,
    /// Nothing was ever committed: files that exist are read from their ends, the journal from now.
    pub first_start: bool,
    /// Times and limits.
    pub tuning: CollectTuning,
    /// Lines that are left out, because reading them ended the program.
    pub left_out: Vec<PieceAt>,
}

/// A line of a file, for as long as the file exists, or an entry of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PieceAt {
    /// Name of the file's position, device and inode number, as the record of the crash holds them; or the cursor.
    pub place: String,
    /// Where the line begins, in bytes; 0 for an entry of the journal.
    pub offset: u64,
    /// How the program ended.
    pub cause: String,
    /// Whether this was reported before.
    pub is_told: bool,
}

/// Times and limits; the defaults are right, tests shorten them.
#[derive(Clone, Debug)]
pub(crate) struct CollectTuning {
    /// Time between two rescans, in case the kernel did not report a change (network file systems).
    pub rescan: Duration,
    /// How long a rotated file must be quiet before its last line counts without a newline.
    pub partial_grace: Duration,
    /// How long a rotated file must be quiet before it is closed.
    pub rotated_grace: Duration,
    /// The same for a deleted one, whose disk space is held as long as it is open.
    pub deleted_grace: Duration,
    /// Most files open at a time; `None`: what the kernel grants, less a reserve.
    pub max_open_files: Option<usize>,
    /// Most files that are followed for one location with wildcards.
    pub max_files_per_location: usize,
    /// Longest run of a command.
    pub command_timeout: Duration,
    /// Read the journal in this directory instead of the system's.
    pub journal_directory: Option<PathBuf>,
    /// Hand a line on once where a file and the journal both hold it. OSSEC counts it twice.
    pub read_once: bool,
}

impl Default for CollectTuning {
    fn default() -> Self {
        Self {
            rescan: Duration::from_secs(60),
            partial_grace: Duration::from_secs(5),
            rotated_grace: Duration::from_secs(600),
            deleted_grace: Duration::from_secs(60),
            max_open_files: None,
            // 4 KiB each: 64 MiB, whoever may make files in a directory.
            max_files_per_location: 16 * 1024,
            command_timeout: Duration::from_secs(60),
            journal_directory: None,
            read_once: true,
        }
    }
}
