//! The process that did something.

use serde::{Deserialize, Serialize};

/// A process as it was when it acted. All bytes are chosen by whoever runs it: hostile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// Process number (thread group) in the daemon's PID namespace; 0 when the kernel did not tell.
    pub pid: u32,
    /// Path of the executable; empty when unknown.
    pub executable: Vec<u8>,
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
