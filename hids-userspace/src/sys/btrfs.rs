//! One question to a mounted btrfs: the generation of an inode, which is a part of its handle.

use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd};

/// `BTRFS_IOC_TREE_SEARCH` in `include/uapi/linux/btrfs.h`; needs `CAP_SYS_ADMIN`.
const TREE_SEARCH: u32 = 0xd000_9411;

/// `struct btrfs_ioctl_search_args`: what is searched for in 13 numbers, then what was found.
const WORDS: usize = 512;

/// Where the found items begin: each has a head of four numbers.
const FOUND: usize = 13;
const HEAD: usize = 4;

/// `BTRFS_INODE_ITEM_KEY`, as lowest and highest type, each of 32 bits.
const INODE_ITEM: u64 = 1 | 1 << 32;

/// The generation of inode `inode` of subvolume `subvolume`, on the btrfs that `file` is on (not `O_PATH`).
pub(crate) fn generation_of(file: BorrowedFd<'_>, subvolume: u64, inode: u64) -> io::Result<u64> {
    // Tree, lowest and highest object, offset and transaction; types; one item is enough.
    let mut words = [0_u64; WORDS];
    words[..FOUND - 4].copy_from_slice(&[subvolume, inode, inode, 0, 0, 0, u64::MAX, INODE_ITEM, 1]);
    // SAFETY: the kernel reads and writes exactly these 4,096 bytes, as the number of the call says.
    let done = unsafe { libc::ioctl(file.as_raw_fd(), TREE_SEARCH.into(), words.as_mut_ptr()) };
    if done < 0 {
        return Err(io::Error::last_os_error());
    }
    // How many were found has replaced how many were wanted.
    if words[FOUND - 5] & u64::from(u32::MAX) == 0 {
        return Err(io::Error::from(io::ErrorKind::NotFound));
    }
    // The first field of `struct btrfs_inode_item`, in the byte order of disks.
    Ok(u64::from_le(words[FOUND + HEAD]))
}
