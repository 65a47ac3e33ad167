//! One fanotify group for one filesystem: what is asked of the kernel, and what it grants.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use fanotify::low_level::{
    FAN_ATTRIB, FAN_CLASS_NOTIF, FAN_CLOSE_WRITE, FAN_CREATE, FAN_DELETE, FAN_DELETE_SELF, FAN_EVENT_ON_CHILD,
    FAN_MARK_ADD, FAN_MARK_FILESYSTEM, FAN_MODIFY, FAN_MOVED_FROM, FAN_MOVED_TO, FAN_ONDIR, FAN_REPORT_DIR_FID,
    FAN_REPORT_FID, FAN_REPORT_NAME, FAN_UNLIMITED_MARKS,
};
use libc::{FAN_RENAME, FAN_REPORT_TARGET_FID};

use crate::sys::fanotify::FanotifyGroup;

/// Changes of files and of names. A write through a mapping is no `FAN_MODIFY`: `FAN_CLOSE_WRITE` reports
/// it, when the last descriptor or mapping that could write is gone.
const CHANGES: u64 = FAN_CREATE | FAN_MODIFY | FAN_CLOSE_WRITE | FAN_ATTRIB | FAN_DELETE | FAN_ONDIR;

/// Names before Linux 5.17, in two events that belong together only by guess.
const MOVES: u64 = FAN_MOVED_FROM | FAN_MOVED_TO;

/// The queue of one filesystem's events.
#[derive(Debug)]
pub(super) struct Group {
    fanotify: FanotifyGroup,
    /// Whether one event has both names of a rename (`FAN_RENAME`, Linux 5.17).
    renames: bool,
}

impl Group {
    /// The best group that the kernel grants: with the object of each event (Linux 5.17), else without.
    ///
    /// Before Linux 5.9 there are no names, and no group.
    pub(super) fn open() -> io::Result<Self> {
        let names = FAN_CLASS_NOTIF | FAN_UNLIMITED_MARKS | FAN_REPORT_DIR_FID | FAN_REPORT_NAME;
        let levels = [names | FAN_REPORT_FID | FAN_REPORT_TARGET_FID, names | FAN_REPORT_FID, names];
        let mut refusal = io::Error::from(io::ErrorKind::Unsupported);
        for flags in levels {
            match FanotifyGroup::open(flags) {
                Ok(fanotify) => return Ok(Self { fanotify, renames: true }),
                Err(error) => refusal = error,
            }
        }
        Err(refusal)
    }

    /// Asks for every event of the filesystem that `point` is on.
    pub(super) fn mark_filesystem(&mut self, point: BorrowedFd<'_>) -> io::Result<()> {
        self.mark(FAN_MARK_FILESYSTEM, CHANGES, point)
    }

    /// Asks for the events of one directory and of what is directly in it.
    pub(super) fn mark_directory(&mut self, directory: BorrowedFd<'_>) -> io::Result<()> {
        self.mark(0, CHANGES | FAN_DELETE_SELF | FAN_EVENT_ON_CHILD, directory)
    }

    /// Asks for what happens to names in one directory, which only leads to a watched one.
    pub(super) fn mark_way(&mut self, directory: BorrowedFd<'_>) -> io::Result<()> {
        self.mark(0, FAN_CREATE | FAN_DELETE | FAN_ONDIR, directory)
    }

    /// Asks for the events of one file that is a mount point.
    pub(super) fn mark_file(&mut self, file: BorrowedFd<'_>) -> io::Result<()> {
        self.fanotify.mark(FAN_MARK_ADD, FAN_MODIFY | FAN_CLOSE_WRITE | FAN_ATTRIB, file)
    }

    fn mark(&mut self, kind: u32, mask: u64, object: BorrowedFd<'_>) -> io::Result<()> {
        if self.renames {
            match self.fanotify.mark(FAN_MARK_ADD | kind, mask | FAN_RENAME, object) {
                Err(error) if error.raw_os_error() == Some(libc::EINVAL) => self.renames = false,
                other => return other,
            }
        }
        self.fanotify.mark(FAN_MARK_ADD | kind, mask | MOVES, object)
    }

    /// Reads whole events; 0 bytes when there are none now.
    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.fanotify.read(buffer)
    }
}

impl AsFd for Group {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fanotify.as_fd()
    }
}

/// Why a mark was refused, for administrators.
pub(super) fn describe_refusal(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::ENODEV) => "the filesystem has no identifier".to_owned(),
        Some(libc::EOPNOTSUPP) => "the filesystem has no file handles that lead back to files".to_owned(),
        Some(libc::EXDEV) => "the subvolume has another identifier than its filesystem".to_owned(),
        Some(libc::ENOSPC) => "the limit fs.fanotify.max_user_marks is reached".to_owned(),
        Some(libc::ENOENT) => "it is not there".to_owned(),
        _ => error.to_string(),
    }
}
