//! The means of one thread of a scan, and what all its threads share.

use std::io;
use std::mem::MaybeUninit;
use std::sync::Arc;

use hids_core::fim::Policy;

use super::listing::Listing;
use super::pace::{Pacer, Rate};
use super::pool::Pool;
use super::sender::MessageSender;
use super::{Difference, NotScanned, ScanControl, ScanOptions, ScanRequest};
use crate::fim::BaselineView;
use crate::fim::examine::Examiner;

/// What the threads of one scan share.
pub(super) struct Scan {
    pub request: ScanRequest,
    pub policy: Arc<Policy>,
    pub known: Arc<dyn BaselineView>,
    pub options: ScanOptions,
    pub control: ScanControl,
    pub sender: Arc<MessageSender>,
    pub pool: Pool<Task>,
    pub rate: Option<Rate>,
}

/// Something to do.
pub(super) enum Task {
    /// A path to begin at.
    Unit(Vec<u8>),
    /// A directory to list.
    Directory(DirectoryTask),
    /// The names of a listed directory from one on.
    Names {
        /// The directory.
        directory: Arc<Listed>,
        /// Number of the first name.
        from: usize,
    },
}

/// A directory that is to be listed.
pub(super) struct DirectoryTask {
    /// Whole path.
    pub path: Vec<u8>,
    /// `st_dev` of the directory above: another one is another filesystem.
    pub device: u64,
    /// What is done when this is.
    pub mark: Option<Arc<Mark>>,
    /// Levels below the path that the scan began at.
    pub level: u32,
}

/// A directory that has been listed.
pub(super) struct Listed {
    pub task: DirectoryTask,
    pub names: Listing,
    pub device: u64,
}

/// Tells that a directory is done, when the last task below it has been dropped.
pub(super) struct Mark {
    pub path: Vec<u8>,
    pub sender: Arc<MessageSender>,
    pub control: ScanControl,
    /// Dropped after this one has told: a directory is done before the one above it.
    pub above: Option<Arc<Mark>>,
}

impl Drop for Mark {
    fn drop(&mut self) {
        // A scan that is stopped drops tasks that were not done.
        if !self.control.is_stopped() {
            self.sender.done(std::mem::take(&mut self.path));
        }
        self.above = None;
    }
}

/// One thread's means.
pub(super) struct Worker<'a> {
    pub scan: &'a Scan,
    pub pacer: &'a Pacer<'a>,
    pub examiner: Examiner<'a>,
    /// Differences of the task under way.
    pub differences: Vec<Difference>,
    /// Tasks that the task under way has found.
    pub tasks: Vec<Task>,
    /// For the kernel's answers about directories.
    pub names: Box<[MaybeUninit<u8>]>,
    /// The path that is looked at.
    pub path: Vec<u8>,
}

/// Directories so far below the beginning have a mark of their own when they are done.
const MARKED_LEVELS: u32 = 2;

/// Differences that one task holds at most, more or less.
const MANY: usize = 512;

/// Bytes of directory entries in one call: some thousand names.
const NAMES_BYTES: usize = 128 * 1024;

impl<'a> Worker<'a> {
    pub(super) fn new(scan: &'a Scan, pacer: &'a Pacer<'a>) -> Self {
        Self {
            scan,
            pacer,
            examiner: Examiner::new(&scan.options.examine, pacer),
            differences: Vec::new(),
            tasks: Vec::new(),
            names: vec![MaybeUninit::uninit(); NAMES_BYTES].into_boxed_slice(),
            path: Vec::new(),
        }
    }

    /// In the middle of a task that finds very much.
    pub(super) fn send_if_many(&mut self) {
        if self.differences.len() >= MANY {
            self.send();
        }
    }

    /// Sends what has been found so far.
    pub(super) fn send(&mut self) {
        self.scan.sender.add(&mut self.differences);
    }

    /// The mark of a directory, below that of the one above it.
    pub(super) fn mark(&self, path: &[u8], above: Option<Arc<Mark>>) -> Option<Arc<Mark>> {
        let (sender, control) = (Arc::clone(&self.scan.sender), self.scan.control.clone());
        Some(Arc::new(Mark { path: path.to_vec(), sender, control, above }))
    }

    /// The task for a directory that was met in `parent`; `None` when an earlier scan has done it.
    pub(super) fn below(&self, parent: &Listed, path: &[u8]) -> Option<Task> {
        if self.scan.request.resume.covers(path) {
            return None;
        }
        let level = parent.task.level + 1;
        let above = parent.task.mark.clone();
        let mark = if level <= MARKED_LEVELS { self.mark(path, above) } else { above };
        Some(Task::Directory(DirectoryTask { path: path.to_vec(), device: parent.device, mark, level }))
    }

    pub(super) fn refused(&mut self, path: Vec<u8>, operation: &'static str, source: io::Error) {
        self.not_scanned(path, NotScanned::Refused { operation, source });
    }

    pub(super) fn not_scanned(&mut self, path: Vec<u8>, why: NotScanned) {
        self.scan.sender.not_scanned(path, why);
    }
}
