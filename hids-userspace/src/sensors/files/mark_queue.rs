//! Visits directories: to mark each where each needs its own mark, else to remember their paths, so
//! that events of directories that are removed at once can still be told by name.
//!
//! A directory is marked first and listed after that: what appeared in it before the mark is in the
//! list, what appears after it is an event.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::time::{Duration, Instant};

use hids_core::fim::PathKind;
use hids_core::model::{GapCause, Operation, Operations};
use rustix::fs::{AtFlags, FileType, statat};

use super::event_sender::Doer;
use super::filesystem::{Handle, Remarking};
use super::mounts::mount_id;
use super::parse::{Place, Record};
use super::paths::join;
use super::report::MarkKind;
use super::resolve::{each_entry, open_directory};
use super::roots::Directory;
use super::sensor::Sensor;
use crate::sys::fanotify::handle_of;

/// Entries of a new directory that are told one by one; more become a gap.
const MOST_TOLD: usize = 4096;

/// How long a gap waits for directories to be marked before it is told a first time.
const PATIENCE: Duration = Duration::from_secs(10);

/// A directory to go to.
#[derive(Debug)]
pub(super) struct Visit {
    filesystem: usize,
    /// Its real path.
    path: Vec<u8>,
    /// The directory above it, if that has been visited.
    parent: Option<Handle>,
    /// The mount that it must be reached through.
    mount: u64,
    why: Why,
}

/// Why a directory is visited.
#[derive(Clone, Copy, Debug)]
enum Why {
    /// The sensor starts: scans tell what is in it.
    Start,
    /// It should be known. If it is not, nobody told what is in it.
    Check,
    /// A gap is told for all of it.
    Covered,
    /// It has just appeared: what is in it has appeared as well.
    Appeared(Doer),
}

impl Sensor {
    /// Whether directories still wait for their marks.
    pub(super) fn is_marking(&self) -> bool {
        self.filesystems.iter().any(|filesystem| filesystem.unmarked > 0 || !filesystem.deferred.is_empty())
    }

    /// Visits some directories; false when there are no more.
    pub(super) fn walk(&mut self, most: usize) -> bool {
        for _ in 0..most {
            let Some(visit) = self.visits.pop_front() else { break };
            if let Some(filesystem) = self.filesystems.get_mut(visit.filesystem) {
                filesystem.unmarked = filesystem.unmarked.saturating_sub(1);
                self.visit(&visit);
            }
        }
        for number in 0..self.filesystems.len() {
            self.send_deferred(number);
        }
        !self.visits.is_empty()
    }

    /// Tells the gaps that waited until all directories were marked.
    fn send_deferred(&mut self, number: usize) {
        let Some(filesystem) = self.filesystems.get_mut(number) else { return };
        if filesystem.unmarked > 0 {
            // New directories without end must not keep a gap secret.
            if !filesystem.deferred.is_empty() && filesystem.deferred_since.elapsed() > PATIENCE {
                filesystem.deferred_since = Instant::now();
                for (subtree, cause) in &filesystem.deferred {
                    self.out.gap(subtree, *cause);
                }
            }
            return;
        }
        for (subtree, cause) in std::mem::take(&mut filesystem.deferred) {
            self.out.gap(&subtree, cause);
        }
        if std::mem::replace(&mut filesystem.remarking, Remarking::No) == Remarking::Twice {
            self.mark_again(number, GapCause::QueueOverflow);
        }
    }

    /// Queues the parts of a filesystem. When the sensor starts, scans tell what is in them; later, what
    /// was not known is a gap.
    pub(super) fn visit_parts(&mut self, number: usize, is_start: bool) {
        self.queue_parts(number, if is_start { Why::Start } else { Why::Check });
    }

