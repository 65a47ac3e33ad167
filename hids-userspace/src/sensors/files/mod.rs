//! What happens to watched files, as the kernel's fanotify tells it.
//!
//! Owns the fanotify groups and one thread that reads them. It says *what*: path, operation and process
//! number; who that process is, it asks a [`WhoLookup`]. It never looks at a file and never decides
//! whether a change matters: an event is a hint to look. An event about a directory that was removed,
//! or renamed at either end, stands for everything below it.
//!
//! # Marks
//!
//! One group for each filesystem, so that a full queue of one does not make all others be compared.
//! Best first, tried for each filesystem:
//!
//! 1. *Filesystem*: one mark for all of it (`FAN_MARK_FILESYSTEM`). Nothing can slip by: new directories,
//!    bind mounts, other mount namespaces and hard links from outside are seen without a race. The price
//!    is that events of places that nobody watches come as well; a look at a small table by the handle
//!    of the directory throws them away. It is chosen wherever it is granted, however small the watched
//!    part is: a monitor that a hard link can deceive is none. On btrfs it covers all subvolumes, whichever
//!    are mounted.
//! 2. *Directories*: a mark for each directory, where handles do not lead back to files (overlayfs before
//!    `nfs_export`). A new directory is marked and then listed, so
//!    that what was put into it before the mark is told from the list. Not seen: writes through hard
//!    links from outside of the watched trees, and through a bind mount's second path inside of one.
//! 3. *Scans only*: no mark can be set, and the report says why.
//!
//! # Losses
//!
//! A full queue of the kernel, a directory that cannot be marked or whose path cannot be told, and a
//! root or mount that became another one are each told as a [`Sensed::Gap`] for the smallest subtree
//! that is known; where directories are marked one by one, after the marks are set again. A directory
//! that is gone before its path was asked for needs no gap: its removal is an event of the directory
//! above. What cannot be resolved for another reason is tried again for a second (`unresolved`). A
//! taker that is slow makes the thread wait (counted as a stall) while the kernel's queue holds what comes.

mod dispatch;
mod event_batching;
mod event_sender;
mod filesystem;
mod group;
mod links;
mod mark_queue;
mod mounts;
pub mod parse;
mod paths;
mod plan;
mod report;
mod resolve;
mod roots;
mod sensor;
#[cfg(test)]
mod tests;
mod thread;
mod tree;
mod two_generation_cache;
mod unresolved;

pub use report::{FilesReport, MarkKind, RootReport};

use std::fmt;
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
pub struct FilesHandle(thread::Running);

/// Starts the sensor. Whoever takes `sensed` may be slow: then the kernel's queue holds the events.
///
/// Where whole filesystems can be marked it is ready when this returns.
pub fn start(options: FilesOptions, sensed: Sender<Sensed>) -> Result<FilesHandle, Degradation> {
    thread::start(options, sensed).map(FilesHandle)
}

impl FilesHandle {
    /// Whether all marks are set: everything from now on is seen, or told as a gap.
    pub fn is_ready(&self) -> bool {
        self.0.is_ready()
    }

    /// Waits for [`is_ready`](Self::is_ready), at most `patience`; gives what it says then.
    pub fn wait_ready(&self, patience: Duration) -> bool {
        self.0.wait_ready(patience)
    }

    /// Watches by another policy from now on. Roots that are new to it are told as a gap once their
    /// marks are set; until then [`is_ready`](Self::is_ready) is false.
    pub fn replace_policy(&self, policy: Arc<Policy>) {
        self.0.replace_policy(policy);
    }

    /// Marks and counters as they are now.
    pub fn report(&self) -> FilesReport {
        self.0.report()
    }

    /// Stops it; what it has read is handed on before.
    pub fn stop(mut self) {
        self.0.stop();
    }
}

/// The sensor without a thread of its own, for the self-test: it reads when it is told to.
pub struct SteppedFiles(sensor::Sensor);

impl fmt::Debug for SteppedFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SteppedFiles")
    }
}

impl SteppedFiles {
    /// Opens it and sets all marks.
    pub fn open(options: FilesOptions, sensed: Sender<Sensed>) -> Result<Self, Degradation> {
        let mut sensor = sensor::Sensor::open(options, sensed, Arc::default())?;
        while sensor.walk(usize::MAX) {}
        Ok(Self(sensor))
    }

    /// Waits for events, at most `patience`, and hands on what there is.
    pub fn step(&mut self, patience: Duration) {
        thread::step(&mut self.0, patience);
    }

    /// Marks and counters as they are now.
    pub fn report(&self) -> FilesReport {
        self.0.report()
    }
}

impl Drop for FilesHandle {
    fn drop(&mut self) {
        self.0.stop();
    }
}
