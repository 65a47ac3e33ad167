//! What the programs at the process tracepoints remember of processes and tell of them.
//!
//! The ring `EVENTS` carries records of different length; each begins with its [`Kind`]. A record with
//! a path is cut off after it.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::limits::PATH_BUFFER_BYTES;

/// First word of every record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    /// An [`Exec`].
    Exec = 1,
    /// An [`Exit`].
    Exit = 2,
    /// A [`Cgroup`].
    Cgroup = 3,
}

/// Which start of a program: the process that did it and when. Children that only fork share it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ExecKey {
    /// Nanoseconds of `CLOCK_MONOTONIC`; 0 when the start was not seen.
    pub time: u64,
    /// Process number.
    pub pid: u32,
    /// Always 0.
    pub reserved: u32,
}

/// A process as the kernel sees it; the value of the map `PROCESSES`.
///
/// Process numbers (`pid`, `parent`) are of thread groups in the daemon's PID namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Process {
    /// When it was forked: nanoseconds since the machine was started, suspended time included.
    pub start: u64,
    /// The same of its parent; 0 when unknown.
    pub parent_start: u64,
    /// Number of its control group in the version 2 hierarchy.
    pub cgroup: u64,
    /// The program it runs.
    pub exec: ExecKey,
    /// Process number.
    pub pid: u32,
    /// Number of the process that forked it; 0 when it is not in the daemon's PID namespace.
    pub parent: u32,
    /// Real user.
    pub uid: u32,
    /// Effective user.
    pub euid: u32,
    /// Real group.
    pub gid: u32,
    /// Who logged in; [`NOBODY`] when nobody did.
    pub login_uid: u32,
    /// Audit session; [`NOBODY`] when there is none.
    pub session: u32,
    /// Always 0.
    pub reserved: u32,
    /// Command name, ended by NUL.
    pub command: [u8; 16],
}

/// "Nobody logged in" and "no session", as the kernel writes it.
pub const NOBODY: u32 = u32::MAX;

/// A process runs another program.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ExecHead {
    /// [`Kind::Exec`].
    pub kind: u32,
    /// Bytes of the path that follow.
    pub path_bytes: u32,
    /// The process.
    pub process: Process,
    /// Number of its mount namespace; 0 when unknown.
    pub mount_namespace: u32,
    /// [`path_flag`]s.
    pub flags: u32,
}

/// A process runs another program, with the path of that.
///
/// The path is a row of names, each ended by NUL, the file's own first and that below the root of the
/// mount namespace last.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Exec {
    /// All but the path.
    pub head: ExecHead,
    /// The path; only `path_bytes` are sent.
    pub path: [u8; PATH_BUFFER_BYTES],
}

/// What is special about a path.
pub mod path_flag {
    /// It has more names or bytes than fit; the first ones (from the root) are missing.
    pub const CUT_OFF: u32 = 1;
    /// The file had no name: a memfd, or deleted.
    pub const NAMELESS: u32 = 2;
    /// The process has another root directory than its mount namespace.
    pub const CHROOT: u32 = 4;
}

/// A process has ended.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Exit {
    /// [`Kind::Exit`].
    pub kind: u32,
    /// 1 when it leaves children behind, else 0.
    pub has_children: u32,
    /// Nanoseconds of `CLOCK_MONOTONIC`.
    pub time: u64,
    /// The process as it was in the end.
    pub process: Process,
}

/// A control group was made.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct CgroupHead {
    /// [`Kind::Cgroup`].
    pub kind: u32,
    /// Bytes of the path that follow.
    pub path_bytes: u32,
    /// Its number.
    pub id: u64,
}

/// A control group was made, with its path below the root of the version 2 hierarchy.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Cgroup {
    /// All but the path.
    pub head: CgroupHead,
    /// The path; only `path_bytes` are sent.
    pub path: [u8; PATH_BUFFER_BYTES],
}

const _: () = {
    assert!(size_of::<Process>() == 88);
    assert!(size_of::<ExecHead>() == 104);
    assert!(size_of::<Exit>() == 104);
    assert!(size_of::<CgroupHead>() == 16);
    // Nothing between head and path, and nothing behind it.
    assert!(size_of::<Exec>() == size_of::<ExecHead>() + PATH_BUFFER_BYTES);
    assert!(size_of::<Cgroup>() == size_of::<CgroupHead>() + PATH_BUFFER_BYTES);
};
