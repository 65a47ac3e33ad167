//! The guard: BPF LSM programs that refuse changes to protected files. Its map keys, its record, its
//! counters and the names of its maps.
//!
//! The programs belong to an object of their own, because they stay in the kernel when the daemon
//! ends. Whatever is changed here changes that object, and with it the directory of its pins.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A file: filesystem, subvolume and inode number. The key of the maps [`PROTECTED_MAP`] and [`ALLOWED_MAP`].
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
pub struct FileKey {
    /// Inode number; 0 is no file.
    pub inode: u64,
    /// The kernel's own number of the filesystem (`s_dev`): major << 20 | minor. Not `st_dev`, which is
    /// encoded otherwise and which some filesystems make up.
    pub device: u32,
    /// Number of the subvolume on btrfs, of which each counts its own inodes; 0 on other filesystems.
    /// The kernel counts in 64 bits from 256 upwards and never gives a number twice; these are the lower
    /// ones.
    pub subvolume: u32,
}

impl FileKey {
    /// A key on a filesystem without subvolumes.
    pub const fn new(device: u32, inode: u64) -> Self {
        Self { inode, device, subvolume: 0 }
    }
}

/// Flag in [`PROTECTED_MAP`]: the file itself and everything below it must not be changed.
pub const TREE: u32 = 1;

/// Flag in [`PROTECTED_MAP`]: a directory on the way to a tree; it must not be renamed or mounted over.
pub const ANCESTOR: u32 = 2;

/// Flag in [`ALLOWED_MAP`]: the administrator fixed the digest; a file that replaces this one is not
/// allowed before user space has looked at it.
pub const DIGEST_FIXED: u32 = 1;

/// Slot of [`STATE_MAP`]: one of the `MODE_` values.
pub const STATE_MODE: u32 = 0;
/// Slot of [`STATE_MAP`]: number of the mount namespace whose mounts are protected (`/proc/self/ns/mnt`).
pub const STATE_MOUNT_NAMESPACE: u32 = 1;
/// Slot of [`STATE_MAP`]: 1 when the programs can tell subvolumes of btrfs apart. They cannot when btrfs
/// was not in the kernel when they were loaded.
pub const STATE_SUBVOLUMES: u32 = 2;
/// How many slots [`STATE_MAP`] has.
pub const STATE_SLOTS: u32 = 3;

/// Nothing is looked at.
pub const MODE_OFF: u32 = 0;
/// What would be refused is told and happens.
pub const MODE_MONITOR: u32 = 1;
/// What is refused is told.
pub const MODE_ENFORCE: u32 = 2;

/// Hash of [`FileKey`] to flags: what is protected.
pub const PROTECTED_MAP: &str = "PROTECTED";
/// Hash of `s_dev` to anything: filesystems that have something protected.
pub const DEVICES_MAP: &str = "DEVICES";
/// Hash of [`FileKey`] to flags: executables that may change what is protected.
pub const ALLOWED_MAP: &str = "ALLOWED";
/// Hash of process number to start time: descendants of allowed executables.
pub const MARKED_MAP: &str = "MARKED";
/// Array of `u32`: see the `STATE_` slots.
pub const STATE_MAP: &str = "STATE";
/// Ring of [`GuardRecord`].
pub const RECORDS_MAP: &str = "REFUSALS";
/// Per-CPU array of `u64`: judgements by [`GuardOperation`].
pub const JUDGED_MAP: &str = "JUDGED";
/// Per-CPU array of `u64`: what was given up, by [`GuardDrop`].
pub const GUARD_DROPPED_MAP: &str = "GUARD_DROPPED";
/// Least recently used hash of [`WriterKey`] to nanoseconds since boot: writes told of lately.
pub const WRITERS_MAP: &str = "WRITERS";

/// Every map of the object that outlives the daemon, in the order of pinning.
pub const PINNED_MAPS: &[&str] = &[
    PROTECTED_MAP,
    DEVICES_MAP,
    ALLOWED_MAP,
    MARKED_MAP,
    STATE_MAP,
    RECORDS_MAP,
    JUDGED_MAP,
    GUARD_DROPPED_MAP,
    WRITERS_MAP,
];

/// Entries of [`PROTECTED_MAP`]: trees, the directories above them, and files in them that have more
/// than one hard link.
pub const PROTECTED_SLOTS: u32 = 131_072;

/// Who wrote to what: the key of [`WRITERS_MAP`].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriterKey {
    /// The file.
    pub file: FileKey,
    /// Process number.
    pub pid: u32,
    /// Always 0.
    pub zero: u32,
}

/// What a process tried, more finely than alerts say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum GuardOperation {
    /// Opened for writing.
    Open,
    /// Wrote through a descriptor that was open before.
    Write,
    /// Changed the size.
    Truncate,
    /// Made a file.
    Create,
    /// Made a directory.
    MakeDirectory,
    /// Made a device, a pipe or a socket.
    MakeNode,
    /// Made a symbolic link.
    Symlink,
    /// Made a hard link in or out of a tree.
    Link,
    /// Removed a file.
    Unlink,
    /// Removed a directory.
    RemoveDirectory,
    /// Renamed something away.
    RenameFrom,
    /// Renamed something to here or over it.
    RenameTo,
    /// Changed mode, owner or times.
    SetAttributes,
    /// Changed or removed an extended attribute.
    SetXattr,
    /// Changed an access control list.
    SetAcl,
    /// Changed flags such as "immutable".
    SetFlags,
    /// Mapped shared and writable.
    Map,
    /// Mounted over it, or moved a mount away.
    Mount,
    /// Took a mount away.
    Unmount,
}

