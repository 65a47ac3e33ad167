//! Opens log files, if they may be trusted to be what their paths name.
//!
//! The way to a file is walked by one component at a time, each opened with `O_PATH | O_NOFOLLOW` below the
//! one before, and judged by what that descriptor says: nobody can exchange something between the look and
//! the use. Symbolic links are read and walked here, never by the kernel, so that the links of procfs that
//! lead elsewhere than they say are never taken (what openat2(2) has `RESOLVE_NO_MAGICLINKS` for; this works
//! on Linux 4.18 as well, and openat2 cannot say who owns a link on the way).

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, Stat, fstat, fstatfs, openat, readlinkat};
use rustix::io::Errno;

use super::trust::{Facts, Refusal, judge_directory, judge_file, judge_filesystem, judge_link};

/// Longest chain of symbolic links, as in Linux (path_resolution(7)).
const MAX_LINKS: usize = 40;
/// How often a file that is replaced while it is opened is tried again.
const ATTEMPTS: usize = 3;

/// A file cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    /// The kernel says so.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It is not trusted.
    #[error("{0}")]
    Refused(Refusal),
}

impl From<Errno> for OpenError {
    fn from(errno: Errno) -> Self {
        Self::Io(errno.into())
    }
}

impl From<Refusal> for OpenError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Whether a symbolic link may stand at the end of the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LastLink {
    Follow,
    Refuse,
}

/// A file or named pipe that is open for reading.
#[derive(Debug)]
pub(super) struct Opened {
    pub file: File,
    /// Of the open file.
    pub meta: Metadata,
    /// Whether only root can put names into its directory.
    pub in_roots_directory: bool,
}

/// Opens the log at `path` without waiting and without becoming its terminal.
///
/// # Errors
/// It is not there, the kernel refuses it, or it is not trusted (see `trust`).
pub(super) fn open(path: &Path, last: LastLink) -> Result<Opened, OpenError> {
    for _ in 0..ATTEMPTS {
        if let Some(opened) = try_open(path, last)? {
            return Ok(opened);
        }
    }
    Err(io::Error::other("it is replaced all the time").into())
}

/// `None` when another file took the name between look and open.
fn try_open(path: &Path, last: LastLink) -> Result<Option<Opened>, OpenError> {
    let mut links_left = MAX_LINKS;
    let found = resolve(root()?, path, &mut links_left, last)?;
    let kind = FileType::from_raw_mode(found.stat.st_mode);
    if !matches!(kind, FileType::RegularFile | FileType::Fifo) {
        return Err(Refusal::NotAFile.into());
    }
    // Linux's magic numbers have 32 bits; the field's type differs between architectures.
    judge_filesystem(fstatfs(&found.node)?.f_type as u32)?;
    // A pipe opened for writing too does not end when its last writer goes.
    let access = if kind == FileType::Fifo { OFlags::RDWR } else { OFlags::RDONLY };
    let flags = access | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    judge_file(&found.directory.facts, &Facts::of(&found.stat))?;
    let file = match openat(&found.directory.node, &found.name, flags, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::LOOP | Errno::NOENT) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let stat = fstat(&file)?;
    if (stat.st_dev, stat.st_ino) != (found.stat.st_dev, found.stat.st_ino) {
        return Ok(None);
    }
    judge_file(&found.directory.facts, &Facts::of(&stat))?;
    let file = File::from(file);
    let meta = file.metadata()?;
    Ok(Some(Opened { file, meta, in_roots_directory: found.directory.facts.is_roots_alone() }))
}

/// A directory on the way.
#[derive(Debug)]
struct Directory {
    node: OwnedFd,
    facts: Facts,
    path: PathBuf,
}

/// What a path leads to.
struct Found {
    node: OwnedFd,
    stat: Stat,
    /// Where it stands, under `name`.
    directory: Directory,
    name: OsString,
}

fn root() -> Result<Directory, OpenError> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let node = rustix::fs::open("/", flags, Mode::empty())?;
    let facts = Facts::of(&fstat(&node)?);
    Ok(Directory { node, facts, path: PathBuf::from("/") })
}

/// Walks `path`, which counts from `from` if it is relative.
fn resolve(from: Directory, path: &Path, links_left: &mut usize, last: LastLink) -> Result<Found, OpenError> {
    let mut at = if path.is_absolute() { root()? } else { from };
    let mut names = path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name),
        Component::ParentDir => Some(OsStr::new("..")),
        _ => None,
    });
    let mut name = names.next().unwrap_or(OsStr::new("."));
    loop {
        let next = names.next();
        let last = if next.is_some() { LastLink::Follow } else { last };
        let found = step(at, name, links_left, last)?;
        let Some(next) = next else { return Ok(found) };
        if FileType::from_raw_mode(found.stat.st_mode) != FileType::Directory {
            return Err(Errno::NOTDIR.into());
        }
        let path = found.directory.path.join(&found.name);
        at = Directory { facts: Facts::of(&found.stat), node: found.node, path };
        name = next;
    }
}

/// Goes from `at` to `name`, and on to where it leads if it is a link.
fn step(at: Directory, name: &OsStr, links_left: &mut usize, last: LastLink) -> Result<Found, OpenError> {
    let node = openat(&at.node, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
    let stat = fstat(&node)?;
    let facts = Facts::of(&stat);
    let path = || at.path.join(name);
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory if name != ".." => judge_directory(&at.facts, &facts, path)?,
        FileType::Symlink => {
            if last == LastLink::Refuse {
                return Err(Refusal::LinkInsteadOfFile.into());
            }
            *links_left = links_left.checked_sub(1).ok_or(Errno::LOOP)?;
            let target = OsString::from_vec(readlinkat(&node, "", Vec::new())?.into_bytes());
            let (directory, link) = (at.facts, path());
            let found = resolve(at, Path::new(&target), links_left, LastLink::Follow)?;
            judge_link(&directory, &facts, &Facts::of(&found.stat), || link)?;
            return Ok(found);
        }
        _ => {}
    }
    Ok(Found { node, stat, name: name.to_owned(), directory: at })
}
