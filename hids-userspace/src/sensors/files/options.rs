//! What the sensor of file events needs, and its limits.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use hids_core::fim::Policy;

use crate::sensors::WhoLookup;

/// What the sensor needs.
#[derive(Clone)]
pub struct FilesOptions {
    /// Which paths count. Watches with neither `realtime` nor `who` are left to scans.
    pub policy: Arc<Policy>,
    /// Who is asked about processes.
    pub who: Arc<dyn WhoLookup>,
    /// The process whose own changes are not reported: the daemon.
    pub own_pid: Option<u32>,
    /// Limits and choices.
    pub tuning: FilesTuning,
}

impl fmt::Debug for FilesOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FilesOptions").field("tuning", &self.tuning).finish_non_exhaustive()
    }
}

/// Limits and choices of the sensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilesTuning {
    /// Which marks are tried.
    pub marks: MarkChoice,
    /// Most events in one `Sensed::Events`.
    pub most_events: usize,
    /// Waiting longer than this for the receiver counts as a stall.
    pub stall: Duration,
    /// Directories whose path is remembered, where whole filesystems are marked.
    pub most_directories: usize,
}

impl Default for FilesTuning {
    fn default() -> Self {
        Self { marks: MarkChoice::Best, most_events: 1024, stall: Duration::from_millis(50), most_directories: 16_384 }
    }
}

/// Which marks are tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MarkChoice {
    /// Whole filesystems, else each directory.
    #[default]
    Best,
    /// Each directory, also where a whole filesystem could be marked.
    Directories,
}
