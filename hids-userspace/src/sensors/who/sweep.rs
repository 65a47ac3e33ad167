//! The processes that were there before the programs at the tracepoints.
//!
//! Runs when the programs are attached: a process that is forked meanwhile is in the kernel's map
//! already and is left as it is there; one that ends meanwhile is taken out again.

use std::fs;

use hids_common::record::{ExecKey, NOBODY, Process};
use hids_core::model::ExecutableNotes;

use super::kernel::Kernel;
use super::living::Living;
use super::procfs;
use super::programs::{Program, Programs};

/// Marks a program that was running already. No start has such a time: the machine was not up yet.
const BEFORE: u64 = 1;

/// Tells `kernel` and `programs` of every process in `/proc`. Gives how many.
pub(super) fn sweep(kernel: &mut dyn Kernel, programs: &mut Programs) -> usize {
    let names = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = names.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let found: Vec<(u32, Living)> = numbers.filter_map(|pid| Some((pid, Living::read(pid)?))).collect();
    for (pid, living) in &found {
        let parent_start = found.iter().find(|(pid, _)| *pid == living.parent).map_or(0, |(_, parent)| parent.start);
        let process = process(*pid, living, parent_start);
        let path = procfs::executable(*pid);
        if !path.is_empty() {
            programs.insert(process.exec, Program { path, notes: ExecutableNotes::NONE });
        }
        kernel.insert(&process);
        if Living::read(*pid).is_none_or(|now| now.start != living.start)
            && kernel.living(*pid).is_some_and(|known| known.exec == process.exec)
        {
            kernel.remove(*pid);
        }
    }
    found.len()
}

fn process(pid: u32, living: &Living, parent_start: u64) -> Process {
    let mut command = [0; 16];
    let length = living.command.len().min(15);
    command[..length].copy_from_slice(&living.command[..length]);
    Process {
        start: living.start,
        parent_start,
        cgroup: 0,
        exec: ExecKey { time: BEFORE, pid, reserved: 0 },
        pid,
        parent: living.parent,
        uid: living.uid.unwrap_or(NOBODY),
        euid: living.euid.unwrap_or(NOBODY),
        gid: living.gid.unwrap_or(NOBODY),
        login_uid: living.login_uid.unwrap_or(NOBODY),
        session: living.session.unwrap_or(NOBODY),
        reserved: 0,
        command,
    }
}
