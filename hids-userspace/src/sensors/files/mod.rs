//! What happens to watched files, as the kernel's fanotify tells it.

mod parse;
mod report;

pub use report::{FilesReport, MarkKind, RootReport};

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Sender;
use hids_core::fim::Policy;
use hids_core::model::Sensed;

use super::{Degradation, WhoLookup};

/// What the sensor needs.
#[derive(Clone)]
pub struct FilesOptions {
    /// Which paths count. Watches with neither `realtime` nor `who` are left to scans.
    pub policy: Arc<Policy>,
    /// Who is asked about processes.
    pub who: Arc<dyn WhoLookup>,
    /// The process whose own changes are not told: the daemon.
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
    /// Most events in one [`Sensed::Events`].
    pub most_events: usize,
    /// Waiting longer than this for a taker counts as a stall.
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

/// The running sensor; dropping it stops it.
#[derive(Debug)]
pub struct FilesHandle {}

/// Starts the sensor. Whoever takes `sensed` may be slow: then the kernel's queue holds the events.
pub fn start(_options: FilesOptions, _sensed: Sender<Sensed>) -> Result<FilesHandle, Degradation> {
    Err(Degradation::Fanotify(io::ErrorKind::Unsupported.into()))
}

impl FilesHandle {
    /// Whether all marks are set: everything from now on is seen, or told as a gap.
    pub fn is_ready(&self) -> bool {
        false
    }

    /// Waits for [`is_ready`](Self::is_ready), at most `patience`; gives what it says then.
    pub fn wait_ready(&self, _patience: Duration) -> bool {
        false
    }

    /// Watches by another policy from now on. Roots that are new to it are told as a gap once their
    /// marks are set; until then [`is_ready`](Self::is_ready) is false.
    pub fn replace_policy(&self, _policy: Arc<Policy>) {}

    /// Marks and counters as they are now.
    pub fn report(&self) -> FilesReport {
        FilesReport::default()
    }

    /// Stops it; what it has read is handed on before.
    pub fn stop(self) {}
}
