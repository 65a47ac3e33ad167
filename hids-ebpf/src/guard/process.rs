//! Whether the running process may change what is protected: its executable is allowed, or it
//! descends from one that is.

use aya_ebpf::helpers::{bpf_get_current_pid_tgid, generated::bpf_get_current_task};
use hids_common::guard::{FileKey, GuardDrop, STATE_MOUNT_NAMESPACE};

use super::count;
use super::maps::{ALLOWED, MARKED, STATE};
use super::offsets::*;
use super::read::{Address, field, key, pointer};

/// `PF_KTHREAD`, `include/linux/sched.h`; the same since 2.6.
const KERNEL_THREAD: u32 = 0x0020_0000;

/// The running task.
#[inline(always)]
pub fn current() -> Address {
    // SAFETY: takes nothing and always gives the task.
    unsafe { bpf_get_current_task() as Address }
}

/// Process number of the running task.
#[inline(always)]
pub fn pid() -> u32 {
    (bpf_get_current_pid_tgid() >> 32) as u32
}

/// Whether the running task belongs to the kernel.
#[inline(always)]
pub fn is_kernel_thread() -> bool {
    field::<u32>(current(), &G_TASK_FLAGS) & KERNEL_THREAD != 0
}

/// The file that the running process executes; null for a kernel thread.
#[inline(always)]
pub fn executable() -> Address {
    let mm = pointer(current(), &G_TASK_MM);
    if mm.is_null() { mm } else { pointer(mm, &G_MM_EXE) }
}

/// The executable's key; inode 0 for a kernel thread.
#[inline(always)]
pub fn executable_key() -> FileKey {
    let file = executable();
    if file.is_null() {
        return FileKey::new(0, 0);
    }
    key(pointer(file, &G_FILE_INODE))
}

/// Whether the running process may change what is protected.
#[inline(always)]
pub fn is_allowed() -> bool {
    let executable = executable_key();
    // SAFETY: the value is not looked at.
    if executable.inode != 0 && unsafe { ALLOWED.get(executable) }.is_some() {
        return true;
    }
    // SAFETY: a number that is read once.
    match unsafe { MARKED.get(pid()) } {
        Some(start) => *start == field::<u64>(pointer(current(), &G_TASK_LEADER), &G_TASK_START),
        None => false,
    }
}

/// Whether the running process is in the mount namespace that is protected.
#[inline(always)]
pub fn in_own_mount_namespace() -> bool {
    let namespace = pointer(pointer(current(), &G_TASK_NSPROXY), &G_NSPROXY_MNT);
    let number: u32 = field(namespace, &G_MNT_NS_INUM);
    STATE.get(STATE_MOUNT_NAMESPACE).is_some_and(|own| *own == number)
}

/// A process has a child: a new process of an allowed one is allowed, whatever it will execute.
#[inline(always)]
pub fn on_fork(child: Address) {
    let (pid, group): (u32, u32) = (field(child, &G_TASK_PID), field(child, &G_TASK_TGID));
    if pid != group || !is_allowed() {
        return;
    }
    let start: u64 = field(child, &G_TASK_START);
    if MARKED.insert(pid, start, 0).is_err() {
        count::drop(GuardDrop::MarksFull);
    }
}

/// The running process has started a program: if that is allowed, so is what replaces it later (a
/// shell ends in the last command of its script, without a child).
#[inline(always)]
pub fn on_exec() {
    if !is_allowed() {
        return;
    }
    let start: u64 = field(pointer(current(), &G_TASK_LEADER), &G_TASK_START);
    if MARKED.insert(pid(), start, 0).is_err() {
        count::drop(GuardDrop::MarksFull);
    }
}

/// The last trace of a task is gone.
#[inline(always)]
pub fn on_free(task: Address) {
    let (pid, group): (u32, u32) = (field(task, &G_TASK_PID), field(task, &G_TASK_TGID));
    if pid != group {
        return;
    }
    let start: u64 = field(task, &G_TASK_START);
    // SAFETY: a number that is read once. The number may have been given to a new process already.
    if unsafe { MARKED.get(pid) }.is_some_and(|mark| *mark == start) {
        // Nothing to do if somebody else removed it.
        let _ = MARKED.remove(pid);
    }
}
