//! The ways to see file and process events.

use serde::Serialize;

/// One way to see file and process events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// BPF programs at LSM hooks: see file operations by their real object and can deny them.
    Lsm,
    /// BPF programs at tracepoints: tell which process did something.
    Tracepoint,
    /// The kernel's own file events.
    Fanotify,
    /// Comparing files at intervals.
    Scan,
}

impl Tier {
    /// The name used in messages and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lsm => "lsm",
            Self::Tracepoint => "tracepoint",
            Self::Fanotify => "fanotify",
            Self::Scan => "scan",
        }
    }
}
