//! Where fields lie in this kernel's structs: set by user space before the object is loaded
//! (`sensors/bpf/offsets.rs` and the tables beside each loader), constants to the verifier.

use aya_ebpf::helpers::bpf_probe_read_kernel;
use hids_common::counter::DropReason;
use hids_common::limits::ABSENT;

use core::ffi::c_void;

/// An address in the kernel. Only ever read through [`read`], which cannot fault.
pub type Address = *const c_void;

/// Declares numbers that user space sets; [`ABSENT`] until then.
macro_rules! globals {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        $(
            $(#[$doc])*
            #[unsafe(no_mangle)]
            pub static $name: u32 = ABSENT;
        )+
    };
}

globals! {
    /// `task_struct.pid`
    TASK_PID,
    /// `task_struct.tgid`
    TASK_TGID,
    /// `task_struct.group_leader`
    TASK_GROUP_LEADER,
    /// `task_struct.real_parent`
    TASK_REAL_PARENT,
    /// `task_struct.start_boottime`, nanoseconds since the machine was started, suspended time included
    TASK_START,
    /// `task_struct.comm`
    TASK_COMM,
    /// `task_struct.cred`
    TASK_CRED,
    /// `task_struct.loginuid`; absent without `CONFIG_AUDIT`
    TASK_LOGINUID,
    /// `task_struct.sessionid`; absent without `CONFIG_AUDIT`
    TASK_SESSIONID,
    /// `task_struct.signal`
    TASK_SIGNAL,
    /// `task_struct.mm`
    TASK_MM,
    /// `task_struct.fs`
    TASK_FS,
    /// `task_struct.nsproxy`
    TASK_NSPROXY,
    /// `task_struct.thread_pid`
    TASK_THREAD_PID,
    /// `task_struct.children`
    TASK_CHILDREN,
    /// `cred.uid`
    CRED_UID,
    /// `cred.euid`
    CRED_EUID,
    /// `cred.gid`
    CRED_GID,
    /// `signal_struct.live`, the number of threads that have not ended
    SIGNAL_LIVE,
    /// `mm_struct.exe_file`
    MM_EXE_FILE,
    /// `file.f_path.mnt`
    FILE_MNT,
    /// `file.f_path.dentry`
    FILE_DENTRY,
    /// `dentry.d_parent`
    DENTRY_PARENT,
    /// `dentry.d_name.name`
    DENTRY_NAME,
    /// `dentry.d_hash.pprev`, null when the name has been removed
    DENTRY_PPREV,
    /// `vfsmount.mnt_root`
    VFSMOUNT_ROOT,
    /// `mount.mnt`
    MOUNT_MNT,
    /// `mount.mnt_parent`
    MOUNT_PARENT,
    /// `mount.mnt_mountpoint`
    MOUNT_MOUNTPOINT,
    /// `fs_struct.root.mnt`
    FS_ROOT_MNT,
    /// `fs_struct.root.dentry`
    FS_ROOT_DENTRY,
    /// `nsproxy.mnt_ns`
    NSPROXY_MNT_NS,
    /// `mnt_namespace.ns.inum`
    MNT_NS_INUM,
    /// `pid.level`
    PID_LEVEL,
    /// `pid.numbers`
    PID_NUMBERS,
    /// Bytes from one of `pid.numbers` to the next
    UPID_SIZE,
    /// `upid.nr`
    UPID_NR,
    /// `upid.ns`
    UPID_NS,
    /// `pid_namespace.ns.inum`
    PID_NS_INUM,
    /// The number of the daemon's PID namespace, [`ABSENT`] when that is the machine's own
    OWN_PID_NS,
    /// `cgroup.kn`
    CGROUP_KN,
    /// `cgroup.root`
    CGROUP_ROOT,
    /// `cgroup_root.hierarchy_id`
    CGROUP_ROOT_HIERARCHY,
    /// `kernfs_node.id`
    KERNFS_ID,
}

/// The number that user space set.
#[inline(always)]
pub fn number(global: &'static u32) -> u32 {
    // SAFETY: a reference is valid; volatile, because the value in the object is not the one that is
    // loaded and must not be folded into the code.
    unsafe { core::ptr::read_volatile(global) }
}

/// Whether this kernel has the field.
#[inline(always)]
pub fn is_there(global: &'static u32) -> bool {
    number(global) != ABSENT
}

/// The address of a field.
#[inline(always)]
pub fn address(base: Address, offset: &'static u32) -> Address {
    base.wrapping_byte_add(number(offset) as usize)
}

/// The value of a field.
#[inline(always)]
pub fn read<T>(base: Address, offset: &'static u32) -> Result<T, DropReason> {
    // SAFETY: the helper checks the address itself and gives an error for one that cannot be read;
    // `T` is an integer, an array of bytes or an address, so any bytes are a value of it.
    unsafe { bpf_probe_read_kernel(address(base, offset).cast()) }.map_err(|_| DropReason::Unreadable)
}
