//! Where the fields that the guard reads lie in the kernel's structs. User space sets every number
//! before loading (`hids-userspace/src/sensors/guard/fields.rs`); the verifier then takes them for constants.

use hids_common::limits::ABSENT;

macro_rules! offsets {
    ($($name:ident)+) => {
        $(
            #[unsafe(no_mangle)]
            pub static $name: u32 = ABSENT;
        )+
    };
}

offsets! {
    G_FILE_DENTRY G_FILE_INODE G_FILE_MODE G_FILE_FLAGS
    G_PATH_DENTRY G_PATH_MNT
    G_DENTRY_PARENT G_DENTRY_INODE G_DENTRY_SB G_DENTRY_NAME G_DENTRY_ALIAS
    G_INODE_INO G_INODE_SB G_INODE_MODE G_INODE_NLINK G_INODE_DENTRY
    G_SB_DEV G_SB_ROOT G_SB_MAGIC
    G_BTRFS_INODE G_BTRFS_ROOT G_BTRFS_NUMBER
    G_TASK_MM G_TASK_FLAGS G_TASK_TGID G_TASK_PID G_TASK_LEADER G_TASK_START G_TASK_PARENT G_TASK_CRED
    G_TASK_NSPROXY G_TASK_LOGINUID G_TASK_SESSION
    G_CRED_UID G_CRED_GID G_CRED_EUID
    G_MM_EXE
    G_VMA_FILE G_VMA_FLAGS
    G_VFSMOUNT_ROOT G_MOUNT_MNT G_MOUNT_GROUP G_MOUNT_NS
    G_NSPROXY_MNT G_MNT_NS_INUM
    G_IATTR_VALID
}

/// The number that user space set.
#[inline(always)]
pub fn at(offset: &'static u32) -> usize {
    // SAFETY: a static is always readable; volatile, because user space writes it into the object.
    unsafe { core::ptr::read_volatile(offset) as usize }
}

/// Whether the kernel has the field.
#[inline(always)]
pub fn is_there(offset: &'static u32) -> bool {
    at(offset) != ABSENT as usize
}
