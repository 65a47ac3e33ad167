//! Processes that have ended, as they were in the end.
//!
//! Bounded: the oldest are forgotten first, but one that left children behind is kept apart for as long
//! as any process descends from it, because it is an ancestor that alerts tell.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use hids_common::limits::CLOCK_TICK_NANOSECONDS;
use hids_common::record::{Exit, Process};

use super::programs::Program;

/// Ended processes remembered; at some 150 bytes each.
pub(super) const MOST_ENDED: usize = 65_536;

/// Ancestors kept beyond that.
const MOST_KEPT: usize = 8192;

/// One that has ended.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    /// As it was in the end.
    pub process: Process,
    /// When: nanoseconds of `CLOCK_MONOTONIC`.
    pub time: u64,
    /// What it ran.
    pub program: Option<Arc<Program>>,
    has_children: bool,
    /// No living process descended from it at the last look.
    was_idle: bool,
    /// The one before with the same number, counted like `first`.
    before: Option<u64>,
}

/// The ended processes.
#[derive(Debug)]
pub(super) struct EndedProcesses {
    /// In the order of their ends.
    order: VecDeque<Ended>,
    /// How many were before the first one in `order`.
    first: u64,
    /// The last one of each number.
    newest: HashMap<u32, u64>,
    /// Ancestors that are no longer in `order`, by number and start in clock ticks.
    kept: HashMap<(u32, u64), Ended>,
    limit: usize,
}

impl EndedProcesses {
    /// None yet; remembers `limit`.
    pub(super) fn new(limit: usize) -> Self {
        Self { order: VecDeque::new(), first: 0, newest: HashMap::new(), kept: HashMap::new(), limit }
    }

    /// Remembers an end.
    pub(super) fn insert(&mut self, exit: &Exit, program: Option<Arc<Program>>) {
        let process = exit.process;
        // The last two threads of a process may both tell its end; only one of them knows the program.
        if let Some(known) =
            self.newest_mut(process.pid).filter(|known| is_same_start(known.process.start, process.start))
        {
            if known.program.is_none() && program.is_some() {
                (known.process, known.program) = (process, program);
            }
            return;
        }
        if self.order.len() >= self.limit {
            self.forget_oldest();
        }
        let number = self.first + self.order.len() as u64;
        let before = self.newest.insert(process.pid, number);
        let has_children = exit.has_children != 0;
        self.order.push_back(Ended { process, time: exit.time, program, has_children, was_idle: false, before });
    }

    /// The last process with this number that has ended.
    pub(super) fn newest(&self, pid: u32) -> Option<&Ended> {
        self.at(*self.newest.get(&pid)?)
    }

    fn newest_mut(&mut self, pid: u32) -> Option<&mut Ended> {
        let number = self.newest.get(&pid)?.checked_sub(self.first)?;
        self.order.get_mut(usize::try_from(number).ok()?)
    }

    /// The process with this number that was forked at this time.
    pub(super) fn find(&self, pid: u32, start: u64) -> Option<&Ended> {
        let mut number = self.newest.get(&pid).copied();
        while let Some(ended) = number.and_then(|number| self.at(number)) {
            if is_same_start(ended.process.start, start) {
                return Some(ended);
            }
            number = ended.before;
        }
        self.kept.get(&key(pid, start))
    }

    /// Whether it is time for [`retain_ancestors`](Self::retain_ancestors).
    pub(super) fn keeps_many(&self) -> bool {
        self.kept.len() > MOST_KEPT
    }

    /// Forgets ancestors of which no process of `living` descends and none of the call before did, and the
    /// oldest ones if there are still too many.
    pub(super) fn retain_ancestors(&mut self, living: &[Process]) {
        let by_start: HashMap<_, &Process> = living.iter().map(|p| (key(p.pid, p.start), p)).collect();
        let mut needed = HashSet::new();
        for process in living {
            let mut process = *process;
            for _ in 0..super::MOST_ANCESTORS {
                let parent = key(process.parent, process.parent_start);
                if self.kept.contains_key(&parent) {
                    needed.insert(parent);
                }
                let ended = || self.find(process.parent, process.parent_start).map(|ended| ended.process);
                let Some(next) = by_start.get(&parent).map(|p| **p).or_else(ended) else { break };
                process = next;
            }
        }
        self.kept.retain(|key, ended| {
            let is_idle = !needed.contains(key);
            !(std::mem::replace(&mut ended.was_idle, is_idle) && is_idle)
        });
        if self.kept.len() > MOST_KEPT / 2 {
            let mut times: Vec<u64> = self.kept.values().map(|ended| ended.time).collect();
            times.sort_unstable();
            let oldest = times[times.len() - MOST_KEPT / 2];
            self.kept.retain(|_, ended| ended.time >= oldest);
        }
    }

