//! btrfs: one filesystem of many subvolumes, of which each has a device number and an identifier of its own.
//!
//! fanotify marks a whole filesystem only through its top subvolume, whose identifier is the filesystem's;
//! any other, which is what most machines mount (`subvol=@`), is refused with `EXDEV`, and so is a group's
//! second subvolume where directories are marked. The mark on the top covers all of them, also those that
//! are made later, and its handles lead back to files of all of them. The top need not be mounted
//! anywhere: its handle can be put together without having seen it.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

use crate::sys::btrfs::generation_of;
use crate::sys::fanotify::{HANDLE_HEADER_BYTES, handle_of, open_by_handle};

/// What the kernel calls this filesystem.
pub(super) const KIND: &str = "btrfs";

/// A handle without the directory above (`FILEID_BTRFS_WITHOUT_PARENT` in `include/linux/exportfs.h`).
const HANDLE_KIND: i32 = 0x4d;

/// `struct btrfs_fid` (`fs/btrfs/export.h`): inode number, subvolume, generation.
const HANDLE_DATA_BYTES: u32 = 20;

/// `BTRFS_FIRST_FREE_OBJECTID`: inode number of the root directory of each subvolume.
const ROOT_DIRECTORY: u64 = 256;

/// `BTRFS_FS_TREE_OBJECTID`: number of the top subvolume.
const TOP: u64 = 5;

/// Opens the root directory of the top subvolume of the filesystem that `point` is on.
pub(super) fn open_top(point: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let mut handle = Vec::with_capacity(HANDLE_HEADER_BYTES + HANDLE_DATA_BYTES as usize);
    handle.extend_from_slice(&HANDLE_DATA_BYTES.to_ne_bytes());
    handle.extend_from_slice(&HANDLE_KIND.to_ne_bytes());
    handle.extend_from_slice(&ROOT_DIRECTORY.to_ne_bytes());
    handle.extend_from_slice(&TOP.to_ne_bytes());
    // Newer kernels take 0 for any generation; 6.1 wants the right one. Handles hold the lower half.
    let generation = generation_of(point, TOP, ROOT_DIRECTORY).unwrap_or_default();
    handle.extend_from_slice(&((generation & u64::from(u32::MAX)) as u32).to_ne_bytes());
    open_by_handle(point, &handle)
}

/// Whether a handle of btrfs is that of a subvolume. One that appears may be a snapshot, whose files come
/// without events of their own.
pub(super) fn is_subvolume(handle: &[u8]) -> bool {
    let inode = handle.get(HANDLE_HEADER_BYTES..).and_then(|data| data.first_chunk());
    inode.is_some_and(|inode| u64::from_ne_bytes(*inode) == ROOT_DIRECTORY)
}

/// The number of the subvolume that an open file is in.
pub(super) fn number_of(file: BorrowedFd<'_>) -> io::Result<u64> {
    let handle = handle_of(file)?;
    let number = handle.get(HANDLE_HEADER_BYTES + size_of::<u64>()..).and_then(|rest| rest.first_chunk());
    number.map(|number| u64::from_ne_bytes(*number)).ok_or_else(|| io::Error::other("unknown subvolume"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subvolume_is_told_from_a_directory_by_its_handle() {
        let handle = |inode: u64| {
            let header = [HANDLE_DATA_BYTES.to_ne_bytes(), HANDLE_KIND.to_ne_bytes()].concat();
            [header, inode.to_ne_bytes().to_vec(), 257_u64.to_ne_bytes().to_vec(), vec![7, 0, 0, 0]].concat()
        };
        assert!(is_subvolume(&handle(256)) && !is_subvolume(&handle(257)));
        assert!(!is_subvolume(&handle(256)[..12]) && !is_subvolume(b""));
    }
}
