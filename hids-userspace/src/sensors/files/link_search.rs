//! Files with several names: a write through one name is a write to all of them.
//!
//! The kernel reports the name that was used, and the file's own handle. If the file has other names, they
//! may be watched ones. No table of all watched files is kept for that: a file is looked at once, and
//! when it has several names, the watched directories are read for its inode number. Both results are
//! remembered until the kernel reports that the number of names has changed.

use std::collections::HashMap;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hids_core::fim::PathKind;
use hids_core::model::{GapCause, Operation, Operations};
use rustix::fs::{Mode, OFlags, openat};

use super::event_sender::EventSender;
use super::file_handle::Handle;
use super::link_names::{Change, WantedNames};
use super::paths::join;
use super::report::MarkKind;
use super::resolve::{each_entry, is_gone, open_directory};
use super::roots::{Roots, as_path};
use super::watched::Watched;
use crate::platform::mountinfo::mount_id;
use crate::sys::fanotify::handle_of;

/// Files whose names are to be found; more are reported as a gap.
const MOST_WANTED: usize = 4096;

/// A search takes at most this part of the time.
const SHARE: u32 = 10;

/// The search for other names of files.
#[derive(Debug)]
pub(super) struct LinkSearch {
    running: Option<Search>,
    /// When the next one may begin.
    pub(super) not_before: Instant,
}

/// Directories that are being read for inode numbers.
#[derive(Debug)]
struct Search {
    filesystem: usize,
    began: Instant,
    wanted: HashMap<Handle, WantedNames>,
    inodes: HashMap<u64, Vec<Handle>>,
    /// Real paths of directories to be read, with the number of the mount that leads to them.
    queue: Vec<(Vec<u8>, u64)>,
    found: HashMap<Handle, Vec<Vec<u8>>>,
}

/// The handle of a file cannot be resolved now.
#[derive(Debug)]
pub(super) struct CannotResolve;

/// Whether `operations` change a file itself, rather than one of its names.
pub(super) fn concerns_all_names(operations: Operations) -> bool {
    [Operation::Write, Operation::CloseWrite, Operation::Attributes].iter().any(|&one| operations.contains(one))
}

/// A file on filesystem `number` was changed through one of its names: reports its watched names, at once or when they
/// have been found.
pub(super) fn changed_by_name(
    watched: &mut Watched,
    out: &mut EventSender,
    number: usize,
    object: &[u8],
    (operations, pid): (Operations, u32),
) -> Result<(), CannotResolve> {
    let Some(filesystem) = watched.filesystems.get_mut(number) else { return Ok(()) };
    if filesystem.marks != MarkKind::Filesystem || filesystem.links.single.find(object).is_some() {
        return Ok(());
    }
    if let Some(names) = filesystem.links.named.find(object).map(Arc::clone) {
        let who = if names.is_empty() { None } else { out.who(pid) };
        report_names(&watched.roots, out, &names, &Change { operations, pid, who });
        return Ok(());
    }
    if let Some(wanted) = filesystem.links.wanted.get_mut(object) {
        wanted.change.operations = wanted.change.operations.union(operations);
        return Ok(());
    }
    find_names(watched, out, number, object, (operations, pid))
}

/// Looks how many names a file has, and has them found if there are several.
pub(super) fn find_names(
    watched: &mut Watched,
    out: &mut EventSender,
    number: usize,
    object: &[u8],
    (operations, pid): (Operations, u32),
) -> Result<(), CannotResolve> {
    let Some(filesystem) = watched.filesystems.get_mut(number) else { return Ok(()) };
    let (inode, names) = match filesystem.inode_of(object) {
        Ok(found) => found,
        // Its removal is an event of each directory that held a name.
        Err(error) if is_gone(&error) => return Ok(()),
        Err(error) => {
            tracing::debug!(%error, "cannot resolve the handle of a file");
            return Err(CannotResolve);
        }
    };
    if names <= 1 {
        filesystem.links.single.insert(object.into(), ());
    } else if filesystem.links.wanted.len() >= MOST_WANTED {
        filesystem.links.wanted.clear();
        watched.report_lost(number, GapCause::BacklogFull, out);
    } else {
        let change = Change { operations, pid, who: out.who(pid) };
        filesystem.links.wanted.insert(object.into(), WantedNames { inode, change });
    }
    Ok(())
}

fn report_names(roots: &Roots, out: &mut EventSender, names: &[Vec<u8>], change: &Change) {
    for path in names {
        let Some(watch) = roots.policy.watch_of(path, PathKind::Other) else { continue };
        let who = change.who.clone().filter(|_| watch.who);
        out.report.through_links += 1;
        out.event_by(path.clone(), change.operations, false, change.pid, who);
    }
}

impl LinkSearch {
    pub(super) fn new() -> Self {
        Self { running: None, not_before: Instant::now() }
    }

    /// Reads some directories for the files whose names are wanted. Returns when there is more to do:
    /// `None` = never, until a file is wanted.
    pub(super) fn run(&mut self, watched: &mut Watched, out: &mut EventSender, most: usize) -> Option<Duration> {
        let Some(mut search) = self.running.take().or_else(|| self.begin(watched)) else {
            let is_wanted = watched.filesystems.iter().any(|filesystem| filesystem.links.is_searching());
            return is_wanted.then(|| self.not_before.saturating_duration_since(Instant::now()));
        };
        for _ in 0..most {
            let Some((path, mount)) = search.queue.pop() else {
                self.end(search, watched, out);
                return Some(Duration::ZERO);
            };
            search.read(&watched.roots, &path, mount);
        }
        self.running = Some(search);
        Some(Duration::ZERO)
    }

    fn begin(&self, watched: &mut Watched) -> Option<Search> {
        let began = Instant::now();
        if began < self.not_before {
            return None;
        }
        let mut numbered = watched.filesystems.iter_mut().enumerate();
        let (number, filesystem) = numbered.find(|(_, filesystem)| filesystem.links.is_searching())?;
        let wanted = std::mem::take(&mut filesystem.links.wanted);
        let mut inodes: HashMap<u64, Vec<Handle>> = HashMap::new();
        for (handle, file) in &wanted {
            inodes.entry(file.inode).or_default().push(handle.clone());
        }
        let parts = filesystem.planned.parts.iter();
        let queue = parts.map(|part| (part.real.clone(), part.mount)).collect();
        Some(Search { filesystem: number, began, wanted, inodes, queue, found: HashMap::new() })
    }

    fn end(&mut self, mut search: Search, watched: &mut Watched, out: &mut EventSender) {
        let now = Instant::now();
        self.not_before = now + (now - search.began) * SHARE;
        for (handle, file) in search.wanted {
            let names: Arc<[Vec<u8>]> = search.found.remove(&handle).unwrap_or_default().into();
            report_names(&watched.roots, out, &names, &file.change);
            if let Some(filesystem) = watched.filesystems.get_mut(search.filesystem) {
                filesystem.links.named.insert(handle, names);
            }
        }
    }

    /// Roots or mounts are other ones: the search may read directories that are watched no longer and begins again.
    pub(super) fn restart(&mut self, watched: &mut Watched) {
        let Some(search) = self.running.take() else { return };
        if let Some(filesystem) = watched.filesystems.get_mut(search.filesystem) {
            filesystem.links.wanted.extend(search.wanted);
        }
    }
}

impl Search {
    /// Reads one directory, or looks at a root that is a file. What cannot be read is gone; its removal is
    /// reported as such.
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
