//! One filesystem with watched files: its group, its marks, and what is known of its directories.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::sync::Arc;
use std::time::Instant;

use hids_core::model::GapCause;
use rustix::fs::fstat;

use super::file_handle::Handle;
use super::group::{Group, describe_refusal};
use super::link_names::LinkNames;
use super::mounts::is_pseudo;
use super::options::MarkChoice;
use super::paths::below;
use super::plan::{PlannedFilesystem, Point};
use super::report::MarkKind;
use super::resolve::{Whereabouts, locate, open_point};
use super::roots::{Directory, Roots};
use super::tree::Tree;
use super::two_generation_cache::TwoGenerationCache;
use crate::sensors::subvolumes;
use crate::sys::fanotify::{handle_of, open_by_handle};

/// See the module.
#[derive(Debug)]
pub(super) struct Filesystem {
    pub(super) planned: PlannedFilesystem,
    /// `None` where nothing can be marked.
    pub(super) group: Option<Group>,
    pub(super) marks: MarkKind,
    pub(super) reason: Option<String>,
    /// Whether `reason` names a directory that could not be marked.
    has_unmarked: bool,
    pub(super) overflows: u64,
    /// Files with several names.
    pub(super) links: LinkNames,
    /// Visits that wait until directories can be marked.
    pub(super) unmarked: usize,
    /// Gaps that are reported when all directories are marked: a scan before that would be too early.
    pub(super) deferred: Vec<(Vec<u8>, GapCause)>,
    /// When gaps were last reported, or began to wait.
    pub(super) deferred_since: Instant,
    /// Every directory is marked again because events were lost.
    pub(super) remarking: Remarking,
    /// Directories that carry a mark, where each carries its own.
    pub(super) tree: Tree,
    /// What the policy says of directories, by handle.
    directories: TwoGenerationCache<Handle, Arc<Directory>>,
    /// Files that are mount points: their directory has no path here.
    mounted_files: HashMap<Handle, Vec<u8>>,
    nowhere: Arc<Directory>,
}

/// Whether every directory is being marked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remarking {
    /// No.
    No,
    /// Yes.
    Once,
    /// Yes, and once more after that: events were lost again.
    Twice,
}

/// What an event's directory is.
pub(super) enum Found {
    /// This, to the policy.
    Directory(Arc<Directory>),
    /// Removed: its removal is an event of the directory above.
    Gone,
    /// It cannot be resolved now.
    Failed(io::Error),
}

impl Filesystem {
    /// Makes the group and marks the filesystem if it can be; directories are marked by a walk.
    pub(super) fn open(planned: PlannedFilesystem, choice: MarkChoice, most_directories: usize) -> Self {
        let mut filesystem = Self {
            planned,
            group: None,
            marks: MarkKind::ScansOnly,
            reason: None,
            has_unmarked: false,
            overflows: 0,
            links: LinkNames::new(),
            unmarked: 0,
            deferred: Vec::new(),
            deferred_since: Instant::now(),
            remarking: Remarking::No,
            tree: Tree::default(),
            directories: TwoGenerationCache::new(most_directories),
            mounted_files: HashMap::new(),
            nowhere: Arc::new(Directory::default()),
        };
        filesystem.mark(choice);
        filesystem.find_mounted_files();
        filesystem
    }

    /// Tells of a gap once all directories are marked.
    pub(super) fn defer(&mut self, subtree: &[u8], cause: GapCause) {
        if self.deferred.is_empty() {
            self.deferred_since = Instant::now();
        }
        if !self.deferred.iter().any(|(known, _)| below(known, subtree).is_some()) {
            self.deferred.push((subtree.to_vec(), cause));
        }
    }

    fn mark(&mut self, choice: MarkChoice) {
        if is_pseudo(&self.planned.kind) {
            self.reason = Some("the kernel makes its files up and does not report changes".to_owned());
            return;
        }
        let mut group = match Group::open() {
            Ok(group) => group,
            Err(error) => {
                self.reason = Some(format!("no fanotify group with names: {error}"));
                return;
            }
        };
        let point = self.planned.points.iter().find_map(|point| open_point(&point.path).ok());
        let Some(point) = point else {
            self.reason = Some("its mount points cannot be opened".to_owned());
            return;
        };
        let refusal = match choice {
            // Only the way to a root is on it.
            _ if self.planned.parts.is_empty() => "nothing on it is watched".to_owned(),
            MarkChoice::Best => match mark_whole(&mut group, &self.planned.kind, point.as_fd()) {
                Ok(()) => {
                    self.marks = MarkKind::Filesystem;
                    self.group = Some(group);
                    return;
                }
                Err(error) => describe_refusal(&error),
            },
            MarkChoice::Directories => "each directory is marked on demand".to_owned(),
        };
        let is_markable = handle_of(point.as_fd()).and_then(|_| group.mark_way(point.as_fd()));
        match is_markable {
            Ok(()) => {
                self.marks = MarkKind::Directories;
                self.reason = Some(format!("{refusal}; writes through hard links from outside are found by scans"));
                self.group = Some(group);
            }
            Err(error) => self.reason = Some(format!("{refusal}; directories: {}", describe_refusal(&error))),
        }
    }

    /// Whether the marks are those that `planned` needs: a filesystem that only led to a root may now
    /// hold one.
    pub(super) fn fits(&self, planned: &PlannedFilesystem) -> bool {
        self.planned.parts.is_empty() == planned.parts.is_empty()
    }

