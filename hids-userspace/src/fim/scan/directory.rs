//! Roots of a scan, and directories.

use std::os::fd::AsFd as _;
use std::sync::Arc;

use hids_core::fim::{PathKind, Policy};
use hids_core::model::FileKind;
use rustix::io::Errno;

use super::NotScanned;
use super::item::{Item, inspect};
use super::listing::{Listed as Hint, Listing};
use super::worker::{DirectoryTask, Listed, Task, Worker};
use super::{deleted, mounts};
use crate::fim::examine::{LONGEST_PATH_BYTES, Name, Tree, is_gone, open_directory, split, stat_of};

/// A path that the scan begins at: its own entry, then what is below it.
pub(super) fn unit(worker: &mut Worker<'_>, path: Vec<u8>) {
    let (above, name) = split(&path);
    let old = match worker.scan.known.entry(&path) {
        Ok(old) => old,
        Err(error) => return worker.not_scanned(path, NotScanned::Baseline(error)),
    };
    let directory = match open_directory(above, tree(worker)) {
        Ok(directory) => directory,
        Err(error) if is_gone(&error) => return deleted::deleted(worker, &path, old),
        Err(source) => return worker.refused(path, "open the directory of", source),
    };
    let Some(name) = Name::new(name) else { return deleted::deleted(worker, &path, old) };
    worker.path.clone_from(&path);
    let item = Item { directory: directory.as_fd(), name: name.as_c_str(), hint: Hint::Unknown, old };
    let Some(kind) = inspect(worker, item) else { return };
    if kind == FileKind::Directory && worker.scan.policy.enters(&path) {
        let device = device_of_root(&worker.scan.policy, &path, tree(worker));
        let mark = worker.mark(&path, None);
        worker.tasks.push(Task::Directory(DirectoryTask { path, device, mark, level: 0 }));
    }
}

/// What stands for `/`.
fn tree<'a>(worker: &Worker<'a>) -> Option<&'a Tree> {
    worker.scan.options.examine.tree.as_deref()
}

/// The filesystem of the root that `path` belongs to. What is on the same one is watched on purpose, even
/// if the kernel makes it up.
fn device_of_root(policy: &Policy, path: &[u8], tree: Option<&Tree>) -> u64 {
    let root = policy.watch_of(path, PathKind::Directory).map_or(path, |watch| &watch.root);
    let device = open_directory(root, tree).and_then(|root| stat_of(root.as_fd()));
    device.map_or(0, |stat| stat.0.device)
}

/// Lists a directory; its names are another task.
pub(super) fn list(worker: &mut Worker<'_>, task: DirectoryTask) {
    if task.path.len() > LONGEST_PATH_BYTES {
        return worker.not_scanned(task.path, NotScanned::TooDeep { limit_bytes: LONGEST_PATH_BYTES });
    }
    let opened = match open_directory(&task.path, tree(worker)) {
        Ok(opened) => opened,
        Err(error) if is_gone(&error) => return directory_vanished(worker, &task.path),
        Err(source) => return worker.refused(task.path, "open", source),
    };
    let device = match stat_of(opened.as_fd()) {
        Ok(stat) => stat.0.device,
        Err(source) => return worker.refused(task.path, "inspect", source),
    };
    if task.level == 0 || device != task.device {
        let allows_pseudo = device == task.device;
        match mounts::refused(opened.as_fd(), worker.scan.policy.skips_nfs(), allows_pseudo) {
            Ok(None) => {}
            Ok(Some(why)) => return worker.not_scanned(task.path, why),
            Err(source) => return worker.refused(task.path, "inspect the filesystem of", source),
        }
    }
    match Listing::read(opened, &mut worker.names) {
        Ok(names) => {
            worker.scan.control.count_directory();
            let directory = Arc::new(Listed { task, names, device });
            worker.tasks.push(Task::Names { directory, from: 0 });
        }
        // Removed while it was open.
        Err(error) if Errno::from_io_error(&error) == Some(Errno::NOENT) => directory_vanished(worker, &task.path),
        Err(source) => worker.refused(task.path, "list", source),
    }
}

/// A directory that was there a moment ago.
fn directory_vanished(worker: &mut Worker<'_>, path: &[u8]) {
    match worker.scan.known.entry(path) {
        Ok(old) => deleted::deleted(worker, path, old),
        Err(error) => worker.not_scanned(path.to_vec(), NotScanned::Baseline(error)),
    }
}
