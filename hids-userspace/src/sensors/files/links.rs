//! Files with several names: a write through one name is a write to all of them.
//!
//! The kernel tells the name that was used, and the file's own handle. If the file has other names, they
//! may be watched ones. No table of all watched files is kept for that: a file is looked at once, and
//! when it has several names, the watched directories are read for its inode number. Both answers are
//! remembered until the kernel tells that the number of names has changed.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hids_core::fim::PathKind;
use hids_core::model::{GapCause, Operation, Operations, Who};
use rustix::fs::{Mode, OFlags, fstat, openat};

use super::filesystem::Handle;
use super::mounts::mount_id;
use super::paths::join;
use super::report::MarkKind;
use super::resolve::{each_entry, is_gone, open_directory, open_point};
use super::roots::{Roots, as_path};
use super::sensor::Sensor;
use super::two_generation_cache::TwoGenerationCache;
use super::unresolved::Full;
use crate::sys::fanotify::{handle_of, open_by_handle};

/// Files remembered to have one name.
const MOST_SINGLE: usize = 32_768;

/// Files remembered with their watched names.
const MOST_NAMED: usize = 8192;

/// Files whose names are to be found; more are told as a gap.
const MOST_WANTED: usize = 4096;

/// A search takes at most this part of the time.
const SHARE: u32 = 10;

/// What is known of the names of files on one filesystem.
#[derive(Debug)]
pub(super) struct Links {
    single: TwoGenerationCache<Handle, ()>,
    named: TwoGenerationCache<Handle, Arc<[Vec<u8>]>>,
    wanted: HashMap<Handle, Wanted>,
}

/// A file whose names are to be found, and what was done to it.
#[derive(Clone, Debug)]
struct Wanted {
    inode: u64,
    change: Change,
}

/// What was done to a file, by whom.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) operations: Operations,
    pub(super) pid: u32,
    pub(super) who: Option<Arc<Who>>,
}

/// Directories that are being read for inode numbers.
#[derive(Debug)]
pub(super) struct Search {
    filesystem: usize,
    began: Instant,
    wanted: HashMap<Handle, Wanted>,
    inodes: HashMap<u64, Vec<Handle>>,
    /// Real paths of directories to be read, with the number of the mount that leads to them.
    queue: Vec<(Vec<u8>, u64)>,
    found: HashMap<Handle, Vec<Vec<u8>>>,
}

impl Links {
    pub(super) fn new() -> Self {
        Self {
            single: TwoGenerationCache::new(MOST_SINGLE),
            named: TwoGenerationCache::new(MOST_NAMED),
            wanted: HashMap::new(),
        }
    }

    /// Whether names of files are still to be found.
    pub(super) fn is_searching(&self) -> bool {
        !self.wanted.is_empty()
    }

    /// The names of a file may have changed.
    pub(super) fn forget(&mut self, object: &[u8]) {
        self.single.remove(object);
        self.named.remove(object);
    }

    /// The names of many files may have changed.
    pub(super) fn forget_names(&mut self) {
        self.named.clear();
    }
}

/// Whether `operations` change a file itself, rather than one of its names.
pub(super) fn concerns_all_names(operations: Operations) -> bool {
    [Operation::Write, Operation::CloseWrite, Operation::Attributes].iter().any(|&one| operations.contains(one))
}

impl Sensor {
    /// A file was changed through one of its names: tells of its watched names, at once or when they
    /// have been found.
    pub(super) fn changed_by_name(&mut self, number: usize, object: &[u8], operations: Operations, pid: u32) {
        let Some(filesystem) = self.filesystems.get_mut(number) else { return };
        if filesystem.marks != MarkKind::Filesystem || filesystem.links.single.find(object).is_some() {
            return;
        }
        if let Some(names) = filesystem.links.named.find(object).map(Arc::clone) {
            let who = if names.is_empty() { None } else { self.out.who(pid) };
            self.report_names(&names, &Change { operations, pid, who });
            return;
        }
        if let Some(wanted) = filesystem.links.wanted.get_mut(object) {
            wanted.change.operations = wanted.change.operations.union(operations);
            return;
        }
        let device = filesystem.planned.device.clone();
        if !self.find_names(number, object, operations, pid)
            && let Err(Full) = self.unresolved.add_file(&device, object, operations, pid)
        {
            self.out.report.unresolved += 1;
            self.lost(number, GapCause::Unresolved);
        }
    }

    /// Looks how many names a file has, and has them found if there are several; false when that cannot be known now.
    pub(super) fn find_names(&mut self, number: usize, object: &[u8], operations: Operations, pid: u32) -> bool {
        let Some(filesystem) = self.filesystems.get_mut(number) else { return true };
        let (inode, names) = match filesystem.inode_of(object) {
            Ok(found) => found,
            // Its removal is an event of each directory that held a name.
            Err(error) if is_gone(&error) => return true,
            Err(error) => {
                tracing::debug!(%error, "cannot resolve the handle of a file");
                return false;
            }
        };
        if names <= 1 {
            filesystem.links.single.insert(object.into(), ());
        } else if filesystem.links.wanted.len() >= MOST_WANTED {
            filesystem.links.wanted.clear();
            self.lost(number, GapCause::BacklogFull);
        } else {
            let change = Change { operations, pid, who: self.out.who(pid) };
            filesystem.links.wanted.insert(object.into(), Wanted { inode, change });
        }
        true
    }

