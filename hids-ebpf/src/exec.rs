//! Processes: forked, started on another program, ended.
//!
//! `PROCESSES` holds every living one. User space looks there first, so a start or an end that finds no
//! room in the ring costs the path of the program, never a wrong answer.

use aya_ebpf::helpers::bpf_ktime_get_ns;
use aya_ebpf::programs::RawTracePointContext;
use hids_common::counter::{DropReason, Hook};
use hids_common::limits::{CLOCK_TICK_NANOSECONDS, MAX_PATH_BYTES};
use hids_common::record::{Exec, ExecHead, ExecKey, Exit, Kind, NOBODY, Process};

use crate::maps::{EXEC_SCRATCH, PROCESSES};
use crate::offsets::Address;
use crate::path::Place;
use crate::who::Task;
use crate::{emit, path};

/// A process without any property.
const NO_PROCESS: Process = Process {
    start: 0,
    parent_start: 0,
    cgroup: 0,
    exec: ExecKey { time: 0, pid: 0, reserved: 0 },
    pid: 0,
    parent: 0,
    uid: NOBODY,
    euid: NOBODY,
    gid: NOBODY,
    login_uid: NOBODY,
    session: NOBODY,
    reserved: 0,
    command: [0; 16],
};

/// A process or thread was made; it has not run yet.
#[inline(always)]
pub fn on_fork(ctx: &RawTracePointContext) -> Result<(), DropReason> {
    let (parent, child) = (Task(ctx.arg::<Address>(0)), Task(ctx.arg::<Address>(1)));
    if !child.is_leader()? {
        return Ok(());
    }
    let mut process = NO_PROCESS;
    child.describe(&mut process)?;
    if process.pid == 0 {
        return Ok(());
    }
    process.parent = parent.number()?;
    process.parent_start = parent.leader()?.start()?;
    process.exec = known(process.parent, process.parent_start).map_or(NO_PROCESS.exec, |parent| parent.exec);
    PROCESSES.insert(process.pid, process, 0).map_err(|_| DropReason::MapFull)?;
    emit::count(Hook::Fork)
}

/// A process has replaced its program.
#[inline(always)]
pub fn on_exec(ctx: &RawTracePointContext) -> Result<(), DropReason> {
    let task = Task(ctx.arg::<Address>(0));
    let record = EXEC_SCRATCH.get_ptr_mut(0).ok_or(DropReason::MissingSlot)?;
    let mut process = NO_PROCESS;
    task.describe(&mut process)?;
    if process.pid == 0 {
        return Ok(());
    }
    (process.parent, process.parent_start) = parent(task, &process)?;
    process.exec = ExecKey { time: now(), pid: process.pid, reserved: 0 };
    // Before anything that can fail: an older program must not be believed in.
    let remembered = PROCESSES.insert(process.pid, process, 0);
    write_exec(task, &process, record)?;
    remembered.map_err(|_| DropReason::MapFull)?;
    emit::count(Hook::Exec)
}

/// Sends the record of a start.
#[inline(always)]
fn write_exec(task: Task, process: &Process, record: *mut Exec) -> Result<(), DropReason> {
    // SAFETY: `record` is this processor's own map value.
    let head = unsafe { &raw mut (*record).head };
    // SAFETY: as above.
    let (buffer, length) = unsafe { (&raw mut (*record).path, &raw mut (*head).path_bytes) };
    let written = Place::executable(task).and_then(|place| path::write(place, buffer, length));
    // Without a path the record still tells everything else.
    let (path_bytes, mut flags) = match written {
        // SAFETY: as above.
        Ok(flags) => (unsafe { length.read_volatile() }, flags),
        Err(_) => (0, 0),
    };
    if path::has_other_root(task).unwrap_or(false) {
        flags |= hids_common::record::path_flag::CHROOT;
    }
    let mount_namespace = task.mount_namespace().unwrap_or(0);
    let bytes = path_bytes as usize & MAX_PATH_BYTES;
    let value =
        ExecHead { kind: Kind::Exec as u32, path_bytes: bytes as u32, process: *process, mount_namespace, flags };
    // SAFETY: as above.
    unsafe { head.write(value) };
    emit::send(record.cast(), size_of::<ExecHead>() + bytes)
}

/// A thread has ended.
#[inline(always)]
pub fn on_exit(ctx: &RawTracePointContext) -> Result<(), DropReason> {
    let task = Task(ctx.arg::<Address>(0));
    if !task.is_last()? {
        return emit::count(Hook::Exit);
    }
    let mut process = NO_PROCESS;
    task.describe(&mut process)?;
    if process.pid == 0 {
        return Ok(());
    }
    if let Some(known) = known(process.pid, process.start) {
        (process.parent, process.parent_start) = (known.parent, known.parent_start);
        process.exec = known.exec;
    }
    // Two last threads may both come here: the second finds nothing to remove and tells it again.
    let _ = PROCESSES.remove(process.pid);
    let has_children = u32::from(task.has_children()?);
    let exit = Exit { kind: Kind::Exit as u32, has_children, time: now(), process };
    emit::send((&raw const exit).cast(), size_of::<Exit>())?;
    emit::count(Hook::Exit)
}

/// The parent as remembered from the fork; the kernel's own answer changes when a parent ends.
#[inline(always)]
fn parent(task: Task, process: &Process) -> Result<(u32, u64), DropReason> {
    if let Some(known) = known(process.pid, process.start) {
        return Ok((known.parent, known.parent_start));
    }
    let parent = task.real_parent()?;
    Ok((parent.number()?, parent.leader()?.start()?))
}

/// What the map holds of the process with this number that was forked at this time.
///
/// Processes that were there before the programs have a time in clock ticks, so the nanoseconds below
/// one are not compared.
#[inline(always)]
fn known(pid: u32, start: u64) -> Option<Process> {
    let found = PROCESSES.get_ptr(pid)?;
    // SAFETY: the kernel gave the address of a map value, which stays readable while this program runs.
    // It may be written meanwhile, by another start of the same process only, which cannot be.
    let found = unsafe { *found };
    (start / CLOCK_TICK_NANOSECONDS == found.start / CLOCK_TICK_NANOSECONDS).then_some(found)
}

#[inline(always)]
fn now() -> u64 {
    // SAFETY: no arguments; always there.
    unsafe { bpf_ktime_get_ns() }
}