    /// Takes up another plan for the same filesystem.
    pub(super) fn arrange(&mut self, planned: PlannedFilesystem) {
        self.planned = planned;
        // Visits are queued again.
        self.unmarked = 0;
        self.forget();
        self.find_mounted_files();
    }

    /// Paths may have changed: looks again for each directory that comes.
    pub(super) fn forget(&mut self) {
        self.directories.clear();
        self.links.forget_names();
    }

    pub(super) fn directories_known(&self) -> u64 {
        self.directories.len() as u64
    }

    /// What the directory with `handle` is to the policy.
    pub(super) fn directory(&mut self, handle: &[u8], roots: &Roots) -> Found {
        if let Some(directory) = self.directories.find(handle) {
            return Found::Directory(Arc::clone(directory));
        }
        let paths = match self.marks {
            MarkKind::Filesystem => self.locate(handle),
            _ => Ok(self.tree.path(handle)),
        };
        match paths {
            Ok(Some(paths)) => Found::Directory(self.learn(handle, &paths, roots)),
            Ok(None) => Found::Gone,
            Err(error) => Found::Failed(error),
        }
    }

    /// Remembers what the policy says of the directory with `handle`, which lies at `paths`.
    pub(super) fn learn(&mut self, handle: &[u8], paths: &[Vec<u8>], roots: &Roots) -> Arc<Directory> {
        let mut all = Directory::default();
        for path in paths {
            all.join(roots.directory(path));
        }
        // Most directories of a machine are of no concern: they share one entry.
        let directory = if all == Directory::default() { Arc::clone(&self.nowhere) } else { Arc::new(all) };
        self.directories.insert(handle.into(), Arc::clone(&directory));
        directory
    }

    /// The real paths of a directory, one for each mount that shows it; `None` when it is gone.
    fn locate(&self, handle: &[u8]) -> io::Result<Option<Vec<Vec<u8>>>> {
        let mut paths = Vec::new();
        for point in &self.planned.points {
            match locate(open_point(&point.path)?.as_fd(), handle)? {
                Whereabouts::At(path) => paths.push(path),
                Whereabouts::Gone => return Ok(None),
                Whereabouts::Unreachable => {}
            }
        }
        Ok(Some(paths))
    }

    /// Inode number and number of names of a file.
    #[cfg_attr(
        target_pointer_width = "64",
        expect(clippy::useless_conversion, reason = "the number of names has 32 bits on other processors")
    )]
    pub(super) fn inode_of(&self, object: &[u8]) -> io::Result<(u64, u64)> {
        // Without a mount point it has been unmounted: that is a change of the mount table, no removal.
        let point = self.planned.points.iter().find_map(|point| open_point(&point.path).ok());
        let point = point.ok_or(io::ErrorKind::NotFound)?;
        let file = open_by_handle(point.as_fd(), object)?;
        let found = fstat(&file)?;
        Ok((found.st_ino, u64::from(found.st_nlink)))
    }

    /// The policy's path of a file that is a mount point.
    pub(super) fn mounted_file(&self, object: &[u8]) -> Option<&[u8]> {
        self.mounted_files.get(object).map(Vec::as_slice)
    }

    fn find_mounted_files(&mut self) {
        self.mounted_files.clear();
        for part in &self.planned.parts {
            let Some(point) = self.planned.points.iter().find(|point| is_file_mount(point, &part.real)) else {
                continue;
            };
            let Ok(file) = open_point(&point.path) else { continue };
            let is_file = file.metadata().is_ok_and(|metadata| !metadata.is_dir());
            let Some(handle) = is_file.then(|| handle_of(file.as_fd()).ok()).flatten() else { continue };
            let marked = match (&mut self.group, self.marks) {
                (Some(group), MarkKind::Directories) => group.mark_file(file.as_fd()).is_ok(),
                (Some(_), _) => true,
                (None, _) => false,
            };
            if marked {
                self.mounted_files.insert(handle.into(), part.subtree.clone());
            }
        }
    }

    /// Has the report name a directory that could not be marked; the first one, as there may be many.
    pub(super) fn note_unmarked(&mut self, path: &[u8], error: &io::Error) {
        if self.has_unmarked {
            return;
        }
        self.has_unmarked = true;
        let (path, why) = (String::from_utf8_lossy(path), describe_refusal(error));
        let text = format!("{path} could not be marked: {why}; changes in it are found by scans");
        self.reason = Some(self.reason.take().map_or_else(|| text.clone(), |known| format!("{known}; {text}")));
    }

    /// Marks one directory, for all that can matter in it.
    pub(super) fn mark_directory(&mut self, directory: BorrowedFd<'_>, known: &Directory) -> io::Result<()> {
        let Some(group) = &mut self.group else { return Ok(()) };
        if known.paths.is_empty() && known.roots.is_empty() {
            group.mark_way(directory)
        } else {
            group.mark_directory(directory)
        }
    }
}

/// Marks all of the filesystem that `point` is on.
fn mark_whole(group: &mut Group, kind: &[u8], point: BorrowedFd<'_>) -> io::Result<()> {
    match group.mark_filesystem(point) {
        Err(error) if error.raw_os_error() == Some(libc::EXDEV) && kind == subvolumes::KIND.as_bytes() => {
            group.mark_filesystem(subvolumes::open_top(point)?.as_fd())
        }
        other => other,
    }
}

fn is_file_mount(point: &Point, real: &[u8]) -> bool {
    point.path == real
}
