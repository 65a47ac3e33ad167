//! The kernel's record of a file.

use std::ffi::CStr;
use std::io;
use std::os::fd::BorrowedFd;

use hids_core::model::{FileKind, FileState, Timestamp};
use rustix::fs::{AtFlags, Statx, StatxFlags, StatxTimestamp, statx};
use rustix::io::Errno;

/// What `statx` tells, as the baseline has it: no sums, no attributes, no link target yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stat(pub FileState);

impl Stat {
    /// Whether `entry`, of the same path, says the same.
    pub(crate) fn agrees_with(&self, entry: &FileState) -> bool {
        let now = &self.0;
        now.kind == entry.kind
            && now.size_bytes == entry.size_bytes
            && now.mode == entry.mode
            && (now.uid, now.gid) == (entry.uid, entry.gid)
            && (now.device, now.inode, now.links) == (entry.device, entry.inode, entry.links)
            && now.modified == entry.modified
            && now.changed == entry.changed
    }

    /// Whether the content may be another one than at `earlier`.
    pub(crate) fn content_moved_since(&self, earlier: &Self) -> bool {
        (self.0.changed, self.0.modified, self.0.size_bytes)
            != (earlier.0.changed, earlier.0.modified, earlier.0.size_bytes)
    }
}

const WANTED: StatxFlags = StatxFlags::BASIC_STATS.difference(StatxFlags::ATIME).difference(StatxFlags::BLOCKS);

/// Of the entry `name` of `directory` itself, never of what a link leads to. `None` = nothing is there.
pub(crate) fn stat_at(directory: BorrowedFd<'_>, name: &CStr) -> io::Result<Option<Stat>> {
    match statx(directory, name, AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT, WANTED) {
        Ok(found) => convert(&found).map(Some),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Of what the link `name` leads to. `None` = nothing is there.
pub(crate) fn stat_behind(directory: BorrowedFd<'_>, name: &CStr) -> io::Result<Option<Stat>> {
    match statx(directory, name, AtFlags::NO_AUTOMOUNT, WANTED) {
        Ok(found) => convert(&found).map(Some),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NAMETOOLONG) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Of an open file.
pub(crate) fn stat_of(file: BorrowedFd<'_>) -> io::Result<Stat> {
    convert(&statx(file, c"", AtFlags::EMPTY_PATH, WANTED)?)
}

fn convert(found: &Statx) -> io::Result<Stat> {
    let mode = u32::from(found.stx_mode);
    let kind = FileKind::from_mode(mode)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("unknown file type, mode {mode:o}")))?;
    Ok(Stat(FileState {
        kind,
        size_bytes: found.stx_size,
        mode,
        uid: found.stx_uid,
        gid: found.stx_gid,
        device: rustix::fs::makedev(found.stx_dev_major, found.stx_dev_minor),
        inode: found.stx_ino,
        links: u64::from(found.stx_nlink),
        modified: time(&found.stx_mtime),
        changed: time(&found.stx_ctime),
        ..FileState::default()
    }))
}

fn time(time: &StatxTimestamp) -> Timestamp {
    let seconds = Timestamp::from_unix_seconds(time.tv_sec).unix_nanos();
    Timestamp::from_unix_nanos(seconds.saturating_add(i64::from(time.tv_nsec)))
}
