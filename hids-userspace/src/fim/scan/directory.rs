//! Roots of a scan, and directories.

use std::io;
use std::os::fd::AsFd as _;
use std::sync::Arc;

use hids_core::fim::PathKind;
use hids_core::model::FileKind;
use rustix::io::Errno;

use super::NotScanned;
use super::item::Item;
use super::listing::{Listed as Hint, Listing};
use super::worker::{DirectoryTask, Listed, Mark, Task, Worker};
use super::{deleted, mounts};
use crate::fim::examine::{LONGEST_PATH_BYTES, Name, is_gone, open_directory, split, stat_of};

/// Directories so far below the beginning have a mark of their own when they are done.
const MARKED_LEVELS: u32 = 2;

impl Worker<'_> {
    /// A path that the scan begins at: its own entry, then what is below it.
    pub(super) fn unit(&mut self, path: Vec<u8>) {
        let (above, name) = split(&path);
        let old = match self.scan.known.entry(&path) {
            Ok(old) => old,
            Err(error) => return self.not_scanned(path, NotScanned::Baseline(error)),
        };
        let directory = match open_directory(above) {
            Ok(directory) => directory,
            Err(error) if is_gone(&error) => return deleted::deleted(self, &path, old),
            Err(source) => return self.refused(path, "open the directory of", source),
        };
        let Some(name) = Name::new(name) else { return deleted::deleted(self, &path, old) };
        self.path.clone_from(&path);
        let item = Item { directory: directory.as_fd(), name: name.as_c_str(), hint: Hint::Unknown, old };
        let Some(kind) = self.item(item) else { return };
        if kind == FileKind::Directory && self.scan.policy.enters(&path) {
            let device = self.device_of_root(&path);
            let mark = self.mark(&path, None);
            self.tasks.push(Task::Directory(DirectoryTask { path, device, mark, level: 0 }));
        }
    }

    /// The filesystem of the root that `path` belongs to. What is on the same one is watched on purpose, even
    /// if the kernel makes it up.
    fn device_of_root(&self, path: &[u8]) -> u64 {
        let root = self.scan.policy.watch_of(path, PathKind::Directory).map_or(path, |watch| &watch.root);
        let device = open_directory(root).and_then(|root| stat_of(root.as_fd()));
        device.map_or(0, |stat| stat.0.device)
    }

    /// Lists a directory; its names are another task.
    pub(super) fn directory(&mut self, task: DirectoryTask) {
        if task.path.len() > LONGEST_PATH_BYTES {
            return self.not_scanned(task.path, NotScanned::TooDeep { limit_bytes: LONGEST_PATH_BYTES });
        }
        let opened = match open_directory(&task.path) {
            Ok(opened) => opened,
            Err(error) if is_gone(&error) => return self.directory_vanished(&task.path),
            Err(source) => return self.refused(task.path, "open", source),
        };
        let device = match stat_of(opened.as_fd()) {
            Ok(stat) => stat.0.device,
            Err(source) => return self.refused(task.path, "inspect", source),
        };
        if task.level == 0 || device != task.device {
            let allows_pseudo = device == task.device;
            match mounts::refused(opened.as_fd(), self.scan.policy.skips_nfs(), allows_pseudo) {
                Ok(None) => {}
                Ok(Some(why)) => return self.not_scanned(task.path, why),
                Err(source) => return self.refused(task.path, "inspect the filesystem of", source),
            }
        }
        match Listing::read(opened, &mut self.names) {
            Ok(names) => {
                self.scan.control.count_directory();
                let directory = Arc::new(Listed { task, names, device });
                self.tasks.push(Task::Names { directory, from: 0 });
            }
            // Removed while it was open.
            Err(error) if Errno::from_io_error(&error) == Some(Errno::NOENT) => self.directory_vanished(&task.path),
            Err(source) => self.refused(task.path, "list", source),
        }
    }

    /// A directory that was there a moment ago.
    fn directory_vanished(&mut self, path: &[u8]) {
        match self.scan.known.entry(path) {
            Ok(old) => deleted::deleted(self, path, old),
            Err(error) => self.not_scanned(path.to_vec(), NotScanned::Baseline(error)),
        }
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
