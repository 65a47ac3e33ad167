//! From a directory's handle to its path, as it is now.
//!
//! Never follows a link: the kernel opens the directory itself by its handle, `/proc/self/fd` gives
//! the path, and a look at that path must find the same directory (a directory that lies under another
//! mount, or outside of what is mounted, has a path that leads elsewhere).

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, RawDir, fstat, open, openat, statat};
use rustix::io::Errno;

use super::paths::join;
use super::roots::as_path;
use crate::sys::fanotify::open_by_handle;

/// Deepest directory whose path is put together name by name.
const MOST_LEVELS: usize = 2048;

/// A directory moved while its path was read; then the move is an event of its own.
const TRIES: usize = 3;

/// Where a directory is.
#[derive(Debug)]
pub(super) enum Whereabouts {
    /// It has this path.
    At(Vec<u8>),
    /// It was removed.
    Gone,
    /// It has no path below this mount.
    Unreachable,
}

/// Opens a directory on a filesystem, for [`locate`] and for marks.
pub(super) fn open_directory(path: &[u8]) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut pieces = pieces(path);
    let mut directory = open(as_path(pieces.next().unwrap_or(b"/")), flags, Mode::empty())?;
    for piece in pieces {
        directory = openat(&directory, as_path(piece), flags, Mode::empty())?;
    }
    Ok(directory)
}

/// The path in pieces that one system call takes each (`PATH_MAX` is 4,096 bytes); none but the first
/// is absolute.
fn pieces(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = path;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let length = rest.len().min(4000);
        let end = if length == rest.len() {
            length
        } else {
            rest[..length].iter().rposition(|&byte| byte == b'/').filter(|&at| at > 0).unwrap_or(length)
        };
        let (piece, after) = rest.split_at(end);
        rest = after.strip_prefix(b"/").unwrap_or(after);
        Some(piece)
    })
}

/// The path below `mount` of the directory with `handle`.
pub(super) fn locate(mount: BorrowedFd<'_>, handle: &[u8]) -> io::Result<Whereabouts> {
    let directory = match open_by_handle(mount, handle) {
        Ok(directory) => directory,
        Err(error) if is_gone(&error) => return Ok(Whereabouts::Gone),
        Err(error) => return Err(error),
    };
    path_of(directory.as_fd())
}

/// Whether an error of `open_by_handle_at(2)` proves that the file was removed: ESTALE is what the manual page says,
/// ENOENT what filesystems say whose inodes are looked up by path (FUSE, NFS). Any other error may pass.
pub(super) fn is_gone(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ESTALE | libc::ENOENT))
}

/// The path of an open directory.
pub(super) fn path_of(directory: BorrowedFd<'_>) -> io::Result<Whereabouts> {
    let own = fstat(directory)?;
    if own.st_nlink == 0 {
        return Ok(Whereabouts::Gone);
    }
    for _ in 0..TRIES {
        let path = match fs::read_link(format!("/proc/self/fd/{}", directory.as_raw_fd())) {
            Ok(path) => path.into_os_string().into_vec(),
            Err(error) if error.raw_os_error() == Some(libc::ENAMETOOLONG) => return climb(directory),
            Err(error) => return Err(error),
        };
        match statat(CWD, as_path(&path), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) if (found.st_dev, found.st_ino) == (own.st_dev, own.st_ino) => return Ok(Whereabouts::At(path)),
            // A path that just fits the page may still be too long for a look.
            Err(Errno::NAMETOOLONG) => return climb(directory),
            _ => {}
        }
    }
    if fstat(directory)?.st_nlink == 0 { Ok(Whereabouts::Gone) } else { Ok(Whereabouts::Unreachable) }
}

/// The path of a directory that lies deeper than the kernel returns at once: name by name upwards.
fn climb(directory: BorrowedFd<'_>) -> io::Result<Whereabouts> {
    let up =
        |from: BorrowedFd<'_>| openat(from, "..", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
    let mut names: Vec<Vec<u8>> = Vec::new();
    let mut here = directory.try_clone_to_owned()?;
    for _ in 0..MOST_LEVELS {
        let above = up(here.as_fd())?;
        let Some(name) = name_in(above.as_fd(), here.as_fd())? else { return Ok(Whereabouts::Unreachable) };
        names.push(name);
        match visible_path(above.as_fd())? {
            Some(top) => return Ok(Whereabouts::At(names.iter().rev().fold(top, |path, name| join(&path, name)))),
            None => here = above,
        }
    }
    Err(Errno::NAMETOOLONG.into())
}

