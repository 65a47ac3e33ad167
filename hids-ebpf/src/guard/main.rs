//! The guard's BPF object: entry points only, one attribute and one call each.
//!
//! The programs look things up and answer; what is protected, who may and whether anything is refused
//! stands in maps that user space fills. An object of its own, because it outlives the daemon.
//! Prototypes are those of `include/linux/lsm_hook_defs.h`; user space compares the arguments used
//! here with the kernel's own description before it loads a program (`sensors/guard/hooks.rs`).
#![no_std]
#![no_main]

mod count;
mod judge;
mod maps;
mod offsets;
mod place;
mod process;
mod read;
mod report;

use aya_ebpf::macros::{btf_tracepoint, lsm};
use aya_ebpf::programs::{BtfTracePointContext, LsmContext};
use hids_common::guard::GuardOperation;

use judge::ALLOW;
use read::{Address, field};

const MAY_WRITE: i32 = 2;
const PROT_WRITE: u64 = 2;
const VM_SHARED: u64 = 8;
const ATTR_SIZE: u32 = 1 << 3;
/// `MS_REMOUNT`: changes options, hides nothing.
const REMOUNT: u64 = 32;
/// `MS_UNBINDABLE`, `MS_PRIVATE`, `MS_SLAVE`, `MS_SHARED`: change where mounts spread, hide nothing.
const PROPAGATION: u64 = 0b1111 << 17;
/// ioctls that change a file through a descriptor that is only open for reading: `FS_IOC_SETFLAGS` (64
/// and 32 bit), `FS_IOC_FSSETXATTR`, `FS_IOC_SETVERSION` (64 and 32 bit), ext4's own,
/// `FS_IOC_ENABLE_VERITY`, `BTRFS_IOC_SUBVOL_SETFLAGS`.
const CHANGING_IOCTLS: [u32; 8] =
    [0x4008_6602, 0x4004_6602, 0x401c_5820, 0x4008_7602, 0x4004_7602, 0x4008_6604, 0x4080_6685, 0x4008_941a];

/// ioctls of btrfs on a directory that make a subvolume or a snapshot in it, with no hook of their own:
/// `SNAP_CREATE`, `SUBVOL_CREATE` and the second version of both.
const SUBVOLUME_IOCTLS: [u32; 4] = [0x5000_9401, 0x5000_940e, 0x5000_9417, 0x5000_9418];
/// The one that removes a subvolume from a directory: `BTRFS_IOC_SNAP_DESTROY`.
const REMOVING_IOCTLS: [u32; 1] = [0x5000_940f];
/// ioctls that change files which only their argument names, through a descriptor of any other file of the
/// filesystem: `BTRFS_IOC_SNAP_DESTROY_V2` (by number), `XFS_IOC_ATTRMULTI_BY_HANDLE`, `XFS_IOC_SWAPEXT`.
const ELSEWHERE_IOCTLS: [u32; 3] = [0x5000_943f, 0x4048_587b, 0xc0c0_586d];

/// `int file_open(struct file *file)`, since 5.7 (as all hooks of the BPF LSM).
#[lsm(hook = "file_open")]
pub fn guard_open(ctx: LsmContext) -> i32 {
    judge::open(ctx.arg(0))
}

/// `int file_permission(struct file *file, int mask)`: write, fallocate, splice, io_uring.
#[lsm(hook = "file_permission")]
pub fn guard_write(ctx: LsmContext) -> i32 {
    if ctx.arg::<i32>(1) & MAY_WRITE == 0 {
        return ALLOW;
    }
    judge::write(ctx.arg(0))
}

/// `int file_ioctl(struct file *file, unsigned int cmd, unsigned long arg)`.
#[lsm(hook = "file_ioctl")]
pub fn guard_ioctl(ctx: LsmContext) -> i32 {
    ioctl(ctx.arg(0), ctx.arg(1))
}

/// `int file_ioctl_compat(struct file *file, unsigned int cmd, unsigned long arg)`, since 6.8.
#[lsm(hook = "file_ioctl_compat")]
pub fn guard_ioctl_compat(ctx: LsmContext) -> i32 {
    ioctl(ctx.arg(0), ctx.arg(1))
}

#[inline(always)]
fn ioctl(file: Address, command: u32) -> i32 {
    if ELSEWHERE_IOCTLS.contains(&command) {
        return judge::anywhere(GuardOperation::SetFlags, read::dentry_of(file));
    }
    if SUBVOLUME_IOCTLS.contains(&command) {
        return judge::entries(GuardOperation::MakeDirectory, read::dentry_of(file));
    }
    if REMOVING_IOCTLS.contains(&command) {
        return judge::entries(GuardOperation::RemoveDirectory, read::dentry_of(file));
    }
    if !CHANGING_IOCTLS.contains(&command) {
        return ALLOW;
    }
    judge::name(GuardOperation::SetFlags, read::dentry_of(file))
}

