//! Visits directories: to mark each where each needs its own mark, else to remember their paths, so
//! that events of directories that are removed at once can still be reported by name.
//!
//! A directory is marked first and listed after that: what appeared in it before the mark is in the
//! list, what appears after it is an event.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::time::{Duration, Instant};

use hids_core::fim::PathKind;
use hids_core::model::{GapCause, Operation, Operations};
use rustix::fs::{AtFlags, FileType, statat};

use super::event_sender::{Doer, EventSender};
use super::file_handle::Handle;
use super::filesystem::Remarking;
use super::parse::{Place, Record};
use super::paths::join;
use super::report::MarkKind;
use super::resolve::{each_entry, open_directory};
use super::roots::{Directory, Roots, as_path};
use super::watched::Watched;
use crate::platform::mountinfo::mount_id;
use crate::sys::fanotify::handle_of;

/// Entries of a new directory that are reported one by one; more become a gap.
const MOST_REPORTED: usize = 4096;

/// How long a gap waits for directories to be marked before it is reported a first time.
const PATIENCE: Duration = Duration::from_secs(10);

/// A directory to go to.
#[derive(Debug)]
struct Visit {
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
    /// The sensor starts: scans find what is in it.
    Start,
    /// It should be known. If it is not, no event has reported what is in it.
    Check,
    /// A gap is reported for all of it.
    Covered,
    /// It has just appeared: what is in it has appeared as well.
    Appeared(Doer),
}

/// Directories to be marked or learned.
#[derive(Debug)]
pub(super) struct MarkQueue {
    visits: VecDeque<Visit>,
    /// Directories whose path is remembered, where whole filesystems are marked.
    most_directories: usize,
}

impl MarkQueue {
    pub(super) fn new(most_directories: usize) -> Self {
        Self { visits: VecDeque::new(), most_directories }
    }

    /// Forgets all visits.
    pub(super) fn clear(&mut self) {
        self.visits.clear();
    }

    /// Visits some directories; false when there are no more.
    pub(super) fn walk(&mut self, watched: &mut Watched, out: &mut EventSender, most: usize) -> bool {
        for _ in 0..most {
            let Some(visit) = self.visits.pop_front() else { break };
            if let Some(filesystem) = watched.filesystems.get_mut(visit.filesystem) {
                filesystem.unmarked = filesystem.unmarked.saturating_sub(1);
                self.visit(watched, out, &visit);
            }
        }
        for number in 0..watched.filesystems.len() {
            self.send_deferred(watched, out, number);
        }
        !self.visits.is_empty()
    }

    /// Reports the gaps that waited until all directories were marked.
    fn send_deferred(&mut self, watched: &mut Watched, out: &mut EventSender, number: usize) {
        let Some(filesystem) = watched.filesystems.get_mut(number) else { return };
        if filesystem.unmarked > 0 {
            // New directories without end must not keep a gap secret.
            if !filesystem.deferred.is_empty() && filesystem.deferred_since.elapsed() > PATIENCE {
                filesystem.deferred_since = Instant::now();
                for (subtree, cause) in &filesystem.deferred {
                    out.gap(subtree, *cause);
                }
            }
            return;
        }
        for (subtree, cause) in std::mem::take(&mut filesystem.deferred) {
            out.gap(&subtree, cause);
        }
        if std::mem::replace(&mut filesystem.remarking, Remarking::No) == Remarking::Twice {
            self.mark_again(watched, out, number, GapCause::QueueOverflow);
        }
    }

    /// Queues the parts of a filesystem. When the sensor starts, scans find what is in them; later, what
    /// was not known is a gap.
    pub(super) fn add_parts(&mut self, watched: &mut Watched, number: usize, is_start: bool) {
        self.queue_parts(watched, number, if is_start { Why::Start } else { Why::Check });
    }

