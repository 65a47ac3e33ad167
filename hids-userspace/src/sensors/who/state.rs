//! Everything that is known of processes, and the choice between two with one number.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use hids_common::record::{ExecKey, Process};
use hids_common::user::{Event, decode};
use hids_core::model::{Ancestor, ExecutableNotes, Who, WhoSource};

use super::cgroups::Cgroups;
use super::ended::{Ended, EndedProcesses, MOST_ENDED, is_same_start};
use super::kernel::Kernel;
use super::living::{Living, told};
use super::programs::{Program, Programs};
use super::{MOST_ANCESTORS, procfs};

/// How long an answer holds unless the kernel tells something new, in nanoseconds. Changes of users
/// and names are not told by the kernel, so this is how late they may be seen.
pub(super) const FRESH: u64 = 20_000_000;

/// How old a file event may be when its process is asked for and nobody says more.
pub(super) const MOST_LATE: Duration = Duration::from_secs(2);

/// Answers remembered.
const MOST_ANSWERS: usize = 4096;

/// Records read before an answer is given; the ring holds fewer.
const MOST_RECORDS: usize = 65_536;

/// How often a process that changes while it is looked at is looked at again.
const ATTEMPTS: usize = 3;

/// What is known.
pub(super) struct State<K> {
    pub(super) kernel: K,
    pub(super) programs: Programs,
    pub(super) ended: EndedProcesses,
    pub(super) cgroups: Cgroups,
    answers: HashMap<u32, Answer>,
    /// Records that could not be read.
    pub(super) unknown_records: u64,
}

struct Answer {
    who: Arc<Who>,
    time: u64,
}

impl<K: Kernel> State<K> {
    /// Nothing but what `kernel` knows.
    pub(super) fn new(kernel: K, programs: Programs, cgroups: Cgroups) -> Self {
        let ended = EndedProcesses::new(MOST_ENDED);
        Self { kernel, programs, ended, cgroups, answers: HashMap::new(), unknown_records: 0 }
    }

    /// The process with number `pid`, as it acted at most `age` before `now`; both in nanoseconds.
    pub(super) fn who(&mut self, pid: u32, now: u64, age: u64) -> Option<Arc<Who>> {
        self.read_records();
        if let Some(answer) = self.answers.get(&pid).filter(|answer| now.saturating_sub(answer.time) < FRESH) {
            return Some(Arc::clone(&answer.who));
        }
        let who = self.look(pid, now, age)?;
        // Whoever keeps an answer keeps one, not one for each time that it was looked up.
        let known = self.answers.get(&pid).filter(|answer| *answer.who == who);
        let who = known.map_or_else(|| Arc::new(who), |answer| Arc::clone(&answer.who));
        if self.answers.len() >= MOST_ANSWERS {
            self.answers.clear();
        }
        self.answers.insert(pid, Answer { who: Arc::clone(&who), time: now });
        Some(who)
    }

    /// Takes what the kernel tells into account; how many records it were.
    pub(super) fn read_records(&mut self) -> usize {
        let Self { kernel, programs, ended, cgroups, answers, unknown_records } = self;
        let mut take = |bytes: &[u8]| match decode(bytes) {
            Ok(Event::Exec { head, path }) => {
                answers.remove(&head.process.pid);
                programs.insert_told(&head, path);
            }
            Ok(Event::Exit(exit)) => {
                answers.remove(&exit.process.pid);
                let program = programs.find(exit.process.exec).cloned();
                ended.insert(&exit, program);
            }
            Ok(Event::Cgroup { id, path }) => cgroups.insert(id, path),
            Err(_) => *unknown_records += 1,
        };
        let mut records = 0;
        while records < MOST_RECORDS && kernel.next(&mut take) {
            records += 1;
        }
        self.forget();
        records
    }

    /// Keeps memory bounded.
    fn forget(&mut self) {
        if !self.programs.are_many() && !self.ended.keeps_many() {
            return;
        }
        // A process that ends or starts another program at this moment may be missing in it.
        let living = self.kernel.all();
        if self.programs.are_many() {
            let running: HashSet<ExecKey> = living.iter().map(|process| process.exec).collect();
            self.programs.retain(&running);
        }
        if self.ended.keeps_many() {
            self.ended.retain_ancestors(&living);
        }
    }

    fn look(&mut self, pid: u32, now: u64, age: u64) -> Option<Who> {
        let mut found = None;
        for _ in 0..ATTEMPTS {
            let has_changed = match self.look_once(pid, now, age) {
                Looked::Whole(who) => return Some(who),
                Looked::WithoutAncestor(who) => {
                    found = Some(who);
                    false
                }
                Looked::Unknown => false,
                Looked::Changed => true,
            };
            // Whoever ended after the ring was read is in no map, and in the ring by now.
            if self.read_records() == 0 && !has_changed {
                return found;
            }
        }
        if found.is_some() {
            return found;
        }
        let process = self.kernel.living(pid)?;
        let program = self.programs.find(process.exec).cloned();
        let parents = self.ancestors(&process).0;
        Some(self.as_told(&process, program.as_deref(), parents, now))
    }