    /// Events were lost: renames and new directories may be among them. Tells of the gap; where
    /// directories are marked one by one, after they have been.
    pub(super) fn mark_again(&mut self, number: usize, cause: GapCause) {
        let Some(filesystem) = self.filesystems.get_mut(number) else { return };
        filesystem.forget();
        if filesystem.marks != MarkKind::Directories {
            return self.lost(number, cause);
        }
        let subtrees: Vec<Vec<u8>> = filesystem.planned.parts.iter().map(|part| part.subtree.clone()).collect();
        for subtree in subtrees {
            filesystem.defer(&subtree, cause);
        }
        if filesystem.remarking == Remarking::No {
            filesystem.remarking = Remarking::Once;
            filesystem.tree.clear();
            self.queue_parts(number, Why::Covered);
        } else {
            filesystem.remarking = Remarking::Twice;
        }
    }

    fn queue_parts(&mut self, number: usize, why: Why) {
        let Some(filesystem) = self.filesystems.get(number) else { return };
        if filesystem.group.is_none() {
            return;
        }
        let mut places: Vec<(Vec<u8>, u64)> =
            filesystem.planned.parts.iter().map(|part| (part.real.clone(), part.mount)).collect();
        if filesystem.marks == MarkKind::Directories {
            let points = &filesystem.planned.points;
            let ways = self.roots.way_directories();
            places.extend(ways.flat_map(|way| points.iter().map(move |point| (way.clone(), point.id))));
        }
        for (path, mount) in places {
            self.queue(Visit { filesystem: number, path, parent: None, mount, why });
        }
    }

    fn queue(&mut self, visit: Visit) {
        let Some(filesystem) = self.filesystems.get_mut(visit.filesystem) else { return };
        // What is only remembered must not push out what is in use.
        let is_enough = self.visits.len() >= self.tuning.most_directories / 2;
        match filesystem.marks {
            MarkKind::Filesystem if is_enough => return,
            MarkKind::Filesystem => {}
            MarkKind::Directories => filesystem.unmarked += 1,
            MarkKind::ScansOnly => return,
        }
        // New directories first: in them more is to be expected.
        match visit.why {
            Why::Appeared(_) => self.visits.push_front(visit),
            _ => self.visits.push_back(visit),
        }
    }