    /// How many are remembered.
    pub(super) fn len(&self) -> usize {
        self.order.len() + self.kept.len()
    }

    fn at(&self, number: u64) -> Option<&Ended> {
        self.order.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    fn forget_oldest(&mut self) {
        let Some(oldest) = self.order.pop_front() else { return };
        let pid = oldest.process.pid;
        if self.newest.get(&pid) == Some(&self.first) {
            self.newest.remove(&pid);
        }
        self.first += 1;
        if oldest.has_children {
            self.kept.insert(key(pid, oldest.process.start), oldest);
        }
    }
}

/// Whether two times of a fork mean the same one: `/proc` tells it in clock ticks, rounded down.
pub(super) fn is_same_start(one: u64, other: u64) -> bool {
    one / CLOCK_TICK_NANOSECONDS == other / CLOCK_TICK_NANOSECONDS
}

fn key(pid: u32, start: u64) -> (u32, u64) {
    (pid, start / CLOCK_TICK_NANOSECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn exit(pid: u32, start: u64, has_children: u32) -> Exit {
        let process = Process { pid, start, ..Process::default() };
        Exit { kind: 2, has_children, time: start + 1, process }
    }

    #[test]
    fn two_processes_with_one_number_are_told_apart_by_their_start() {
        let mut ended = EndedProcesses::new(10);
        ended.insert(&exit(5, SECOND, 0), None);
        ended.insert(&exit(5, 2 * SECOND, 0), None);
        assert_eq!(ended.newest(5).map(|e| e.process.start), Some(2 * SECOND));
        assert_eq!(ended.find(5, SECOND + 5).map(|e| e.process.start), Some(SECOND));
        assert!(ended.find(5, 3 * SECOND).is_none());
    }

    #[test]
    fn second_news_of_one_end_is_no_second_process() {
        let mut ended = EndedProcesses::new(10);
        ended.insert(&exit(5, SECOND, 0), None);
        let program = Arc::new(Program { path: b"/x".to_vec(), notes: Default::default() });
        ended.insert(&exit(5, SECOND, 0), Some(program));
        ended.insert(&exit(5, SECOND, 0), None);
        assert_eq!(ended.len(), 1);
        assert!(ended.newest(5).is_some_and(|ended| ended.program.is_some()), "the poorer news was kept");
    }

    #[test]
    fn oldest_are_forgotten_but_not_the_ancestors_of_living_ones() {
        let mut ended = EndedProcesses::new(100);
        ended.insert(&exit(1, SECOND, 1), None);
        for pid in 2..1000 {
            ended.insert(&exit(pid, u64::from(pid) * SECOND, 0), None);
        }
        assert_eq!(ended.order.len(), 100);
        assert!(ended.newest.len() <= 100);
        assert!(ended.find(2, 2 * SECOND).is_none());
        assert!(ended.find(1, SECOND).is_some(), "an ancestor was forgotten");
        let child = Process { pid: 7777, start: 5, parent: 1, parent_start: SECOND, ..Process::default() };
        ended.retain_ancestors(&[child]);
        assert!(ended.find(1, SECOND).is_some(), "an ancestor of a living process was forgotten");
        ended.retain_ancestors(&[]);
        assert!(ended.find(1, SECOND).is_some(), "forgotten at the first look");
        ended.retain_ancestors(&[]);
        assert!(ended.find(1, SECOND).is_none());
    }

    #[test]
    fn memory_is_bounded_however_many_leave_children_behind() {
        let mut ended = EndedProcesses::new(100);
        let mut living = Vec::new();
        for pid in 1..3 * MOST_KEPT as u32 {
            let start = u64::from(pid) * SECOND;
            ended.insert(&exit(pid, start, 1), None);
            living.push(Process { pid: pid + 100_000, start, parent: pid, parent_start: start, ..Process::default() });
            if ended.keeps_many() {
                ended.retain_ancestors(&living);
            }
        }
        assert!(ended.len() <= MOST_KEPT + 101, "{}", ended.len());
    }
}