/// `int mmap_file(struct file *file, unsigned long reqprot, unsigned long prot, unsigned long flags)`;
/// no file for anonymous memory.
#[lsm(hook = "mmap_file")]
pub fn guard_mmap(ctx: LsmContext) -> i32 {
    let file: Address = ctx.arg(0);
    // MAP_SHARED is 1, MAP_SHARED_VALIDATE 3.
    let shared = ctx.arg::<u64>(3) & 0xf;
    if file.is_null() || ctx.arg::<u64>(2) & PROT_WRITE == 0 || !(shared == 1 || shared == 3) {
        return ALLOW;
    }
    judge::content(GuardOperation::Map, file)
}

/// `int file_mprotect(struct vm_area_struct *vma, unsigned long reqprot, unsigned long prot)`.
#[lsm(hook = "file_mprotect")]
pub fn guard_mprotect(ctx: LsmContext) -> i32 {
    let area: Address = ctx.arg(0);
    if ctx.arg::<u64>(2) & PROT_WRITE == 0 || field::<u64>(area, &offsets::G_VMA_FLAGS) & VM_SHARED == 0 {
        return ALLOW;
    }
    let file = read::pointer(area, &offsets::G_VMA_FILE);
    if file.is_null() { ALLOW } else { judge::content(GuardOperation::Map, file) }
}

/// `int inode_create(struct inode *dir, struct dentry *dentry, umode_t mode)`.
#[lsm(hook = "inode_create")]
pub fn guard_create(ctx: LsmContext) -> i32 {
    judge::name(GuardOperation::Create, ctx.arg(1))
}

/// `int inode_mkdir(struct inode *dir, struct dentry *dentry, umode_t mode)`.
#[lsm(hook = "inode_mkdir")]
pub fn guard_mkdir(ctx: LsmContext) -> i32 {
    judge::name(GuardOperation::MakeDirectory, ctx.arg(1))
}

/// `int inode_mknod(struct inode *dir, struct dentry *dentry, umode_t mode, dev_t dev)`.
#[lsm(hook = "inode_mknod")]
pub fn guard_mknod(ctx: LsmContext) -> i32 {
    judge::name(GuardOperation::MakeNode, ctx.arg(1))
}

/// `int inode_symlink(struct inode *dir, struct dentry *dentry, const char *old_name)`.
#[lsm(hook = "inode_symlink")]
pub fn guard_symlink(ctx: LsmContext) -> i32 {
    judge::name(GuardOperation::Symlink, ctx.arg(1))
}

/// `int inode_link(struct dentry *old_dentry, struct inode *dir, struct dentry *new_dentry)`.
#[lsm(hook = "inode_link")]
pub fn guard_link(ctx: LsmContext) -> i32 {
    judge::link(ctx.arg(0), ctx.arg(2))
}

/// `int inode_unlink(struct inode *dir, struct dentry *dentry)`.
#[lsm(hook = "inode_unlink")]
pub fn guard_unlink(ctx: LsmContext) -> i32 {
    judge::unlink(ctx.arg(1))
}

/// `int inode_rmdir(struct inode *dir, struct dentry *dentry)`.
#[lsm(hook = "inode_rmdir")]
pub fn guard_rmdir(ctx: LsmContext) -> i32 {
    judge::name(GuardOperation::RemoveDirectory, ctx.arg(1))
}

/// `int inode_rename(struct inode *old_dir, struct dentry *old_dentry, struct inode *new_dir, struct
/// dentry *new_dentry)`.
#[lsm(hook = "inode_rename")]
pub fn guard_rename(ctx: LsmContext) -> i32 {
    judge::rename(ctx.arg(1), ctx.arg(3))
}

/// `int inode_setattr(struct dentry *dentry, struct iattr *attr)`, before 6.9.
#[lsm(hook = "inode_setattr")]
pub fn guard_setattr_0(ctx: LsmContext) -> i32 {
    setattr(ctx.arg(0), ctx.arg(1))
}

/// `int inode_setattr(struct mnt_idmap *idmap, struct dentry *dentry, struct iattr *attr)`, since 6.9.
#[lsm(hook = "inode_setattr")]
pub fn guard_setattr_1(ctx: LsmContext) -> i32 {
    setattr(ctx.arg(1), ctx.arg(2))
}