    /// Events were lost: renames and new directories may be among them. Reports the gap; where
    /// directories are marked one by one, after they have been.
    pub(super) fn mark_again(&mut self, watched: &mut Watched, out: &mut EventSender, number: usize, cause: GapCause) {
        let Some(filesystem) = watched.filesystems.get_mut(number) else { return };
        filesystem.forget();
        if filesystem.marks != MarkKind::Directories {
            return watched.report_lost(number, cause, out);
        }
        let subtrees: Vec<Vec<u8>> = filesystem.planned.parts.iter().map(|part| part.subtree.clone()).collect();
        for subtree in subtrees {
            filesystem.defer(&subtree, cause);
        }
        if filesystem.remarking == Remarking::No {
            filesystem.remarking = Remarking::Once;
            filesystem.tree.clear();
            self.queue_parts(watched, number, Why::Covered);
        } else {
            filesystem.remarking = Remarking::Twice;
        }
    }

    fn queue_parts(&mut self, watched: &mut Watched, number: usize, why: Why) {
        let Some(filesystem) = watched.filesystems.get(number) else { return };
        if filesystem.group.is_none() {
            return;
        }
        let mut places: Vec<(Vec<u8>, u64)> =
            filesystem.planned.parts.iter().map(|part| (part.real.clone(), part.mount)).collect();
        if filesystem.marks == MarkKind::Directories {
            let points = &filesystem.planned.points;
            let ways = watched.roots.way_directories();
            places.extend(ways.flat_map(|way| points.iter().map(move |point| (way.clone(), point.id))));
        }
        for (path, mount) in places {
            self.push(watched, Visit { filesystem: number, path, parent: None, mount, why });
        }
    }

    fn push(&mut self, watched: &mut Watched, visit: Visit) {
        let Some(filesystem) = watched.filesystems.get_mut(visit.filesystem) else { return };
        // What is only remembered must not push out what is in use.
        let is_enough = self.visits.len() >= self.most_directories / 2;
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

    fn visit(&mut self, watched: &mut Watched, out: &mut EventSender, visit: &Visit) {
        if let Err(error) = self.try_visit(watched, out, visit) {
            // Removed or moved since: that is an event of its own.
            if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR | libc::ELOOP | libc::ESTALE)) {
                return;
            }
            let Some(filesystem) = watched.filesystems.get_mut(visit.filesystem) else { return };
            if filesystem.marks == MarkKind::Filesystem {
                return;
            }
            filesystem.note_unmarked(&visit.path, &error);
            out.report.unmarked += 1;
            for path in watched.roots.directory(&visit.path).paths {
                out.gap(&path, GapCause::Unmarked);
            }
        }
    }

    fn try_visit(&mut self, watched: &mut Watched, out: &mut EventSender, visit: &Visit) -> io::Result<()> {
        let directory = open_directory(&visit.path)?;
        let known = watched.roots.directory(&visit.path);
        if !known.matters() || mount_id(&directory)? != visit.mount {
            return Ok(());
        }
        let handle: Handle = handle_of(directory.as_fd())?.into();
        let Some(filesystem) = watched.filesystems.get_mut(visit.filesystem) else { return Ok(()) };
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
            filesystem.learn(&handle, std::slice::from_ref(&visit.path), &watched.roots);
        }
        if known.paths.is_empty() {
            return Ok(());
        }
        let mut listed = list(&watched.roots, out, &known, directory.as_fd(), why)?;
        if listed.is_too_long {
            let Some(filesystem) = watched.filesystems.get_mut(visit.filesystem) else { return Ok(()) };
            for path in &known.paths {
                filesystem.defer(path, GapCause::Unmarked);
            }
            why = Why::Covered;
            listed = list(&watched.roots, out, &known, directory.as_fd(), why)?;
        }
        for name in listed.directories {
            let path = join(&visit.path, &name);
            if watched.roots.directory(&path).matters() {
                let parent = Some(handle.clone());
                self.push(watched, Visit { filesystem: visit.filesystem, path, parent, mount: visit.mount, why });
            }
        }
        Ok(())
    }

    /// A directory on a filesystem where each is marked appeared, moved or vanished.
    pub(super) fn tree_changed(&mut self, watched: &mut Watched, number: usize, record: &Record<'_>) {
        use fanotify::low_level::{FAN_CREATE, FAN_DELETE, FAN_DELETE_SELF, FAN_MOVED_FROM, FAN_MOVED_TO};
        let doer = Doer { pid: record.pid, wanted: false };
        let has = |bits| record.mask & bits != 0;
        if let Some(old) = record.old.or(record.place.filter(|_| has(FAN_MOVED_FROM))) {
            directory_left(watched, number, &old, record);
        }
        if let Some(new) = record.new.or(record.place.filter(|_| has(FAN_CREATE | FAN_MOVED_TO))) {
            self.directory_came(watched, number, &new, doer);
        }
        let Some(filesystem) = watched.filesystems.get_mut(number) else { return };
        if has(FAN_DELETE | FAN_DELETE_SELF) {
            let itself = record.place.filter(|place| has(FAN_DELETE_SELF) && matches!(place.name, b"" | b"."));
            if let Some(handle) = itself.map(|place| place.directory).or(record.object) {
                filesystem.tree.remove(handle);
            }
        }
    }

    fn directory_came(&mut self, watched: &mut Watched, number: usize, new: &Place<'_>, doer: Doer) {
        let Some(filesystem) = watched.filesystems.get(number) else { return };
        let Some(paths) = filesystem.tree.path(new.directory) else { return };
        let points: Vec<u64> = filesystem.planned.points.iter().map(|point| point.id).collect();
        for path in paths {
            let path = join(&path, new.name);
            if watched.roots.directory(&path).matters() {
                for &mount in &points {
                    let (path, parent) = (path.clone(), Some(Handle::from(new.directory)));
                    self.push(watched, Visit { filesystem: number, path, parent, mount, why: Why::Appeared(doer) });
                }
            }
        }
    }
}

