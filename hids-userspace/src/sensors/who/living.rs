//! What `/proc` tells of a living process that its fork or start did not: users that it became, its
//! name, login, session and control group as they are now.

use hids_common::limits::CLOCK_TICK_NANOSECONDS;
use hids_common::record::NOBODY;

use super::procfs;

/// A process as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Living {
    /// Command name.
    pub command: Vec<u8>,
    /// The process that would get the news of its end.
    pub parent: u32,
    /// When it was forked, rounded down to clock ticks: nanoseconds since the machine was started.
    pub start: u64,
    /// Real user.
    pub uid: Option<u32>,
    /// Effective user.
    pub euid: Option<u32>,
    /// Real group.
    pub gid: Option<u32>,
    /// Who logged in.
    pub login_uid: Option<u32>,
    /// Audit session.
    pub session: Option<u32>,
    /// Path of the control group.
    pub cgroup: Vec<u8>,
}

impl Living {
    /// Reads it; `None` when there is no such process, or its number was given away while it was read.
    pub(super) fn read(pid: u32) -> Option<Self> {
        let stat = procfs::file(pid, "stat")?;
        let (command, parent, ticks) = procfs::parse_stat(&stat)?;
        let status = procfs::file(pid, "status")?;
        let ids = |field: &[u8]| procfs::parse_ids(&status, field);
        let (uid, euid) = ids(b"Uid:").unzip();
        let (gid, _) = ids(b"Gid:").unzip();
        let number = |name| procfs::file(pid, name).and_then(|text| procfs::parse_number(&text)).and_then(told);
        let (login_uid, session) = (number("loginuid"), number("sessionid"));
        let cgroup = procfs::file(pid, "cgroup").map(|text| procfs::parse_cgroup(&text)).unwrap_or_default();
        let again = procfs::file(pid, "stat")?;
        let is_same = procfs::parse_stat(&again)?.2 == ticks;
        let start = ticks.saturating_mul(CLOCK_TICK_NANOSECONDS);
        is_same.then(|| Self { command: command.to_vec(), parent, start, uid, euid, gid, login_uid, session, cgroup })
    }
}

/// "Nobody" and "none" are numbers to the kernel.
pub(super) fn told(number: u32) -> Option<u32> {
    Some(number).filter(|number| *number != NOBODY)
}
