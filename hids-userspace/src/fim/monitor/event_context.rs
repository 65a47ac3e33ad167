//! What is known of the events that led to an inspection.

use std::sync::Arc;
use std::time::Instant;

use hids_core::model::{FileEvent, Operations, Timestamp, Who};

/// Most processes that are remembered for one path.
const MAX_PROCESSES: usize = 4;

/// Operations, processes and times of the events of one path, merged until it is inspected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct EventContext {
    /// All operations.
    pub operations: Operations,
    /// The processes, in order, each once.
    pub who: Vec<Arc<Who>>,
    /// Whether some event was by a process that is not in `who`: unknown, or one too many.
    pub is_unattributed: bool,
    /// When the last event was read.
    pub last: Timestamp,
    /// Whether the last event was about a directory.
    pub is_directory: bool,
    /// When the first event was read; the default when no event led to the inspection.
    pub time: Timestamp,
    /// Whether the path was already found deleted once and has been given time to reappear.
    pub was_gone: bool,
    /// Whether the path was held back until a package update was complete.
    pub after_update: bool,
    /// Whether the initial scan of a tree asks: unknown files are no changes then.
    pub first_scan: bool,
    /// Since when it is known that the baseline does not hold the path.
    pub new_since: Option<Instant>,
    /// How many inspections have failed in a row.
    pub failed_inspections: u8,
}

impl EventContext {
    /// For what is found below a directory that an event was about.
    pub(super) fn of_tree(event: &FileEvent) -> Self {
        let who = event.who.iter().cloned().collect();
        let is_unattributed = event.who.is_none();
        Self {
            operations: event.operations,
            who,
            is_unattributed,
            time: event.time,
            last: event.time,
            ..Self::default()
        }
    }

    /// Adds an event.
    pub(super) fn add(&mut self, event: FileEvent) {
        if self.operations.is_empty() {
            self.time = event.time;
        }
        self.operations = self.operations.union(event.operations);
        self.is_directory = event.is_directory;
        self.last = self.last.max(event.time);
        self.is_unattributed |= event.who.is_none();
        self.add_who(event.who);
    }

    /// Adds a later context.
    pub(super) fn merge(&mut self, later: Self) {
        if self.operations.is_empty() {
            self.time = later.time;
        }
        self.operations = self.operations.union(later.operations);
        self.is_directory |= later.is_directory;
        self.last = self.last.max(later.last);
        // What no event led to is by no process.
        self.is_unattributed |= later.is_unattributed;
        self.was_gone |= later.was_gone;
        self.after_update |= later.after_update;
        self.first_scan |= later.first_scan;
        self.new_since = self.new_since.or(later.new_since);
        self.failed_inspections = self.failed_inspections.max(later.failed_inspections);
        later.who.into_iter().for_each(|who| self.add_who(Some(who)));
    }

    fn add_who(&mut self, who: Option<Arc<Who>>) {
        let Some(who) = who else { return };
        self.who.retain(|known| known.pid != who.pid || known.executable != who.executable);
        if self.who.len() == MAX_PROCESSES {
            self.who.remove(0);
            self.is_unattributed = true;
        }
        self.who.push(who);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(pid: u32) -> EventContext {
        let who = Who { pid, executable: format!("/bin/{pid}").into(), ..Who::default() };
        EventContext { who: vec![Arc::new(who)], ..EventContext::default() }
    }

    #[test]
    fn each_process_is_named_once_and_only_the_last_ones() {
        let mut context = EventContext::default();
        [1, 2, 1, 3, 4, 5].map(by).into_iter().for_each(|later| context.merge(later));
        let pids: Vec<u32> = context.who.iter().map(|who| who.pid).collect();
        assert_eq!(pids, [1, 3, 4, 5]);
    }

    #[test]
    fn the_time_is_that_of_the_first_event() {
        let at = |seconds, operation| EventContext {
            time: Timestamp::from_unix_seconds(seconds),
            operations: Operations::NONE.with(operation),
            ..EventContext::default()
        };
        let mut context = EventContext::default();
        context.merge(at(7, hids_core::model::Operation::Write));
        context.merge(at(9, hids_core::model::Operation::Delete));
        assert_eq!(context.time, Timestamp::from_unix_seconds(7));
    }
}