    /// Reads some directories for the files whose names are wanted. Gives when there is more to do:
    /// `None` = never, until a file is wanted.
    pub(super) fn search(&mut self, most: usize) -> Option<Duration> {
        let Some(mut search) = self.searching.take().or_else(|| self.begin_search()) else {
            let is_wanted = self.filesystems.iter().any(|filesystem| !filesystem.links.wanted.is_empty());
            return is_wanted.then(|| self.search_not_before.saturating_duration_since(Instant::now()));
        };
        for _ in 0..most {
            let Some((path, mount)) = search.queue.pop() else {
                self.end_search(search);
                return Some(Duration::ZERO);
            };
            search.read(&self.roots, &path, mount);
        }
        self.searching = Some(search);
        Some(Duration::ZERO)
    }

    fn begin_search(&mut self) -> Option<Search> {
        let began = Instant::now();
        if began < self.search_not_before {
            return None;
        }
        let mut numbered = self.filesystems.iter_mut().enumerate();
        let (number, filesystem) = numbered.find(|(_, filesystem)| !filesystem.links.wanted.is_empty())?;
        let wanted = std::mem::take(&mut filesystem.links.wanted);
        let mut inodes: HashMap<u64, Vec<Handle>> = HashMap::new();
        for (handle, file) in &wanted {
            inodes.entry(file.inode).or_default().push(handle.clone());
        }
        let parts = filesystem.planned.parts.iter();
        let queue = parts.map(|part| (part.real.clone(), part.mount)).collect();
        Some(Search { filesystem: number, began, wanted, inodes, queue, found: HashMap::new() })
    }

    fn end_search(&mut self, mut search: Search) {
        let now = Instant::now();
        self.search_not_before = now + (now - search.began) * SHARE;
        for (handle, file) in search.wanted {
            let names: Arc<[Vec<u8>]> = search.found.remove(&handle).unwrap_or_default().into();
            self.report_names(&names, &file.change);
            if let Some(filesystem) = self.filesystems.get_mut(search.filesystem) {
                filesystem.links.named.insert(handle, names);
            }
        }
    }

    /// Roots or mounts are other ones: the search may read directories that are watched no longer and begins anew.
    pub(super) fn begin_search_anew(&mut self) {
        let Some(search) = self.searching.take() else { return };
        if let Some(filesystem) = self.filesystems.get_mut(search.filesystem) {
            filesystem.links.wanted.extend(search.wanted);
        }
    }

    fn report_names(&mut self, names: &[Vec<u8>], change: &Change) {
        for path in names {
            let Some(watch) = self.roots.policy.watch_of(path, PathKind::Other) else { continue };
            let who = change.who.clone().filter(|_| watch.who);
            self.out.report.through_links += 1;
            self.out.event_by(path.clone(), change.operations, false, change.pid, who);
        }
    }
}

impl super::filesystem::Filesystem {
    /// Inode number and number of names of a file.
    #[allow(clippy::useless_conversion)] // The number of names has 32 bits on other processors.
    fn inode_of(&self, object: &[u8]) -> io::Result<(u64, u64)> {
        // Without a mount point it has been unmounted: that is a change of the mount table, no removal.
        let point = self.planned.points.iter().find_map(|point| open_point(&point.path).ok());
        let point = point.ok_or(io::ErrorKind::NotFound)?;
        let file = open_by_handle(point.as_fd(), object)?;
        let found = fstat(&file)?;
        Ok((found.st_ino, u64::from(found.st_nlink)))
    }
}

impl Search {
    /// Reads one directory, or looks at a root that is a file. What cannot be read is gone; its removal is
    /// told as such.
    fn read(&mut self, roots: &Roots, path: &[u8], mount: u64) {
        match open_directory(path) {
            Ok(directory) => self.read_entries(roots, path, &directory, mount, None),
            Err(error) if error.raw_os_error() == Some(libc::ENOTDIR) => {
                let Some((parent, name)) = super::paths::split(path) else { return };
                if let Ok(directory) = open_directory(parent) {
                    self.read_entries(roots, parent, &directory, mount, Some(name));
                }
            }
            Err(_) => {}
        }
    }

    fn read_entries(&mut self, roots: &Roots, path: &[u8], directory: &OwnedFd, mount: u64, only: Option<&[u8]>) {
        if mount_id(directory).ok() != Some(mount) {
            return;
        }
        let known = roots.directory(path);
        let _ = each_entry(directory.as_fd(), |name, inode, kind| {
            if only.is_some_and(|only| only != name) {
                return true;
            }
            if (kind.is_dir() || kind == rustix::fs::FileType::Unknown) && only.is_none() {
                let path = join(path, name);
                if !roots.directory(&path).paths.is_empty() {
                    self.queue.push((path, mount));
                }
            }
            if !kind.is_dir()
                && let Some(handle) = self.wanted_at(directory.as_fd(), name, inode)
            {
                let paths = roots.watched(&known, name, PathKind::Other).map(|(path, _)| path);
                self.found.entry(handle).or_default().extend(paths);
            }
            true
        });
    }

    /// The wanted file that is `name` in `directory`, if it is one.
    fn wanted_at(&self, directory: BorrowedFd<'_>, name: &[u8], inode: u64) -> Option<Handle> {
        let candidates = self.inodes.get(&inode)?;
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(directory, as_path(name), flags, Mode::empty()).ok()?;
        let handle = handle_of(file.as_fd()).ok()?;
        candidates.iter().find(|candidate| ***candidate == *handle).cloned()
    }
}