impl GuardOperation {
    /// Every operation, by its number.
    pub const ALL: [Self; 19] = [
        Self::Open,
        Self::Write,
        Self::Truncate,
        Self::Create,
        Self::MakeDirectory,
        Self::MakeNode,
        Self::Symlink,
        Self::Link,
        Self::Unlink,
        Self::RemoveDirectory,
        Self::RenameFrom,
        Self::RenameTo,
        Self::SetAttributes,
        Self::SetXattr,
        Self::SetAcl,
        Self::SetFlags,
        Self::Map,
        Self::Mount,
        Self::Unmount,
    ];

    /// How many there are.
    pub const COUNT: u32 = Self::ALL.len() as u32;

    /// Its number in records and its slot in [`JUDGED_MAP`].
    pub const fn code(self) -> u32 {
        self as u32
    }

    /// The word in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open for writing",
            Self::Write => "write to an open descriptor",
            Self::Truncate => "truncate",
            Self::Create => "create",
            Self::MakeDirectory => "mkdir",
            Self::MakeNode => "mknod",
            Self::Symlink => "symlink",
            Self::Link => "link",
            Self::Unlink => "unlink",
            Self::RemoveDirectory => "rmdir",
            Self::RenameFrom => "rename away",
            Self::RenameTo => "rename to",
            Self::SetAttributes => "chmod, chown, utimes",
            Self::SetXattr => "setxattr",
            Self::SetAcl => "set ACL",
            Self::SetFlags => "chattr",
            Self::Map => "shared writable mapping",
            Self::Mount => "mount over",
            Self::Unmount => "umount",
        }
    }
}

/// Why something was given up in the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum GuardDrop {
    /// The ring was full: the judgement held, but nobody was told.
    RingFull,
    /// A child of an allowed process could not be marked: it is treated like any other.
    MarksFull,
    /// The map of protected files was full when a hard link was made.
    ProtectedFull,
    /// A write was not told because the same process had written to the same file within a second.
    Repeated,
}

impl GuardDrop {
    /// Every reason, by its slot in [`GUARD_DROPPED_MAP`].
    pub const ALL: [Self; 4] = [Self::RingFull, Self::MarksFull, Self::ProtectedFull, Self::Repeated];

    /// How many there are.
    pub const COUNT: u32 = Self::ALL.len() as u32;

    /// The word in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RingFull => "ring_full",
            Self::MarksFull => "marks_full",
            Self::ProtectedFull => "protected_full",
            Self::Repeated => "repeated",
        }
    }
}

/// Longest name of one file, its NUL included (`NAME_MAX` + 1).
pub const NAME_BYTES: usize = 256;
/// Room for the names of the path below the protected directory.
pub const PATH_BYTES: usize = 1024 + NAME_BYTES;
/// Room for the names of the executable's path.
pub const EXECUTABLE_BYTES: usize = 512 + NAME_BYTES;
/// Most names of one path.
pub const MAX_NAMES: u32 = 24;

/// Flag of a record: the operation was refused, not only told.
pub const REFUSED: u32 = 1;
/// Flag of a record: the names of the path are not all there.
pub const PATH_CUT: u32 = 2;
/// Flag of a record: the names of the executable are not all there.
pub const EXECUTABLE_CUT: u32 = 4;

/// A judgement, as the ring carries it.
///
/// Names are held one after the other, the innermost first, each with a NUL behind it.
#[repr(C)]
#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable)]
pub struct GuardRecord {
    /// Nanoseconds since boot.
    pub time_ns: u64,
    /// Number of the control group.
    pub cgroup: u64,
    /// What is protected: the directory above, or the file itself. Inode 0: no directory was found
    /// (opened by file handle, or more than 128 levels deep).
    pub protected: FileKey,
    /// The executable; inode 0 for a kernel thread.
    pub executable: FileKey,
    /// Process number (thread group) in the first PID namespace.
    pub pid: u32,
    /// Its parent's.
    pub parent: u32,
    /// Real user.
    pub uid: u32,
    /// Real group.
    pub gid: u32,
    /// Effective user.
    pub euid: u32,
    /// Who logged in; `u32::MAX` for nobody, and where the kernel keeps no such number.
    pub login_uid: u32,
    /// Audit session; `u32::MAX` for none, and where the kernel keeps no such number.
    pub session: u32,
    /// [`GuardOperation::code`].
    pub operation: u32,
    /// The flags above.
    pub flags: u32,
    /// Bytes used in `path`.
    pub path_bytes: u32,
    /// Bytes used in `executable_path`.
    pub executable_bytes: u32,
    /// Always 0.
    pub zero: u32,
    /// Command name, NUL-padded.
    pub command: [u8; 16],
    /// Names of the executable's path up to the root of its filesystem.
    pub executable_path: [u8; EXECUTABLE_BYTES],
    /// Names of the path up to, and without, `protected`; up to the root of the filesystem if
    /// `protected` is none of the directories above.
    pub path: [u8; PATH_BYTES],
}

const _: () = assert!(size_of::<GuardRecord>() == 48 + 12 * 4 + 16 + EXECUTABLE_BYTES + PATH_BYTES);
const _: () = assert!(size_of::<FileKey>() == 16);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_and_drop_has_the_number_of_its_place() {
        for (place, operation) in GuardOperation::ALL.iter().enumerate() {
            assert_eq!(operation.code() as usize, place);
        }
        for (place, reason) in GuardDrop::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, place);
        }
    }
}