    fn look_once(&mut self, pid: u32, now: u64, age: u64) -> Looked {
        let living = self.kernel.living(pid);
        let ended = self.ended.newest(pid).filter(|ended| is_meant(ended, living.as_ref(), now, age)).cloned();
        let Some(process) = ended.as_ref().map(|ended| ended.process).or(living) else { return Looked::Unknown };
        let (parents, is_whole) = self.ancestors(&process);
        let who = match ended {
            Some(ended) => self.as_told(&process, ended.program.as_deref(), parents, now),
            None => match self.living_process(&process, parents) {
                Some(who) => who,
                None => return Looked::Changed,
            },
        };
        if is_whole { Looked::Whole(who) } else { Looked::WithoutAncestor(who) }
    }

    /// A process as the kernel told it last.
    fn as_told(&mut self, process: &Process, program: Option<&Program>, parents: Vec<Ancestor>, now: u64) -> Who {
        let cgroup = self.cgroups.path(process.cgroup, now);
        Who {
            command: command(process),
            uid: told(process.uid),
            euid: told(process.euid),
            gid: told(process.gid),
            login_uid: told(process.login_uid),
            session: told(process.session),
            ..common(process, program, parents, cgroup)
        }
    }

    /// `None` when it is no longer what `process` says.
    fn living_process(&self, process: &Process, parents: Vec<Ancestor>) -> Option<Who> {
        let living = Living::read(process.pid).filter(|living| is_same_start(living.start, process.start))?;
        let program = self.living_program(process);
        if self.kernel.living(process.pid).is_none_or(|now| now.exec != process.exec) {
            return None;
        }
        Some(Who {
            command: living.command,
            uid: living.uid,
            euid: living.euid,
            gid: living.gid,
            login_uid: living.login_uid,
            session: living.session,
            ..common(process, Some(&program), parents, living.cgroup)
        })
    }

    /// The program of a living process, also when its start found no room in the ring or was before.
    fn living_program(&self, process: &Process) -> Arc<Program> {
        match self.programs.find(process.exec) {
            Some(program) if !program.path.is_empty() => Arc::clone(program),
            _ => Arc::new(Program { path: procfs::executable(process.pid), notes: ExecutableNotes::NONE }),
        }
    }

    /// The nearest ancestors, and whether none of them is missing that should be known: one whose end the ring holds.
    fn ancestors(&self, process: &Process) -> (Vec<Ancestor>, bool) {
        let mut found = Vec::new();
        let mut process = *process;
        while process.parent != 0 && found.len() < MOST_ANCESTORS {
            let (pid, start) = (process.parent, process.parent_start);
            let living = self.kernel.living(pid).filter(|living| is_same_start(living.start, start));
            let (parent, executable) = if let Some(living) = living {
                (living, self.living_program(&living).path.clone())
            } else if let Some(ended) = self.ended.find(pid, start) {
                (ended.process, ended.program.as_ref().map(|program| program.path.clone()).unwrap_or_default())
            } else {
                return (found, false);
            };
            found.push(Ancestor { pid, executable, command: command(&parent) });
            process = parent;
        }
        (found, true)
    }
}

/// What one look at a process gave.
enum Looked {
    /// All that is to be known.
    Whole(Who),
    /// The same, but for an ancestor that nothing is known of, and those above it.
    WithoutAncestor(Who),
    /// It ended, or replaced its program, while it was looked at.
    Changed,
    /// Nothing is known of it.
    Unknown,
}

/// What is the same for living and ended processes.
fn common(process: &Process, program: Option<&Program>, parents: Vec<Ancestor>, cgroup: Vec<u8>) -> Who {
    Who {
        pid: process.pid,
        executable: program.map(|program| program.path.clone()).unwrap_or_default(),
        executable_notes: program.map_or(ExecutableNotes::NONE, |program| program.notes),
        container: procfs::container(&cgroup),
        cgroup,
        parents,
        source: WhoSource::Tracepoint,
        ..Who::default()
    }
}

/// Whether an ended process is the one that acted, not the `living` one that has its number now.
fn is_meant(ended: &Ended, living: Option<&Process>, now: u64, age: u64) -> bool {
    if now.saturating_sub(ended.time) < age {
        return true;
    }
    // A process that the kernel's map had no room for is only in /proc.
    let start = living.map(|living| living.start).or_else(|| Living::read(ended.process.pid).map(|now| now.start));
    start.is_none_or(|start| is_same_start(start, ended.process.start))
}

fn command(process: &Process) -> Vec<u8> {
    process.command.split(|byte| *byte == 0).next().unwrap_or_default().to_vec()
}

#[cfg(test)]
mod tests;
