//! Whether a file is protected: it or a directory above it is in the map. Looks things up, no more.

use hids_common::guard::{ANCESTOR, FileKey, TREE};

use super::maps::{DEVICES, PROTECTED};
use super::offsets::*;
use super::process;
use super::read::{Address, field, has_subvolumes, inode_of, key, key_on, pointer};

/// Directories looked at, from the file upwards. A path in a system call has at most 2,048 of them
/// (`PATH_MAX`); what is deeper than this counts as protected.
const MAX_DEPTH: u32 = 128;

/// What protects a file.
#[derive(Clone, Copy)]
pub struct Protector {
    /// Whether anything does.
    pub is: bool,
    /// The directory above, or the file itself. Inode 0: nothing in particular.
    pub key: FileKey,
}

/// What protects the file that `dentry` names: a directory above it, or the file itself.
///
/// A file whose directory is not known (opened by handle) or that lies too deep counts as protected by
/// nothing in particular, if its filesystem has anything protected at all.
#[inline(always)]
pub fn protector(dentry: Address) -> Protector {
    let sb = pointer(dentry, &G_DENTRY_SB);
    let device: u32 = field(sb, &G_SB_DEV);
    // SAFETY: the value is not looked at.
    if unsafe { DEVICES.get(device) }.is_none() {
        return Protector { is: false, key: FileKey::new(device, 0) };
    }
    let divided = has_subvolumes(sb);
    let mut here = dentry;
    let mut protected = FileKey::new(device, 0);
    let mut is = true;
    for _ in 0..MAX_DEPTH {
        // Nothing is found for the inode number 0 of a name that does not exist yet.
        let key = key_on(device, divided, inode_of(here));
        if has(&key, TREE) {
            protected = key;
            break;
        }
        let parent = pointer(here, &G_DENTRY_PARENT);
        if parent == here {
            // The kernel's own NFS server works on files without a directory.
            is = here != pointer(sb, &G_SB_ROOT) && !process::is_kernel_thread();
            break;
        }
        here = parent;
    }
    Protector { is, key: protected }
}

/// Whether the filesystem of `dentry` has anything protected.
#[inline(always)]
pub fn is_on_protected(dentry: Address) -> bool {
    let device: u32 = field(pointer(dentry, &G_DENTRY_SB), &G_SB_DEV);
    // SAFETY: the value is not looked at.
    unsafe { DEVICES.get(device) }.is_some()
}

/// Whether the file that `dentry` names is a directory on the way to a protected one.
#[inline(always)]
pub fn leads_to_protected(dentry: Address) -> bool {
    has(&key(inode_of(dentry)), ANCESTOR)
}

#[inline(always)]
fn has(key: &FileKey, flag: u32) -> bool {
    // SAFETY: a number that is read once; an entry that is just being replaced is one or the other.
    unsafe { PROTECTED.get(key) }.is_some_and(|flags| flags & flag != 0)
}