/// What is in a directory.
struct Listed {
    /// Names of the directories in it.
    directories: Vec<Vec<u8>>,
    /// There is more than is reported one by one; then the list is not whole.
    is_too_long: bool,
}

/// Lists the directories in a directory, and reports everything in it if it has just appeared.
fn list(
    roots: &Roots,
    out: &mut EventSender,
    known: &Directory,
    directory: BorrowedFd<'_>,
    why: Why,
) -> io::Result<Listed> {
    let mut reported = 0;
    let mut directories = Vec::new();
    each_entry(directory, |name, _, kind| {
        let is_directory = match kind {
            FileType::Unknown => statat(directory, as_path(name), AtFlags::SYMLINK_NOFOLLOW)
                .is_ok_and(|found| FileType::from_raw_mode(found.st_mode).is_dir()),
            known => known.is_dir(),
        };
        if is_directory {
            directories.push(name.to_vec());
        }
        if let Why::Appeared(doer) = why {
            report_entry(roots, out, known, name, is_directory, doer);
            reported += 1;
        }
        reported < MOST_REPORTED
    })?;
    Ok(Listed { directories, is_too_long: reported >= MOST_REPORTED })
}

fn report_entry(
    roots: &Roots,
    out: &mut EventSender,
    directory: &Directory,
    name: &[u8],
    is_directory: bool,
    doer: Doer,
) {
    let kind = if is_directory { PathKind::Directory } else { PathKind::Other };
    for (path, watch) in roots.watched(directory, name, kind) {
        let doer = Doer { wanted: watch.who, ..doer };
        out.event(path, Operations::NONE.with(Operation::Create), is_directory, doer);
    }
}

fn directory_left(watched: &mut Watched, number: usize, old: &Place<'_>, record: &Record<'_>) {
    let Some(filesystem) = watched.filesystems.get_mut(number) else { return };
    let child = record.object.map(Handle::from).or_else(|| filesystem.tree.child(old.directory, old.name));
    if let Some(child) = child {
        // What moved to another watched place is found there again.
        filesystem.tree.remove(&child);
    }
}
