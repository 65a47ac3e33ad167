//! The path of a file, from its name up to the root of the mount namespace.
//!
//! `bpf_d_path` is only there for some hooks, so the names are walked. Goes past the root directory of
//! a process (chroot): what is told is the whole path.

use aya_ebpf::helpers::generated::bpf_probe_read_kernel_str;
use hids_common::counter::DropReason;
use hids_common::limits::{MAX_PATH_BYTES, MAX_PATH_STEPS, NAME_BYTES, PATH_BUFFER_BYTES};
use hids_common::record::path_flag;

use crate::offsets::*;
use crate::who::Task;

/// A place in the tree: `struct path` of the kernel.
#[derive(Clone, Copy)]
pub struct Place {
    /// `struct vfsmount *`
    pub mnt: Address,
    /// `struct dentry *`
    pub dentry: Address,
}

impl Place {
    /// The program that a task runs.
    #[inline(always)]
    pub fn executable(task: Task) -> Result<Self, DropReason> {
        let memory: Address = read(task.0, &TASK_MM)?;
        let file: Address = read(memory, &MM_EXE_FILE)?;
        Self::of_file(file)
    }

    /// An open file (`struct file *`).
    #[inline(always)]
    pub fn of_file(file: Address) -> Result<Self, DropReason> {
        Ok(Self { mnt: read(file, &FILE_MNT)?, dentry: read(file, &FILE_DENTRY)? })
    }

    /// The root directory of a task.
    #[inline(always)]
    fn root_of(task: Task) -> Result<Self, DropReason> {
        let fs: Address = read(task.0, &TASK_FS)?;
        Ok(Self { mnt: read(fs, &FS_ROOT_MNT)?, dentry: read(fs, &FS_ROOT_DENTRY)? })
    }
}

/// Whether a task's root directory is not that of its mount namespace.
#[inline(always)]
pub fn has_other_root(task: Task) -> Result<bool, DropReason> {
    let root = Place::root_of(task)?;
    let top: Address = read(root.mnt, &VFSMOUNT_ROOT)?;
    let mount = mount_of(root.mnt);
    // `pivot_root` leaves the new root mounted on itself or on the first root file system, whose root
    // it covers; `chroot` leaves it below.
    let parent: Address = read(mount, &MOUNT_PARENT)?;
    if root.dentry != top {
        return Ok(true);
    }
    if parent == mount {
        return Ok(false);
    }
    let mountpoint: Address = read(mount, &MOUNT_MOUNTPOINT)?;
    let above: Address = read(address(parent, &MOUNT_MNT), &VFSMOUNT_ROOT)?;
    Ok(mountpoint != above)
}

/// Writes the names of `place` into `buffer`, each with its NUL, its own first; `length` is how many
/// bytes that are. Gives [`path_flag`]s.
///
/// `length` lies in a map: then every step looks the same to the verifier, which checks it once
/// instead of once for every length that names can add up to.
#[inline(always)]
pub fn write(place: Place, buffer: *mut [u8; PATH_BUFFER_BYTES], length: *mut u32) -> Result<u32, DropReason> {
    let Place { mut mnt, mut dentry } = place;
    let mut flags = 0;
    if is_removed(dentry)? {
        flags |= path_flag::NAMELESS;
    }
    store(length, 0);
    for _ in 0..MAX_PATH_STEPS {
        let root: Address = read(mnt, &VFSMOUNT_ROOT)?;
        if dentry == root {
            let mount = mount_of(mnt);
            let parent: Address = read(mount, &MOUNT_PARENT)?;
            if parent == mount {
                return Ok(flags);
            }
            dentry = read(mount, &MOUNT_MOUNTPOINT)?;
            mnt = address(parent, &MOUNT_MNT);
            continue;
        }
        let parent: Address = read(dentry, &DENTRY_PARENT)?;
        if !append(dentry, buffer, length)? {
            return Ok(flags | path_flag::CUT_OFF);
        }
        if parent == dentry {
            // A tree of its own: a memfd and the like.
            return Ok(flags | path_flag::NAMELESS);
        }
        dentry = parent;
    }
    Ok(flags | path_flag::CUT_OFF)
}

/// Appends one name; `false` when there is no room.
#[inline(always)]
fn append(dentry: Address, buffer: *mut [u8; PATH_BUFFER_BYTES], length: *mut u32) -> Result<bool, DropReason> {
    let at = load(length) as usize;
    if at > MAX_PATH_BYTES - NAME_BYTES {
        return Ok(false);
    }
    let name: Address = read(dentry, &DENTRY_NAME)?;
    let target = buffer.cast::<u8>().wrapping_add(at & MAX_PATH_BYTES);
    // SAFETY: `target` is at most MAX_PATH_BYTES behind the start of the buffer, which is NAME_BYTES + 1
    // longer; the helper checks the source itself.
    let written = unsafe { bpf_probe_read_kernel_str(target.cast(), NAME_BYTES as u32, name) };
    if written <= 0 {
        return Err(DropReason::Unreadable);
    }
    store(length, at as u32 + written as u32);
    Ok(true)
}

/// Whether a name has been taken out of its directory.
#[inline(always)]
fn is_removed(dentry: Address) -> Result<bool, DropReason> {
    Ok(read::<Address>(dentry, &DENTRY_PPREV)?.is_null())
}

/// The `struct mount` around a `struct vfsmount`.
#[inline(always)]
fn mount_of(mnt: Address) -> Address {
    mnt.wrapping_byte_sub(number(&MOUNT_MNT) as usize)
}

#[inline(always)]
fn load(length: *mut u32) -> u32 {
    // SAFETY: points into this processor's own map value.
    unsafe { length.read_volatile() }
}

#[inline(always)]
fn store(length: *mut u32, value: u32) {
    // SAFETY: points into this processor's own map value.
    unsafe { length.write_volatile(value) }
}
