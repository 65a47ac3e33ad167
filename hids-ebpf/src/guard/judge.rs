//! Decision on each operation: not protected, allowed, reported, or denied.

use hids_common::guard::{DIGEST_FIXED, FileKey, GuardDrop, GuardOperation, MODE_ENFORCE, MODE_OFF, STATE_MODE, TREE};

use super::maps::{ALLOWED, PROTECTED, STATE};
use super::offsets::*;
use super::place::{is_on_protected, leads_to_protected, protector};
use super::read::{Address, dentry_of, field, inode_of, key, pointer};
use super::{count, process, report};

/// The operation goes on.
pub const ALLOW: i32 = 0;
/// `-EPERM`.
const REFUSE: i32 = -1;

const FMODE_WRITE: u32 = 2;
const O_TRUNC: u32 = 0o1000;
const FILE_TYPE: u16 = 0o170_000;
const REGULAR: u16 = 0o100_000;

/// Whether the guard is switched on.
#[inline(always)]
fn mode() -> u32 {
    STATE.get(STATE_MODE).copied().unwrap_or(MODE_OFF)
}

/// Judges an operation on the name `dentry`, which need not exist yet.
#[inline(always)]
pub fn name(operation: GuardOperation, dentry: Address) -> i32 {
    if mode() == MODE_OFF || dentry.is_null() {
        return ALLOW;
    }
    let protected = protector(dentry);
    if !protected.is || process::is_allowed() {
        return ALLOW;
    }
    verdict(operation, dentry, &protected.key)
}

/// Judges an operation on some entry of a directory, which is not known: neither one in a tree nor one on
/// the way to a tree.
#[inline(always)]
pub fn entries(operation: GuardOperation, directory: Address) -> i32 {
    if mode() == MODE_OFF || directory.is_null() {
        return ALLOW;
    }
    let protected = protector(directory);
    let removes_way = matches!(operation, GuardOperation::RemoveDirectory) && leads_to_protected(directory);
    if (!protected.is && !removes_way) || process::is_allowed() {
        return ALLOW;
    }
    verdict(operation, directory, &protected.key)
}

/// Judges an operation that may concern any file of the filesystem that `dentry` is on.
#[inline(always)]
pub fn anywhere(operation: GuardOperation, dentry: Address) -> i32 {
    if mode() == MODE_OFF || !is_on_protected(dentry) || process::is_allowed() {
        return ALLOW;
    }
    let root = FileKey::new(field(pointer(dentry, &G_DENTRY_SB), &G_SB_DEV), 0);
    verdict(operation, dentry, &root)
}

/// Judges the opening of a file.
#[inline(always)]
pub fn open(file: Address) -> i32 {
    let for_writing = field::<u32>(file, &G_FILE_MODE) & FMODE_WRITE != 0;
    if !for_writing && field::<u32>(file, &G_FILE_FLAGS) & O_TRUNC == 0 {
        return ALLOW;
    }
    content(GuardOperation::Open, file)
}

/// Judges a write to an open file: what was opened before there was a guard must not be written either.
#[inline(always)]
pub fn write(file: Address) -> i32 {
    if mode() == MODE_OFF || !is_regular(file) {
        return ALLOW;
    }
    let dentry = dentry_of(file);
    let protected = protector(dentry);
    if !protected.is || process::is_allowed() {
        return ALLOW;
    }
    if report::is_repeated(dentry) {
        count::drop(GuardDrop::Repeated);
        return answer();
    }
    verdict(GuardOperation::Write, dentry, &protected.key)
}

/// Judges what changes the content of a regular file. Writing to a device or a pipe changes no file.
#[inline(always)]
pub fn content(operation: GuardOperation, file: Address) -> i32 {
    if mode() == MODE_OFF || !is_regular(file) {
        return ALLOW;
    }
    name(operation, dentry_of(file))
}

/// Judges the removal of a file.
#[inline(always)]
pub fn unlink(dentry: Address) -> i32 {
    if mode() == MODE_OFF {
        return ALLOW;
    }
    let protected = protector(dentry);
    if !protected.is {
        return ALLOW;
    }
    if process::is_allowed() {
        forget(dentry);
        return ALLOW;
    }
    verdict(GuardOperation::Unlink, dentry, &protected.key)
}

/// Judges a hard link. Inside a tree and outside of it the same file must be protected, so when an
/// allowed process links across the border, the file itself becomes protected.
#[inline(always)]
pub fn link(old: Address, new: Address) -> i32 {
    if mode() == MODE_OFF {
        return ALLOW;
    }
    let (from, to) = (protector(old), protector(new));
    if !from.is && !to.is {
        return ALLOW;
    }
    if !process::is_allowed() {
        return if to.is {
            verdict(GuardOperation::Link, new, &to.key)
        } else {
            verdict(GuardOperation::Link, old, &from.key)
        };
    }
    if from.is != to.is && PROTECTED.insert(key(inode_of(old)), TREE, 0).is_err() {
        count::drop(GuardDrop::ProtectedFull);
    }
    ALLOW
}

