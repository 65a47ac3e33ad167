//! The process that did something.

use serde::{Deserialize, Serialize};

/// A process as it was when it acted. All bytes are chosen by whoever runs it: hostile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// Process number (thread group) in the daemon's PID namespace; 0 when the kernel did not tell.
    pub pid: u32,
    /// Path of the executable; empty when unknown.
    pub executable: Vec<u8>,
    /// What to know before believing that path.
    pub executable_notes: ExecutableNotes,
    /// Command name, at most 15 bytes.
    pub command: Vec<u8>,
    /// Real user.
    pub uid: Option<u32>,
    /// Effective user.
    pub euid: Option<u32>,
    /// Real group.
    pub gid: Option<u32>,
    /// Who logged in (`/proc/PID/loginuid`); `None` when nobody did.
    pub login_uid: Option<u32>,
    /// Audit session; `None` when there is none.
    pub session: Option<u32>,
    /// Path of the control group, `/system.slice/ssh.service`; empty when unknown.
    pub cgroup: Vec<u8>,
    /// Identifier of the container (12 to 64 hexadecimal digits), where the control group tells it.
    pub container: Option<String>,
    /// Its ancestors, the parent first, at most 8.
    pub parents: Vec<Ancestor>,
    /// How this is known.
    pub source: WhoSource,
}

/// A process further up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ancestor {
    /// Process number.
    pub pid: u32,
    /// Path of the executable; empty when unknown.
    pub executable: Vec<u8>,
    /// Command name.
    pub command: Vec<u8>,
}

/// How well it is known who did something, best last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum WhoSource {
    /// The number alone: the process was gone before it could be looked at.
    #[default]
    PidOnly,
    /// `/proc` after the event: wrong if the process replaced its program meanwhile.
    Procfs,
    /// Captured by the kernel when the process started, forked or ended (BPF tracepoints).
    Tracepoint,
    /// Captured by the kernel at the operation itself (BPF LSM).
    Lsm,
}

impl WhoSource {
    /// The word in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PidOnly => "pid-only",
            Self::Procfs => "procfs",
            Self::Tracepoint => "tracepoint",
            Self::Lsm => "lsm",
        }
    }
}

/// Something about the path of an executable that keeps it from being what it looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum ExecutableNote {
    /// The path is that of another mount namespace (a container's): it is no path here.
    OtherMounts,
    /// The process had another root directory than its mount namespace; the path is the whole one.
    Chroot,
    /// The file had no name when it was started: a memfd, or deleted before.
    Nameless,
    /// The path was too long and is truncated at the beginning.
    CutOff,
}

impl ExecutableNote {
    /// Every note.
    pub const ALL: [Self; 4] = [Self::OtherMounts, Self::Chroot, Self::Nameless, Self::CutOff];

    /// The word in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OtherMounts => "other-mounts",
            Self::Chroot => "chroot",
            Self::Nameless => "nameless",
            Self::CutOff => "cut-off",
        }
    }
}

/// A set of [`ExecutableNote`]s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExecutableNotes(u8);

impl ExecutableNotes {
    /// The path is as it looks.
    pub const NONE: Self = Self(0);

    /// This set with `note`.
    #[must_use]
    pub const fn with(self, note: ExecutableNote) -> Self {
        Self(self.0 | 1 << note as u8)
    }

    /// Whether `note` is in the set.
    pub const fn contains(self, note: ExecutableNote) -> bool {
        self.0 & 1 << note as u8 != 0
    }

    /// Whether there is nothing to note.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The notes in the set.
    pub fn iter(self) -> impl Iterator<Item = ExecutableNote> {
        ExecutableNote::ALL.into_iter().filter(move |note| self.contains(*note))
    }
}
