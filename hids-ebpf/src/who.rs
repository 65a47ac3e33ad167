//! Properties of a task: ids, users, names. Reads kernel structs and never changes them.

use aya_ebpf::helpers::bpf_get_current_cgroup_id;
use hids_common::counter::DropReason;
use hids_common::record::{NOBODY, Process};

use crate::offsets::*;

/// How deep PID namespaces nest (`MAX_PID_NS_LEVEL` of the kernel), the machine's own included.
const MAX_PID_NS_LEVELS: u32 = 33;

/// A `struct task_struct *` of the kernel.
#[derive(Clone, Copy)]
pub struct Task(pub Address);

impl Task {
    /// Whether this is the first thread of its process.
    #[inline(always)]
    pub fn is_leader(self) -> Result<bool, DropReason> {
        Ok(read::<u32>(self.0, &TASK_PID)? == read::<u32>(self.0, &TASK_TGID)?)
    }

    /// Whether no thread of its process is left.
    #[inline(always)]
    pub fn is_last(self) -> Result<bool, DropReason> {
        let signal: Address = read(self.0, &TASK_SIGNAL)?;
        Ok(read::<u32>(signal, &SIGNAL_LIVE)? == 0)
    }

    /// The first thread of its process.
    #[inline(always)]
    pub fn leader(self) -> Result<Self, DropReason> {
        read(self.0, &TASK_GROUP_LEADER).map(Self)
    }

    /// The process that gets the news of its end.
    #[inline(always)]
    pub fn real_parent(self) -> Result<Self, DropReason> {
        read(self.0, &TASK_REAL_PARENT).map(Self)
    }

    /// Whether it has children; of a process with several threads, whether this thread forked some.
    #[inline(always)]
    pub fn has_children(self) -> Result<bool, DropReason> {
        let list = address(self.0, &TASK_CHILDREN);
        Ok(read::<Address>(self.0, &TASK_CHILDREN)? != list)
    }

    /// When it was forked.
    #[inline(always)]
    pub fn start(self) -> Result<u64, DropReason> {
        read(self.0, &TASK_START)
    }

    /// Its process number as the daemon sees it; 0 when the daemon does not see it.
    #[inline(always)]
    pub fn number(self) -> Result<u32, DropReason> {
        if is_there(&OWN_PID_NS) { self.leader()?.number_in_own_namespace() } else { read(self.0, &TASK_TGID) }
    }

    /// The same for a daemon in a PID namespace of its own. `self` is the first thread.
    #[inline(always)]
    fn number_in_own_namespace(self) -> Result<u32, DropReason> {
        let pid: Address = read(self.0, &TASK_THREAD_PID)?;
        let levels: u32 = read(pid, &PID_LEVEL)?;
        for level in 0..MAX_PID_NS_LEVELS {
            if level > levels {
                break;
            }
            let upid = address(pid, &PID_NUMBERS).wrapping_byte_add((level * number(&UPID_SIZE)) as usize);
            let namespace: Address = read(upid, &UPID_NS)?;
            if read::<u32>(namespace, &PID_NS_INUM)? == number(&OWN_PID_NS) {
                return read(upid, &UPID_NR);
            }
        }
        Ok(0)
    }

    /// Fills in everything but parent and program. The control group is that of the task that runs now.
    /// Name and start are those of the first thread, as in `/proc`; users are per thread.
    #[inline(always)]
    pub fn describe(self, process: &mut Process) -> Result<(), DropReason> {
        let cred: Address = read(self.0, &TASK_CRED)?;
        let leader = self.leader()?;
        process.pid = self.number()?;
        process.start = leader.start()?;
        process.uid = read(cred, &CRED_UID)?;
        process.euid = read(cred, &CRED_EUID)?;
        process.gid = read(cred, &CRED_GID)?;
        process.login_uid = if is_there(&TASK_LOGINUID) { read(self.0, &TASK_LOGINUID)? } else { NOBODY };
        process.session = if is_there(&TASK_SESSIONID) { read(self.0, &TASK_SESSIONID)? } else { NOBODY };
        process.command = read(leader.0, &TASK_COMM)?;
        // SAFETY: no arguments; always there since Linux 4.18.
        process.cgroup = unsafe { bpf_get_current_cgroup_id() };
        process.reserved = 0;
        Ok(())
    }

    /// The number of its mount namespace.
    #[inline(always)]
    pub fn mount_namespace(self) -> Result<u32, DropReason> {
        let proxy: Address = read(self.0, &TASK_NSPROXY)?;
        let namespace: Address = read(proxy, &NSPROXY_MNT_NS)?;
        read(namespace, &MNT_NS_INUM)
    }
}