/// The path of an open directory, if one answer of the kernel holds it and it leads there.
fn visible_path(directory: BorrowedFd<'_>) -> io::Result<Option<Vec<u8>>> {
    let path = match fs::read_link(format!("/proc/self/fd/{}", directory.as_raw_fd())) {
        Ok(path) => path.into_os_string().into_vec(),
        Err(error) if error.raw_os_error() == Some(libc::ENAMETOOLONG) => return Ok(None),
        Err(error) => return Err(error),
    };
    let own = fstat(directory)?;
    match statat(CWD, as_path(&path), AtFlags::SYMLINK_NOFOLLOW) {
        Ok(found) if (found.st_dev, found.st_ino) == (own.st_dev, own.st_ino) => Ok(Some(path)),
        _ => Ok(None),
    }
}

/// The name of `child` in the directory `parent`.
fn name_in(parent: BorrowedFd<'_>, child: BorrowedFd<'_>) -> io::Result<Option<Vec<u8>>> {
    let own = fstat(child)?;
    let mut found = None;
    each_entry(parent, |name, inode, _| {
        let is_it = inode == own.st_ino
            && statat(parent, OsStr::from_bytes(name), AtFlags::SYMLINK_NOFOLLOW)
                .is_ok_and(|found| (found.st_dev, found.st_ino) == (own.st_dev, own.st_ino));
        if is_it {
            found = Some(name.to_vec());
        }
        !is_it
    })?;
    Ok(found)
}

/// Calls `take` with name, inode number and type of each entry but `.` and `..`, until it says false.
pub(super) fn each_entry(
    directory: BorrowedFd<'_>,
    mut take: impl FnMut(&[u8], u64, rustix::fs::FileType) -> bool,
) -> io::Result<()> {
    let mut buffer = vec![MaybeUninit::<u8>::uninit(); 32 * 1024];
    let mut entries = RawDir::new(directory, &mut buffer);
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." && !take(name, entry.ino(), entry.file_type()) {
            return Ok(());
        }
    }
    Ok(())
}

/// Opens a mount's root, directory or file.
pub(super) fn open_point(path: &[u8]) -> io::Result<File> {
    open(as_path(path), OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK, Mode::empty())
        .map(File::from)
        .map_err(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_paths_come_in_pieces_that_fit() {
        let path = b"/aaaa/bbb".repeat(1500);
        let all: Vec<_> = pieces(&path).collect();
        assert!(all.iter().all(|piece| piece.len() <= 4000));
        assert_eq!(all.join(&b'/'), path);
        assert!(all[1..].iter().all(|piece| !piece.starts_with(b"/")));
    }

    #[test]
    fn a_directory_deeper_than_path_max_has_a_path_and_opens_by_it() {
        let place = tempfile::tempdir().unwrap();
        let base = place.path().canonicalize().unwrap().into_os_string().into_vec();
        let mut directory = open_directory(&base).unwrap();
        let mut path = base;
        for level in 0..30 {
            let name = format!("{level:-<255}");
            rustix::fs::mkdirat(&directory, name.as_str(), Mode::RWXU).unwrap();
            directory = openat(&directory, name.as_str(), OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).unwrap();
            path = join(&path, name.as_bytes());
        }
        assert!(path.len() > 7000);
        let Whereabouts::At(found) = path_of(directory.as_fd()).unwrap() else { panic!("not found") };
        assert_eq!(found, path);
        let again = open_directory(&path).unwrap();
        assert_eq!(fstat(&again).unwrap().st_ino, fstat(&directory).unwrap().st_ino);
    }

    #[test]
    fn a_removed_directory_is_gone_even_while_somebody_is_in_it() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("x (deleted)");
        fs::create_dir(&path).unwrap();
        let directory = File::open(&path).unwrap();
        assert!(matches!(path_of(directory.as_fd()), Ok(Whereabouts::At(_))), "the name alone says nothing");
        fs::remove_dir(&path).unwrap();
        assert!(matches!(path_of(directory.as_fd()), Ok(Whereabouts::Gone)));
    }
}
