//! The BPF object: entry points only, one attribute and one call each.
//!
//! Programs observe and count; policy lives in user space. `cargo xtask build-ebpf` builds this for
//! `bpfel-unknown-none` or `bpfeb-unknown-none`; it does not compile for the machine itself.
#![no_std]
#![no_main]

mod cgroup;
mod emit;
mod exec;
mod maps;
mod offsets;
mod path;
mod who;

use aya_ebpf::macros::{lsm, raw_tracepoint};
use aya_ebpf::programs::{LsmContext, RawTracePointContext};
use hids_common::counter::Hook;

/// `sched:sched_process_exec`, since Linux 3.4; raw tracepoints since 4.17.
///
/// Kernel: `trace_sched_process_exec(struct task_struct *p, pid_t old_pid, struct linux_binprm *bprm)`,
/// called by `exec_binprm()` in `fs/exec.c` when the new program is in place.
#[raw_tracepoint(tracepoint = "sched_process_exec")]
pub fn sched_process_exec(ctx: RawTracePointContext) -> i32 {
    emit::outcome(Hook::Exec, exec::on_exec(&ctx))
}

/// `sched:sched_process_exit`, since Linux 2.6.32; raw tracepoints since 4.17.
///
/// Kernel: `trace_sched_process_exit(struct task_struct *p)` (a second argument `bool group_dead`
/// since 6.16), called by `do_exit()` in `kernel/exit.c` for every thread.
#[raw_tracepoint(tracepoint = "sched_process_exit")]
pub fn sched_process_exit(ctx: RawTracePointContext) -> i32 {
    emit::outcome(Hook::Exit, exec::on_exit(&ctx))
}

/// `sched:sched_process_fork`, since Linux 2.6.32; raw tracepoints since 4.17.
///
/// Kernel: `trace_sched_process_fork(struct task_struct *parent, struct task_struct *child)`, called by
/// `kernel_clone()` in `kernel/fork.c` before the child runs, for threads too.
#[raw_tracepoint(tracepoint = "sched_process_fork")]
pub fn sched_process_fork(ctx: RawTracePointContext) -> i32 {
    emit::outcome(Hook::Fork, exec::on_fork(&ctx))
}

/// `cgroup:cgroup_mkdir`, since Linux 4.11, with the path since 4.19.
///
/// Kernel: `trace_cgroup_mkdir(struct cgroup *cgrp, const char *path)`, called by `cgroup_mkdir()` in
/// `kernel/cgroup/cgroup.c` when the group is there.
#[raw_tracepoint(tracepoint = "cgroup_mkdir")]
pub fn cgroup_mkdir(ctx: RawTracePointContext) -> i32 {
    emit::outcome(Hook::CgroupMkdir, cgroup::on_mkdir(&ctx))
}

/// `security_file_open`, since Linux 5.7 as a BPF hook. Loaded to see whether the kernel takes LSM
/// programs, attached nowhere; it would allow everything.
///
/// Kernel: `int security_file_open(struct file *file)`, `security/security.c`.
#[lsm(hook = "file_open")]
pub fn lsm_probe(_ctx: LsmContext) -> i32 {
    0
}

/// Required by the language; the programs contain nothing that panics, so it is never reached.
#[cfg(not(test))]
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// Lets the kernel offer its GPL-only helpers and LSM attachment.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