/// Judges a rename; an exchange is judged once for each direction by the kernel.
#[inline(always)]
pub fn rename(old: Address, new: Address) -> i32 {
    if mode() == MODE_OFF {
        return ALLOW;
    }
    let from = protector(old);
    let moved = from.is || leads_to_protected(old);
    let to = protector(new);
    if !moved && !to.is && !leads_to_protected(new) {
        return ALLOW;
    }
    if process::is_allowed() {
        replace(old, new);
        return ALLOW;
    }
    if moved {
        verdict(GuardOperation::RenameFrom, old, &from.key)
    } else {
        verdict(GuardOperation::RenameTo, new, &to.key)
    }
}

/// An allowed process puts `old` where `new` is. A package update of an allowed program must leave the
/// new program allowed, also while no daemon is there to look.
#[inline(always)]
fn replace(old: Address, new: Address) {
    let inode = inode_of(new);
    if inode.is_null() {
        return;
    }
    // SAFETY: a number that is read once.
    let replaced = unsafe { ALLOWED.get(key(inode)) }.copied();
    if let Some(flags) = replaced
        && flags & DIGEST_FIXED == 0
    {
        let successor = key(inode_of(old));
        // Without these entries the new program is not allowed, or not protected, until the daemon has
        // looked at it; the same map is counted as full for links.
        if ALLOWED.insert(successor, flags, 0).is_err() || PROTECTED.insert(successor, TREE, 0).is_err() {
            count::drop(GuardDrop::ProtectedFull);
        }
    }
    forget(new);
}

/// A file that loses its last name: its number may soon be another file's.
#[inline(always)]
fn forget(dentry: Address) {
    let inode = inode_of(dentry);
    if inode.is_null() || field::<u32>(inode, &G_INODE_NLINK) > 1 || is_directory(inode) {
        return;
    }
    // Most files have no entry of their own.
    let _ = PROTECTED.remove(key(inode));
}

/// Judges mounting over a directory.
#[inline(always)]
pub fn mount_over(path: Address) -> i32 {
    mount(GuardOperation::Mount, pointer(path, &G_PATH_DENTRY), pointer(path, &G_PATH_MNT))
}

/// Judges taking a mount away.
#[inline(always)]
pub fn unmount(vfsmount: Address) -> i32 {
    // The first process ends all mounts when the machine stops.
    if process::pid() == 1 {
        return ALLOW;
    }
    mount(GuardOperation::Unmount, pointer(vfsmount, &G_VFSMOUNT_ROOT), vfsmount)
}

/// Judges moving a mount: what is there must not be taken away, nor something be hidden by it.
#[inline(always)]
pub fn move_mount(from: Address, to: Address) -> i32 {
    let vfsmount = pointer(from, &G_PATH_MNT);
    // A mount that was only just made is in no namespace: nothing is taken away.
    let namespace = pointer(mount_of(vfsmount), &G_MOUNT_NS);
    let taken_from: u32 = field(namespace, &G_MNT_NS_INUM);
    if !namespace.is_null() && taken_from != 0 {
        let judged = mount(GuardOperation::Mount, pointer(from, &G_PATH_DENTRY), vfsmount);
        if judged != ALLOW {
            return judged;
        }
    }
    mount_over(to)
}

/// Other mount namespaces (containers, services) hide for themselves what they like, as long as it
/// does not spread to the one that is protected.
#[inline(always)]
fn mount(operation: GuardOperation, dentry: Address, vfsmount: Address) -> i32 {
    if mode() == MODE_OFF {
        return ALLOW;
    }
    let protected = protector(dentry);
    if !protected.is && !leads_to_protected(dentry) {
        return ALLOW;
    }
    let spreads = field::<u32>(mount_of(vfsmount), &G_MOUNT_GROUP) != 0;
    if !(spreads || process::in_own_mount_namespace()) || process::is_allowed() {
        return ALLOW;
    }
    verdict(operation, dentry, &protected.key)
}

/// The `struct mount` around a `struct vfsmount`.
#[inline(always)]
fn mount_of(vfsmount: Address) -> Address {
    vfsmount.wrapping_sub(at(&G_MOUNT_MNT))
}

#[inline(always)]
fn verdict(operation: GuardOperation, dentry: Address, protected: &FileKey) -> i32 {
    let answer = answer();
    report::send(operation, dentry, protected, answer == REFUSE);
    answer
}

#[inline(always)]
fn answer() -> i32 {
    if mode() == MODE_ENFORCE { REFUSE } else { ALLOW }
}

#[inline(always)]
fn is_regular(file: Address) -> bool {
    field::<u16>(pointer(file, &G_FILE_INODE), &G_INODE_MODE) & FILE_TYPE == REGULAR
}

#[inline(always)]
fn is_directory(inode: Address) -> bool {
    field::<u16>(inode, &G_INODE_MODE) & FILE_TYPE == 0o040_000
}