#[inline(always)]
fn setattr(dentry: Address, attributes: Address) -> i32 {
    let changes_size = field::<u32>(attributes, &offsets::G_IATTR_VALID) & ATTR_SIZE != 0;
    judge::name(if changes_size { GuardOperation::Truncate } else { GuardOperation::SetAttributes }, dentry)
}

/// `int inode_setxattr(struct dentry *dentry, const char *name, ...)`, before 5.12.
#[lsm(hook = "inode_setxattr")]
pub fn guard_setxattr_0(ctx: LsmContext) -> i32 {
    judge::name(GuardOperation::SetXattr, ctx.arg(0))
}

/// `int inode_setxattr(struct mnt_idmap *idmap, struct dentry *dentry, const char *name, ...)`; the
/// first argument is a user namespace from 5.12 to 6.2.
#[lsm(hook = "inode_setxattr")]
pub fn guard_setxattr_1(ctx: LsmContext) -> i32 {
    judge::name(GuardOperation::SetXattr, ctx.arg(1))
}

/// `int inode_removexattr(struct dentry *dentry, const char *name)`, before 5.12.
#[lsm(hook = "inode_removexattr")]
pub fn guard_removexattr_0(ctx: LsmContext) -> i32 {
    judge::name(GuardOperation::SetXattr, ctx.arg(0))
}

/// `int inode_removexattr(struct mnt_idmap *idmap, struct dentry *dentry, const char *name)`.
#[lsm(hook = "inode_removexattr")]
pub fn guard_removexattr_1(ctx: LsmContext) -> i32 {
    judge::name(GuardOperation::SetXattr, ctx.arg(1))
}

/// `int inode_set_acl(struct mnt_idmap *idmap, struct dentry *dentry, ...)`, since 6.2; before, an
/// access control list is an extended attribute.
#[lsm(hook = "inode_set_acl")]
pub fn guard_set_acl(ctx: LsmContext) -> i32 {
    judge::name(GuardOperation::SetAcl, ctx.arg(1))
}

/// `int inode_remove_acl(struct mnt_idmap *idmap, struct dentry *dentry, ...)`, since 6.2.
#[lsm(hook = "inode_remove_acl")]
pub fn guard_remove_acl(ctx: LsmContext) -> i32 {
    judge::name(GuardOperation::SetAcl, ctx.arg(1))
}

/// `int inode_file_setattr(struct dentry *dentry, struct file_kattr *fa)`, since 6.17.
#[lsm(hook = "inode_file_setattr")]
pub fn guard_file_setattr(ctx: LsmContext) -> i32 {
    judge::name(GuardOperation::SetFlags, ctx.arg(0))
}

/// `int sb_mount(const char *dev_name, const struct path *path, const char *type, unsigned long flags,
/// void *data)`.
#[lsm(hook = "sb_mount")]
pub fn guard_mount(ctx: LsmContext) -> i32 {
    if ctx.arg::<u64>(3) & (REMOUNT | PROPAGATION) != 0 {
        return ALLOW;
    }
    judge::mount_over(ctx.arg(1))
}

/// `int move_mount(const struct path *from_path, const struct path *to_path)`, since 5.2.
#[lsm(hook = "move_mount")]
pub fn guard_move_mount(ctx: LsmContext) -> i32 {
    judge::move_mount(ctx.arg(0), ctx.arg(1))
}

/// `int sb_umount(struct vfsmount *mnt, int flags)`.
#[lsm(hook = "sb_umount")]
pub fn guard_umount(ctx: LsmContext) -> i32 {
    judge::unmount(ctx.arg(0))
}

/// Tracepoint `sched_process_fork(struct task_struct *parent, struct task_struct *child)`; the child
/// has its number and does not run yet.
#[btf_tracepoint(function = "sched_process_fork")]
pub fn guard_fork(ctx: BtfTracePointContext) -> i32 {
    process::on_fork(ctx.arg(1));
    0
}

/// Tracepoint `sched_process_exec(struct task_struct *p, pid_t old_pid, struct linux_binprm *bprm)`; the
/// new program is in place. A later argument that is not used here may come or go.
#[btf_tracepoint(function = "sched_process_exec")]
pub fn guard_exec(_ctx: BtfTracePointContext) -> i32 {
    process::on_exec();
    0
}

/// Tracepoint `sched_process_free(struct task_struct *p)`; the number is free again.
#[btf_tracepoint(function = "sched_process_free")]
pub fn guard_free(ctx: BtfTracePointContext) -> i32 {
    process::on_free(ctx.arg(0));
    0
}

/// Required by the language; the programs contain nothing that panics, so it is never reached.
#[cfg(not(test))]
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// Lets the kernel offer its GPL-only helpers and LSM attachment.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