    fn visit(&mut self, visit: &Visit) {
        if let Err(error) = self.try_visit(visit) {
            // Removed or moved since: that is an event of its own.
            if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR | libc::ELOOP | libc::ESTALE)) {
                return;
            }
            let Some(filesystem) = self.filesystems.get_mut(visit.filesystem) else { return };
            if filesystem.marks == MarkKind::Filesystem {
                return;
            }
            filesystem.note_unmarked(&visit.path, &error);
            self.out.report.unmarked += 1;
            for path in self.roots.directory(&visit.path).paths {
                self.out.gap(&path, GapCause::Unmarked);
            }
        }
    }

    fn try_visit(&mut self, visit: &Visit) -> io::Result<()> {
        let directory = open_directory(&visit.path)?;
        let known = self.roots.directory(&visit.path);
        if !known.matters() || mount_id(&directory)? != visit.mount {
            return Ok(());
        }
        let handle: Handle = handle_of(directory.as_fd())?.into();
        let Some(filesystem) = self.filesystems.get_mut(visit.filesystem) else { return Ok(()) };
        let mut why = visit.why;
        if filesystem.marks == MarkKind::Directories {
            filesystem.mark_directory(directory.as_fd(), &known)?;
            let is_unknown = !filesystem.tree.knows(&handle);
            filesystem.tree.insert(&handle, visit.parent.as_deref(), &visit.path);
            if matches!(why, Why::Check) && is_unknown {
                for path in &known.paths {
                    filesystem.defer(path, GapCause::Unmarked);
                }
                why = Why::Covered;
            }
        } else {
            filesystem.learn(&handle, std::slice::from_ref(&visit.path), &self.roots);
        }
        if known.paths.is_empty() { Ok(()) } else { self.list(visit, &known, &handle, directory.as_fd(), why) }
    }

    /// Queues the directories in a directory, and tells of everything in it if it has just appeared.
    fn list(
        &mut self,
        visit: &Visit,
        known: &Directory,
        handle: &Handle,
        directory: BorrowedFd<'_>,
        why: Why,
    ) -> io::Result<()> {
        let mut told = 0;
        let mut inner = Vec::new();
        each_entry(directory, |name, _, kind| {
            let is_directory = match kind {
                FileType::Unknown => statat(directory, super::roots::as_path(name), AtFlags::SYMLINK_NOFOLLOW)
                    .is_ok_and(|found| FileType::from_raw_mode(found.st_mode).is_dir()),
                known => known.is_dir(),
            };
            if is_directory {
                inner.push(name.to_vec());
            }
            if let Why::Appeared(doer) = why {
                self.report_entry(known, name, is_directory, doer);
                told += 1;
            }
            told < MOST_TOLD
        })?;
        if told >= MOST_TOLD {
            let Some(filesystem) = self.filesystems.get_mut(visit.filesystem) else { return Ok(()) };
            for path in &known.paths {
                filesystem.defer(path, GapCause::Unmarked);
            }
            return self.list(visit, known, handle, directory, Why::Covered);
        }
        for name in inner {
            let path = join(&visit.path, &name);
            if self.roots.directory(&path).matters() {
                let parent = Some(handle.clone());
                self.queue(Visit { filesystem: visit.filesystem, path, parent, mount: visit.mount, why });
            }
        }
        Ok(())
    }

    fn report_entry(&mut self, directory: &Directory, name: &[u8], is_directory: bool, doer: Doer) {
        let kind = if is_directory { PathKind::Directory } else { PathKind::Other };
        for (path, watch) in self.roots.watched(directory, name, kind) {
            let doer = Doer { wanted: watch.who, ..doer };
            self.out.event(path, Operations::NONE.with(Operation::Create), is_directory, doer);
        }
    }

    /// A directory on a filesystem where each is marked appeared, moved or vanished.
    pub(super) fn tree_changed(&mut self, number: usize, record: &Record<'_>) {
        use fanotify::low_level::{FAN_CREATE, FAN_DELETE, FAN_DELETE_SELF, FAN_MOVED_FROM, FAN_MOVED_TO};
        let doer = Doer { pid: record.pid, wanted: false };
        let has = |bits| record.mask & bits != 0;
        if let Some(old) = record.old.or(record.place.filter(|_| has(FAN_MOVED_FROM))) {
            self.directory_left(number, &old, record);
        }
        if let Some(new) = record.new.or(record.place.filter(|_| has(FAN_CREATE | FAN_MOVED_TO))) {
            self.directory_came(number, &new, doer);
        }
        let Some(filesystem) = self.filesystems.get_mut(number) else { return };
        if has(FAN_DELETE | FAN_DELETE_SELF) {
            let itself = record.place.filter(|place| has(FAN_DELETE_SELF) && matches!(place.name, b"" | b"."));
            if let Some(handle) = itself.map(|place| place.directory).or(record.object) {
                filesystem.tree.remove(handle);
            }
        }
    }

    fn directory_left(&mut self, number: usize, old: &Place<'_>, record: &Record<'_>) {
        let Some(filesystem) = self.filesystems.get_mut(number) else { return };
        let child = record.object.map(Handle::from).or_else(|| filesystem.tree.child(old.directory, old.name));
        if let Some(child) = child {
            // What moved to another watched place is found there again.
            filesystem.tree.remove(&child);
        }
    }

    fn directory_came(&mut self, number: usize, new: &Place<'_>, doer: Doer) {
        let Some(filesystem) = self.filesystems.get(number) else { return };
        let Some(paths) = filesystem.tree.path(new.directory) else { return };
        let points: Vec<u64> = filesystem.planned.points.iter().map(|point| point.id).collect();
        for path in paths {
            let path = join(&path, new.name);
            if self.roots.directory(&path).matters() {
                for &mount in &points {
                    let (path, parent) = (path.clone(), Some(Handle::from(new.directory)));
                    self.queue(Visit { filesystem: number, path, parent, mount, why: Why::Appeared(doer) });
                }
            }
        }
    }
}
