//! One record of the kernel: which watched paths it concerns.

use fanotify::low_level::{
    FAN_ATTRIB, FAN_CLOSE_WRITE, FAN_CREATE, FAN_DELETE, FAN_DELETE_SELF, FAN_MODIFY, FAN_MOVE_SELF, FAN_MOVED_FROM,
    FAN_MOVED_TO, FAN_ONDIR, FAN_Q_OVERFLOW,
};
use hids_core::fim::PathKind;
use hids_core::model::{GapCause, Operation, Operations};
use libc::FAN_RENAME;

use super::event::Event;
use super::event_sender::{Doer, EventSender};
use super::filesystem::Found;
use super::link_search::{CannotResolve, changed_by_name, concerns_all_names};
use super::mark_queue::MarkQueue;
use super::parse::{Place, Record};
use super::report::MarkKind;
use super::retries::{Full, Retries};
use super::watched::Watched;
use crate::sensors::subvolumes;

/// A name appeared, vanished or moved.
const NAMES: u64 = FAN_CREATE | FAN_DELETE | FAN_MOVED_FROM | FAN_MOVED_TO | FAN_RENAME;

/// A directory has another path from now on, or none.
const PATHS: u64 = FAN_DELETE | FAN_MOVED_FROM | FAN_MOVED_TO | FAN_RENAME | FAN_MOVE_SELF;

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dispatched {
    /// It was reported, or concerns no watched path.
    Done,
    /// It concerns the way to a root: roots have to be looked for again.
    RootsChanged,
    /// It could not be resolved.
    Lost,
    /// The kernel's queue was full.
    Overflow,
}

/// Why the event of a place was not reported as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotReported {
    /// It was, but it concerns the way to a root as well.
    RootsChanged,
    /// The place cannot be resolved now.
    Unresolved,
}

/// What a record can change.
pub(super) struct Dispatcher<'a> {
    /// The process whose own changes are not reported.
    pub(super) own_pid: Option<u32>,
    pub(super) watched: &'a mut Watched,
    pub(super) marks: &'a mut MarkQueue,
    pub(super) retries: &'a mut Retries,
    pub(super) out: &'a mut EventSender,
}

