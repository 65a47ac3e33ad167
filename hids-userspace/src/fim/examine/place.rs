//! The way to a file: directories by descriptor, through no symbolic link.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::io::Errno;

use super::tree::Tree;

/// Deeper directories are not entered. Far beyond the kernel's own 4,096 bytes for one call, which a chain of
/// directories passes; still a bound to what somebody can make the daemon remember.
pub(crate) const LONGEST_PATH_BYTES: usize = 64 * 1024;

/// Most bytes of a path that one call takes (the kernel's limit is 4,096 with the final NUL).
const PIECE_BYTES: usize = 4000;

/// A name in a directory, as the kernel takes it.
pub(crate) struct Name(CString);

impl Name {
    /// `None` for what no directory can hold.
    pub(crate) fn new(name: &[u8]) -> Option<Self> {
        if name.len() > 255 || name.contains(&b'/') {
            return None;
        }
        CString::new(name).ok().map(Self)
    }

    /// For calls.
    pub(crate) fn as_c_str(&self) -> &CStr {
        &self.0
    }
}

/// An absolute path's directory and name. The root is the entry `.` of itself.
pub(crate) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    let path = path.strip_suffix(b"/").unwrap_or(path);
    match path.iter().rposition(|&byte| byte == b'/') {
        None if path.is_empty() => (b"/", b"."),
        None => (b"/", path),
        Some(0) => (b"/", &path[1..]),
        Some(at) => (&path[..at], &path[at + 1..]),
    }
}

/// Whether an error of opening means that nothing is there (a link on the way counts as nothing).
pub(crate) fn is_gone(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NAMETOOLONG))
}

/// Opens a directory for listing, by an absolute path of any length, through no symbolic link. In a `tree` the path
/// begins at its top and never leads above it.
pub(crate) fn open_directory(path: &[u8], tree: Option<&Tree>) -> io::Result<OwnedFd> {
    let mut base = None;
    let mut rest = path;
    if let Some(tree) = tree {
        rest = path.trim_ascii_start_slashes();
        if rest.split(|&byte| byte == b'/').any(|name| name == b"..") {
            return Err(Errno::NOENT.into());
        }
        if rest.is_empty() {
            rest = b".";
        }
        base = Some(tree.top().try_clone_to_owned()?);
    }
    while rest.len() > PIECE_BYTES {
        let cut = rest[..PIECE_BYTES].iter().rposition(|&byte| byte == b'/').filter(|&at| at > 0);
        let cut = cut.ok_or_else(|| io::Error::from(Errno::NAMETOOLONG))?;
        let piece = open_piece(base.as_ref(), &rest[..cut], OFlags::PATH)?;
        rest = rest[cut..].trim_ascii_start_slashes();
        base = Some(piece);
    }
    let listing = OFlags::RDONLY | OFlags::NONBLOCK;
    match open_piece(base.as_ref(), rest, listing | OFlags::NOATIME) {
        // Only its owner and CAP_FOWNER may leave the access time as it is.
        Err(error) if Errno::from_io_error(&error) == Some(Errno::PERM) => open_piece(base.as_ref(), rest, listing),
        other => other,
    }
}

fn open_piece(base: Option<&OwnedFd>, path: &[u8], flags: OFlags) -> io::Result<OwnedFd> {
    static HAS_OPENAT2: AtomicBool = AtomicBool::new(true);
    let from = base.map_or(CWD, |base| base.as_fd());
    let flags = flags | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    if HAS_OPENAT2.load(Ordering::Relaxed) {
        let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        match openat2(from, path, flags, Mode::empty(), resolve) {
            // Before Linux 5.6, or hidden by a filter of system calls.
            Err(Errno::NOSYS) => HAS_OPENAT2.store(false, Ordering::Relaxed),
            other => return Ok(other?),
        }
    }
    step_by_step(from, path, flags)
}

/// The same with `openat` alone: one call for each name.
pub(super) fn step_by_step(from: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> io::Result<OwnedFd> {
    let on_the_way = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut names = path.split(|&byte| byte == b'/').filter(|name| !name.is_empty()).peekable();
    let start: &[u8] = if path.starts_with(b"/") { b"/" } else { b"." };
    let mut directory = openat(from, start, if names.peek().is_none() { flags } else { on_the_way }, Mode::empty())?;
    while let Some(name) = names.next() {
        let flags = if names.peek().is_none() { flags } else { on_the_way };
        directory = openat(&directory, name, flags, Mode::empty())?;
    }
    Ok(directory)
}

trait TrimSlashes {
    fn trim_ascii_start_slashes(&self) -> &Self;
}

impl TrimSlashes for [u8] {
    fn trim_ascii_start_slashes(&self) -> &Self {
        let start = self.iter().position(|&byte| byte != b'/').unwrap_or(self.len());
        &self[start..]
    }
}
