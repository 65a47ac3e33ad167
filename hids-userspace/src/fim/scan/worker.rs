//! One thread of a scan, and what all its threads share.

use std::mem::MaybeUninit;
use std::sync::Arc;

use hids_core::fim::Policy;

use super::listing::Listing;
use super::pace::{Pacer, Rate};
use super::pool::Pool;
use super::sender::MessageSender;
use super::{Difference, ScanControl, ScanOptions, ScanRequest};
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

/// Differences that one task holds at most, more or less.
const MANY: usize = 512;

/// Bytes of directory entries in one call: some thousand names.
const NAMES_BYTES: usize = 128 * 1024;

impl<'a> Worker<'a> {
    /// Works until nothing is left.
    pub(super) fn run(scan: &'a Scan) {
        let pacer = Pacer::new(&scan.control, scan.rate.as_ref(), &scan.options);
        let mut worker = Worker {
            scan,
            pacer: &pacer,
            examiner: Examiner::new(&scan.options.examine, &pacer),
            differences: Vec::new(),
            tasks: Vec::new(),
            names: vec![MaybeUninit::uninit(); NAMES_BYTES].into_boxed_slice(),
            path: Vec::new(),
        };
        while let Some(task) = scan.pool.take() {
            worker.work(task);
            if scan.control.is_stopped() {
                scan.pool.close();
            }
            scan.pool.worked();
        }
    }

    fn work(&mut self, task: Task) {
        // Held until its differences are on their way: with the task goes the mark that it is done.
        let _mark = match &task {
            Task::Unit(_) => None,
            Task::Directory(task) => task.mark.clone(),
            Task::Names { directory, .. } => directory.task.mark.clone(),
        };
        match task {
            Task::Unit(path) => self.unit(path),
            Task::Directory(task) => self.directory(task),
            Task::Names { directory, from } => self.names(directory, from),
        }
        self.send();
        let mut tasks = std::mem::take(&mut self.tasks);
        self.scan.pool.push(&mut tasks);
        self.tasks = tasks;
        self.pacer.rest();
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
}