impl Dispatcher<'_> {
    /// Reports what a record of filesystem `number` says.
    pub(super) fn dispatch(&mut self, number: usize, record: &Record<'_>) -> Dispatched {
        self.out.report.events += 1;
        if record.mask & FAN_Q_OVERFLOW != 0 {
            return Dispatched::Overflow;
        }
        if self.own_pid == Some(record.pid) {
            self.out.report.own += 1;
            return Dispatched::Done;
        }
        let event = Event {
            is_directory: record.mask & FAN_ONDIR != 0,
            is_about_names: record.mask & NAMES != 0,
            pid: record.pid,
            operations: operations(record.mask).union(self.brought(number, record)),
        };
        let moved = |operation| Event { operations: event.operations.with(operation), ..event };
        let places = [
            (record.place, event),
            (record.old, moved(Operation::RenamedFrom)),
            (record.new, moved(Operation::RenamedTo)),
        ];
        let mut result = Dispatched::Done;
        let mut reported = 0;
        for (place, event) in places {
            let Some(place) = place else { continue };
            match report_place(self.watched, self.out, number, &place, event) {
                Ok(count) => reported += count,
                Err(NotReported::Unresolved) => result = self.keep(number, &place, event),
                Err(NotReported::RootsChanged) => result = Dispatched::RootsChanged,
            }
        }
        reported += self.report_mounted_file(number, record, event);
        if reported == 0 {
            self.out.report.outside_watched_paths += 1;
        }
        if !event.is_directory
            && let Some(object) = record.object
        {
            self.other_names(number, object, record, event);
        }
        if event.is_directory && record.mask & (PATHS | FAN_DELETE_SELF | FAN_CREATE) != 0 {
            self.directory_changed(number, record);
        }
        result
    }

    /// A subvolume brings its files along, as a mount does: one that appears may be a snapshot.
    fn brought(&self, number: usize, record: &Record<'_>) -> Operations {
        let filesystem = self.watched.filesystems.get(number);
        let is_btrfs = filesystem.is_some_and(|known| known.planned.kind == subvolumes::KIND.as_bytes());
        let appeared = record.mask & FAN_CREATE != 0 && record.mask & FAN_ONDIR != 0;
        // Kernels before 5.17 do not report which directory appeared.
        match record.object {
            Some(object) if is_btrfs && appeared && subvolumes::is_subvolume(object) => {
                Operations::NONE.with(Operation::Mount)
            }
            None if is_btrfs && appeared => Operations::NONE.with(Operation::Mount),
            _ => Operations::NONE,
        }
    }

    /// Keeps what cannot be resolved now, to try it again.
    fn keep(&mut self, number: usize, place: &Place<'_>, event: Event) -> Dispatched {
        let Some(filesystem) = self.watched.filesystems.get(number) else { return Dispatched::Done };
        match self.retries.add_place(filesystem.planned.device, place, event) {
            Ok(()) => Dispatched::Done,
            Err(Full) => {
                self.out.report.unresolved += 1;
                Dispatched::Lost
            }
        }
    }

    /// A file that is a mount point has no directory of a watched tree around it.
    fn report_mounted_file(&mut self, number: usize, record: &Record<'_>, event: Event) -> usize {
        let Some(filesystem) = self.watched.filesystems.get(number) else { return 0 };
        let Some(path) = record.object.and_then(|object| filesystem.mounted_file(object)) else { return 0 };
        let Some(watch) = self.watched.roots.policy.watch_of(path, PathKind::Other) else { return 0 };
        let doer = Doer { pid: event.pid, wanted: watch.who };
        self.out.event(path.to_vec(), event.operations, false, doer);
        1
    }

    /// A file may have other names than the one in the record.
    fn other_names(&mut self, number: usize, object: &[u8], record: &Record<'_>, event: Event) {
        // An event without a place says that the number of names has changed.
        let is_unplaced = record.place.is_none() && record.old.is_none() && record.new.is_none();
        if (event.is_about_names || is_unplaced)
            && let Some(filesystem) = self.watched.filesystems.get_mut(number)
        {
            filesystem.links.forget(object);
        }
        if is_unplaced || !concerns_all_names(event.operations) {
            return;
        }
        let change = (event.operations, event.pid);
        if let Err(CannotResolve) = changed_by_name(self.watched, self.out, number, object, change)
            && let Some(filesystem) = self.watched.filesystems.get(number)
            && let Err(Full) = self.retries.add_file(filesystem.planned.device, object, event.operations, event.pid)
        {
            self.out.report.unresolved += 1;
            self.watched.report_lost(number, GapCause::Unresolved, self.out);
        }
    }

    /// Keeps what is known of directories right.
    fn directory_changed(&mut self, number: usize, record: &Record<'_>) {
        let Some(filesystem) = self.watched.filesystems.get_mut(number) else { return };
        if record.mask & PATHS != 0 {
            // Everything below has another path now.
            filesystem.forget();
        }
        if filesystem.marks == MarkKind::Directories {
            self.marks.tree_changed(self.watched, number, record);
        }
    }
}

/// Reports the event for each watched path of a place; returns how many there were.
pub(super) fn report_place(
    watched: &mut Watched,
    out: &mut EventSender,
    number: usize,
    place: &Place<'_>,
    event: Event,
) -> Result<usize, NotReported> {
    let Some(filesystem) = watched.filesystems.get_mut(number) else { return Ok(0) };
    let directory = match filesystem.directory(place.directory, &watched.roots) {
        Found::Directory(directory) => directory,
        Found::Gone => {
            out.report.already_deleted += 1;
            return Ok(0);
        }
        Found::Failed(error) => {
            tracing::debug!(%error, "cannot resolve the handle of a directory");
            return Err(NotReported::Unresolved);
        }
    };
    if !directory.matters() {
        return Ok(0);
    }
    let kind = if event.is_directory { PathKind::Directory } else { PathKind::Other };
    let mut reported = 0;
    for (path, watch) in watched.roots.watched(&directory, place.name, kind) {
        let doer = Doer { pid: event.pid, wanted: watch.who };
        out.event(path, event.operations, event.is_directory, doer);
        reported += 1;
    }
    if event.is_about_names && directory.ways.iter().any(|way| way == place.name) {
        return Err(NotReported::RootsChanged);
    }
    Ok(reported)
}

/// The operations behind `FAN_*` bits; those of a rename with two places depend on the place.
fn operations(mask: u64) -> Operations {
    let table = [
        (FAN_CREATE, Operation::Create),
        (FAN_MODIFY, Operation::Write),
        (FAN_CLOSE_WRITE, Operation::CloseWrite),
        (FAN_ATTRIB, Operation::Attributes),
        (FAN_DELETE | FAN_DELETE_SELF, Operation::Delete),
        (FAN_MOVED_FROM | FAN_MOVE_SELF, Operation::RenamedFrom),
        (FAN_MOVED_TO, Operation::RenamedTo),
    ];
    table.into_iter().filter(|(bits, _)| mask & bits != 0).map(|(_, operation)| operation).collect()
}
