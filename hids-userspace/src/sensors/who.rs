//! Process lookup: executable, user and session of a process id, also after it has exited.
//!
//! Owns the question ([`WhoLookup`]), the answer from what the kernel remembers ([`Processes`]) and the
//! one that needs no help from it ([`Procfs`]). Every byte that is handed on was chosen by the process
//! itself.
//!
//! # How a process is known that nobody looked at
//!
//! BPF programs at three tracepoints keep a map of living processes in the kernel: `fork` adds one with
//! its parent and the program that it shares with it, `exec` notes the program, users, login, session
//! and control group, `exit` takes it out. `exec` and `exit` also put a record into a ring: the path of
//! the program, walked in the kernel, and the process as it was in the end. Whoever asks first reads the
//! ring: what a process did before its file event is therefore known when the event is looked at,
//! however late that is. Records do not wake the daemon before many wait.
//!
//! An answer comes from, in this order:
//!
//! 1. the table of ended processes, if one with the number has ended at most two seconds ago
//!    or none is alive;
//! 2. the kernel's map. Users, name, login, session and control group may have changed since, so they are
//!    read from `/proc` again, and the map once more after that: nothing is mixed from two programs;
//! 3. `/proc` alone ([`WhoSource::Procfs`](hids_core::model::WhoSource)): the map was full;
//! 4. nothing: the record of its end found no room in the ring, which is counted.
//!
//! # Two processes with one number
//!
//! A file event carries a number and no time, and is read some time after it happened. Processes are
//! told apart by number and time of their fork. If a process with the number ended within the last
//! `state::MOST_LATE` and another has the number already, the kernel went once through all
//! numbers (at least 32,768) within that time: then the ended one is told, because the event was more
//! probably waiting than caused by a process that is some moments old. Without such a reuse there is
//! only one process that it can be, and the answer is exact. A caller that knows how old its event can be
//! at most says so ([`WhoLookup::who_within`]): who wants to be taken for a process that has just ended
//! then has to get its number within milliseconds.
//!
//! What can still be wrong: a process that changes a file and then replaces its program before the
//! event is read is told with the new program (a shell's `command > file` does just that: file made by
//! the shell's child, which then becomes the command; the same process either way). A process that
//! changes its users after its event, likewise. Only a sensor at the operation itself (LSM) knows better.
//!
//! # Ancestors
//!
//! The parent is the process that called fork, also when it has ended and the kernel has given the child
//! to another one. A process that leaves children behind is remembered as long as any descends from it.

mod cgroups;
mod ended;
pub(super) mod kernel;
mod living;
mod processes;
mod procfs;
mod programs;
mod state;
mod sweep;

pub use processes::{Processes, ProcessesReport};
pub use procfs::Procfs;

use std::sync::Arc;
use std::time::Duration;

use hids_core::model::Who;

/// Most ancestors told. Alerts are grouped by the topmost process of a command, so its children must all reach it: 8 were
/// too few for a program that a test run by cargo started from a shell.
const MOST_ANCESTORS: usize = 32;

/// Tells who a process is. Asked by several threads, once or more for every file event.
pub trait WhoLookup: Send + Sync {
    /// The process with number `pid` (thread group, in the daemon's PID namespace) as it acted just now.
    ///
    /// `None` when nothing but the number is known: the process has ended before anybody looked.
    fn who(&self, pid: u32) -> Option<Arc<Who>>;

    /// The same for an event that is known to be at most `age` old: its queue was empty then. The shorter
    /// that is, the less a process can hide behind one that had its number before.
    fn who_within(&self, pid: u32, age: Duration) -> Option<Arc<Who>> {
        let _ = age;
        self.who(pid)
    }

    /// Whether processes are known that ended some milliseconds before they are asked for.
    fn remembers_ended(&self) -> bool {
        false
    }
}
