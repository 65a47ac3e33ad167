//! Executables of processes, from the exec events of the kernel.
//!
//! Equal programs are held once. What no process runs any more is dropped when there are many, but only
//! at the second look: at the first, a process may have ended whose end is not read yet, and its program
//! is still to be told.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use hids_common::record::{ExecHead, ExecKey, path_flag};
use hids_core::model::{ExecutableNote, ExecutableNotes};

/// Starts remembered before it is looked through which processes are still there.
const SOFT_LIMIT: usize = 8192;

/// Starts remembered at most; then new ones are not, and `/proc` tells of them.
const HARD_LIMIT: usize = 262_144;

/// A program as it was started.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Program {
    /// Its path; empty when it could not be told.
    pub path: Vec<u8>,
    /// What to know before believing the path.
    pub notes: ExecutableNotes,
}

#[derive(Debug)]
struct Start {
    program: Arc<Program>,
    /// No process ran it at the last look.
    was_idle: bool,
}

/// Programs by their start.
#[derive(Debug)]
pub(super) struct Programs {
    by_start: HashMap<ExecKey, Start>,
    distinct: HashSet<Arc<Program>>,
    /// How many starts there may be before the next look.
    limit: usize,
    /// Mount namespaces whose paths are the daemon's own.
    own_mounts: Vec<u32>,
}

impl Programs {
    /// None yet. Programs from other mount namespaces than `own_mounts` are noted as such.
    pub(super) fn new(own_mounts: Vec<u32>) -> Self {
        Self { by_start: HashMap::new(), distinct: HashSet::new(), limit: SOFT_LIMIT, own_mounts }
    }

    /// What was started then.
    pub(super) fn find(&self, start: ExecKey) -> Option<&Arc<Program>> {
        self.by_start.get(&start).map(|start| &start.program)
    }

    /// Remembers a start that the kernel told.
    pub(super) fn insert_told(&mut self, head: &ExecHead, names: &[u8]) {
        let mut notes = ExecutableNotes::NONE;
        let flags = [
            (path_flag::CUT_OFF, ExecutableNote::CutOff),
            (path_flag::NAMELESS, ExecutableNote::Nameless),
            (path_flag::CHROOT, ExecutableNote::Chroot),
        ];
        for (_, note) in flags.iter().filter(|(flag, _)| head.flags & flag != 0) {
            notes = notes.with(*note);
        }
        if head.mount_namespace != 0 && !self.own_mounts.contains(&head.mount_namespace) {
            notes = notes.with(ExecutableNote::OtherMounts);
        }
        let path = path(names, notes.contains(ExecutableNote::CutOff));
        self.insert(head.process.exec, Program { path, notes });
    }

    /// Remembers a start.
    pub(super) fn insert(&mut self, start: ExecKey, program: Program) {
        if self.by_start.len() >= HARD_LIMIT {
            return;
        }
        let program = match self.distinct.get(&program) {
            Some(known) => Arc::clone(known),
            None => {
                let program = Arc::new(program);
                self.distinct.insert(Arc::clone(&program));
                program
            }
        };
        self.by_start.insert(start, Start { program, was_idle: false });
    }

    /// Whether it is time for [`retain`](Self::retain).
    pub(super) fn are_many(&self) -> bool {
        self.by_start.len() > self.limit
    }

    /// Forgets the starts that are not in `running` and were not in the call before. Between two calls
    /// all records that the kernel has sent by the first one must have been read.
    pub(super) fn retain(&mut self, running: &HashSet<ExecKey>) {
        self.by_start.retain(|key, start| {
            let is_idle = !running.contains(key);
            !(std::mem::replace(&mut start.was_idle, is_idle) && is_idle)
        });
        self.by_start.shrink_to(SOFT_LIMIT);
        self.distinct.retain(|program| Arc::strong_count(program) > 1);
        let idle = self.by_start.values().filter(|start| start.was_idle).count();
        self.limit = SOFT_LIMIT.max((self.by_start.len() - idle) * 2) + idle;
    }

    /// How many starts are remembered.
    pub(super) fn len(&self) -> usize {
        self.by_start.len()
    }
}

/// The path from a row of names, the file's own first.
fn path(names: &[u8], is_cut_off: bool) -> Vec<u8> {
    let mut path = if is_cut_off { b"[...]".to_vec() } else { Vec::with_capacity(names.len()) };
    for name in names.split(|byte| *byte == 0).rev().filter(|name| !name.is_empty()) {
        path.push(b'/');
        path.extend_from_slice(name);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(time: u64) -> ExecKey {
        ExecKey { time, pid: 1, reserved: 0 }
    }

    fn head(time: u64, mount_namespace: u32, flags: u32) -> ExecHead {
        let process = hids_common::record::Process { exec: key(time), ..Default::default() };
        ExecHead { kind: 1, path_bytes: 0, process, mount_namespace, flags }
    }

    #[test]
    fn names_are_put_together_from_the_root() {
        let mut programs = Programs::new(vec![7]);
        programs.insert_told(&head(1, 7, 0), b"tr\nue\0bin\0usr\0");
        assert_eq!(programs.find(key(1)).map(|program| &program.path[..]), Some(&b"/usr/bin/tr\nue"[..]));
        assert!(programs.find(key(1)).is_some_and(|program| program.notes.is_empty()));
    }

    #[test]
    fn path_that_is_not_what_it_looks_like_is_noted() {
        let mut programs = Programs::new(vec![7]);
        programs.insert_told(&head(1, 8, path_flag::CUT_OFF | path_flag::CHROOT), b"x\0deep\0");
        let program = programs.find(key(1)).expect("remembered");
        assert_eq!(program.path, b"[...]/deep/x");
        let notes: Vec<_> = program.notes.iter().collect();
        assert_eq!(notes, [ExecutableNote::OtherMounts, ExecutableNote::Chroot, ExecutableNote::CutOff]);
    }

    #[test]
    fn what_no_process_runs_at_two_looks_is_forgotten_when_there_are_many() {
        let mut programs = Programs::new(vec![7]);
        let mut time = 0;
        while !programs.are_many() {
            time += 1;
            programs.insert_told(&head(time, 7, 0), if time == 3 { b"kept\0" } else { b"gone\0" });
        }
        assert_eq!(programs.distinct.len(), 2, "equal programs are held once");
        let running = HashSet::from([key(3)]);
        programs.retain(&running);
        assert!(programs.find(key(4)).is_some(), "forgotten at the first look");
        assert!(!programs.are_many(), "looked through again at once");
        programs.retain(&running);
        assert_eq!(programs.len(), 1);
        assert_eq!(programs.distinct.len(), 1);
        assert!(programs.find(key(3)).is_some_and(|program| program.path == b"/kept"));
    }
}
