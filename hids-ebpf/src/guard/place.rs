//! Whether a file is protected: it or a directory above it is in the map. Looks things up, no more.

use hids_common::guard::{ANCESTOR, FileKey, TREE};

use super::maps::{DEVICES, PROTECTED};
use super::offsets::*;
use super::process;
use super::read::{Address, field, inode_of, key, pointer};

/// Directories looked at, from the file upwards. A path in a system call has at most 2,048 of them
/// (`PATH_MAX`); what is deeper than this counts as protected.
const MAX_DEPTH: u32 = 256;

/// What protects the file that `dentry` names: a directory above it, or the file itself.
///
/// A file whose directory is not known (opened by handle) or that lies too deep counts as protected by
/// nothing in particular, inode 0, if its filesystem has anything protected at all.
#[inline(always)]
pub fn protector(dentry: Address) -> Option<FileKey> {
    let sb = pointer(dentry, &G_DENTRY_SB);
    let device: u32 = field(sb, &G_SB_DEV);
    // SAFETY: the value is not looked at.
    unsafe { DEVICES.get(device) }?;
    let mut here = dentry;
    for _ in 0..MAX_DEPTH {
        let inode = inode_of(here);
        if !inode.is_null() {
            let key = FileKey::new(device, field(inode, &G_INODE_INO));
            if has(&key, TREE) {
                return Some(key);
            }
        }
        let parent = pointer(here, &G_DENTRY_PARENT);
        if parent == here {
            let is_root = here == pointer(sb, &G_SB_ROOT);
            // The kernel's own NFS server works on files without a directory.
            return if is_root || process::is_kernel_thread() { None } else { Some(FileKey::new(device, 0)) };
        }
        here = parent;
    }
    Some(FileKey::new(device, 0))
}

/// Whether the file that `dentry` names is a directory on the way to a protected one.
#[inline(always)]
pub fn leads_to_protected(dentry: Address) -> bool {
    let inode = inode_of(dentry);
    !inode.is_null() && has(&key(inode), ANCESTOR)
}

#[inline(always)]
fn has(key: &FileKey, flag: u32) -> bool {
    // SAFETY: a number that is read once; an entry that is just being replaced is one or the other.
    unsafe { PROTECTED.get(key) }.is_some_and(|flags| flags & flag != 0)
}
