//! Reads fields of kernel structs. What cannot be read counts as 0, as behind a null pointer.

use core::mem::MaybeUninit;

use aya_ebpf::helpers::generated::bpf_probe_read_kernel;
use hids_common::guard::FileKey;

use super::offsets::*;

/// `BTRFS_SUPER_MAGIC` in `include/uapi/linux/magic.h`.
const BTRFS_MAGIC: u64 = 0x9123_683e;

/// Something in the kernel's memory.
pub type Address = *const u8;

/// The field of type `T` at `base + offset`; all zero if it cannot be read.
///
/// The helper itself fills with zeros then. Asking for its result would double the paths that the
/// verifier has to follow, at each field of each directory on the way up.
#[inline(always)]
pub fn field<T: Copy + Default>(base: Address, offset: &'static u32) -> T {
    let mut value = MaybeUninit::<T>::uninit();
    // SAFETY: the helper checks the address itself and writes all of `value`, whatever it finds; `T` is a number.
    unsafe {
        bpf_probe_read_kernel(value.as_mut_ptr().cast(), size_of::<T>() as u32, base.wrapping_add(at(offset)).cast());
        value.assume_init()
    }
}

/// The pointer at `base + offset`.
#[inline(always)]
pub fn pointer(base: Address, offset: &'static u32) -> Address {
    field::<u64>(base, offset) as Address
}

/// The key of an inode.
#[inline(always)]
pub fn key(inode: Address) -> FileKey {
    let sb = pointer(inode, &G_INODE_SB);
    key_on(field(sb, &G_SB_DEV), has_subvolumes(sb), inode)
}

/// The same where device and kind of the filesystem are known already.
#[inline(always)]
pub fn key_on(device: u32, has_subvolumes: bool, inode: Address) -> FileKey {
    let subvolume = if has_subvolumes { subvolume(inode) } else { 0 };
    FileKey { inode: field(inode, &G_INODE_INO), device, subvolume }
}

/// Whether the filesystem is btrfs, and the kernel tells how it keeps its inodes.
#[inline(always)]
pub fn has_subvolumes(sb: Address) -> bool {
    is_there(&G_BTRFS_INODE)
        && is_there(&G_BTRFS_ROOT)
        && is_there(&G_BTRFS_NUMBER)
        && field::<u64>(sb, &G_SB_MAGIC) == BTRFS_MAGIC
}

/// The number of the subvolume that an inode of btrfs belongs to: its `struct btrfs_inode` lies around it.
#[inline(always)]
fn subvolume(inode: Address) -> u32 {
    let root = pointer(inode.wrapping_sub(at(&G_BTRFS_INODE)), &G_BTRFS_ROOT);
    field::<u64>(root, &G_BTRFS_NUMBER) as u32
}

/// The inode of a dentry; null if there is no such file yet.
#[inline(always)]
pub fn inode_of(dentry: Address) -> Address {
    pointer(dentry, &G_DENTRY_INODE)
}

/// The dentry of an open file on the filesystem that holds its content.
///
/// A file that overlayfs opened on a layer carries the path in the overlay (before 6.8) but the inode
/// of the layer; then a name of that inode is taken.
#[inline(always)]
pub fn dentry_of(file: Address) -> Address {
    let dentry = pointer(file, &G_FILE_DENTRY);
    let inode = pointer(file, &G_FILE_INODE);
    if inode_of(dentry) == inode {
        return dentry;
    }
    let alias = pointer(inode, &G_INODE_DENTRY);
    if alias.is_null() { dentry } else { alias.wrapping_sub(at(&G_DENTRY_ALIAS)) }
}
