//! One record of the kernel: which watched paths it concerns.

use fanotify::low_level::{
    FAN_ATTRIB, FAN_CLOSE_WRITE, FAN_CREATE, FAN_DELETE, FAN_DELETE_SELF, FAN_MODIFY, FAN_MOVE_SELF, FAN_MOVED_FROM,
    FAN_MOVED_TO, FAN_ONDIR, FAN_Q_OVERFLOW,
};
use hids_core::fim::PathKind;
use hids_core::model::{Operation, Operations};
use libc::FAN_RENAME;

use super::event_sender::Doer;
use super::filesystem::Found;
use super::links::concerns_all_names;
use super::parse::{Place, Record};
use super::report::MarkKind;
use super::sensor::Sensor;
use super::unresolved::Full;
use crate::sensors::subvolumes;

/// A name appeared, vanished or moved.
const NAMES: u64 = FAN_CREATE | FAN_DELETE | FAN_MOVED_FROM | FAN_MOVED_TO | FAN_RENAME;

/// A directory has another path from now on, or none.
const PATHS: u64 = FAN_DELETE | FAN_MOVED_FROM | FAN_MOVED_TO | FAN_RENAME | FAN_MOVE_SELF;

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dispatched {
    /// It was handed on, or concerns nobody.
    Done,
    /// It concerns the way to a root: roots have to be looked for again.
    RootsChanged,
    /// It could not be resolved.
    Lost,
    /// The kernel's queue was full.
    Overflow,
}

/// Hands on what a record of filesystem `number` tells.
pub(super) fn dispatch(sensor: &mut Sensor, number: usize, record: &Record<'_>) -> Dispatched {
    sensor.out.report.events += 1;
    if record.mask & FAN_Q_OVERFLOW != 0 {
        return Dispatched::Overflow;
    }
    if sensor.own_pid == Some(record.pid) {
        sensor.out.report.own += 1;
        return Dispatched::Done;
    }
    let event = Event {
        is_directory: record.mask & FAN_ONDIR != 0,
        is_about_names: record.mask & NAMES != 0,
        pid: record.pid,
        operations: operations(record.mask).union(brought(sensor, number, record)),
    };
    let moved = |operation| Event { operations: event.operations.with(operation), ..event };
    let places =
        [(record.place, event), (record.old, moved(Operation::RenamedFrom)), (record.new, moved(Operation::RenamedTo))];
    let mut result = Dispatched::Done;
    let mut told = 0;
    for (place, event) in places {
        let Some(place) = place else { continue };
        match report_place(sensor, number, &place, event) {
            Ok(count) => told += count,
            Err(Dispatched::Lost) => result = keep(sensor, number, &place, event),
            Err(other) => result = other,
        }
    }
    told += report_mounted_file(sensor, number, record, event);
    if told == 0 {
        sensor.out.report.outside_watched_paths += 1;
    }
    if !event.is_directory
        && let Some(object) = record.object
    {
        other_names(sensor, number, object, record, event);
    }
    if event.is_directory && record.mask & (PATHS | FAN_DELETE_SELF | FAN_CREATE) != 0 {
        directory_changed(sensor, number, record);
    }
    result
}

/// A subvolume brings its files along, as a mount does: one that appears may be a snapshot.
fn brought(sensor: &Sensor, number: usize, record: &Record<'_>) -> Operations {
    let is_btrfs =
        sensor.filesystems.get(number).is_some_and(|known| known.planned.kind == subvolumes::KIND.as_bytes());
    let appeared = record.mask & FAN_CREATE != 0 && record.mask & FAN_ONDIR != 0;
    // Kernels before 5.17 do not tell which directory appeared.
    match record.object {
        Some(object) if is_btrfs && appeared && subvolumes::is_subvolume(object) => {
            Operations::NONE.with(Operation::Mount)
        }
        None if is_btrfs && appeared => Operations::NONE.with(Operation::Mount),
        _ => Operations::NONE,
    }
}

/// What all places of a record have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    pub(super) is_directory: bool,
    pub(super) is_about_names: bool,
    pub(super) pid: u32,
    pub(super) operations: Operations,
}

/// Keeps what cannot be resolved now, to try it again.
fn keep(sensor: &mut Sensor, number: usize, place: &Place<'_>, event: Event) -> Dispatched {
    let Some(filesystem) = sensor.filesystems.get(number) else { return Dispatched::Done };
    match sensor.unresolved.add_place(&filesystem.planned.device, place, event) {
        Ok(()) => Dispatched::Done,
        Err(Full) => {
            sensor.out.report.unresolved += 1;
            Dispatched::Lost
        }
    }
}

/// Hands on the event for each watched path of a place; gives how many there were. [`Dispatched::Lost`] when the place
/// cannot be resolved now.
pub(super) fn report_place(
    sensor: &mut Sensor,
    number: usize,
    place: &Place<'_>,
    event: Event,
) -> Result<usize, Dispatched> {
    let Some(filesystem) = sensor.filesystems.get_mut(number) else { return Ok(0) };
    let directory = match filesystem.directory(place.directory, &sensor.roots) {
        Found::Directory(directory) => directory,
        Found::Gone => {
            sensor.out.report.already_deleted += 1;
            return Ok(0);
        }
        Found::Failed(error) => {
            tracing::debug!(%error, "cannot resolve the handle of a directory");
            return Err(Dispatched::Lost);
        }
    };
    if !directory.matters() {
        return Ok(0);
    }
    let kind = if event.is_directory { PathKind::Directory } else { PathKind::Other };
    let mut told = 0;
    for (path, watch) in sensor.roots.watched(&directory, place.name, kind) {
        let doer = Doer { pid: event.pid, wanted: watch.who };
        sensor.out.event(path, event.operations, event.is_directory, doer);
        told += 1;
    }
    if event.is_about_names && directory.ways.iter().any(|way| way == place.name) {
        return Err(Dispatched::RootsChanged);
    }
    Ok(told)
}

/// A file that is a mount point has no directory of a watched tree around it.
fn report_mounted_file(sensor: &mut Sensor, number: usize, record: &Record<'_>, event: Event) -> usize {
    let Some(filesystem) = sensor.filesystems.get(number) else { return 0 };
    let Some(path) = record.object.and_then(|object| filesystem.mounted_file(object)) else { return 0 };
    let Some(watch) = sensor.roots.policy.watch_of(path, PathKind::Other) else { return 0 };
    let doer = Doer { pid: event.pid, wanted: watch.who };
    sensor.out.event(path.to_vec(), event.operations, false, doer);
    1
}

/// A file may have other names than the one that the record tells.
fn other_names(sensor: &mut Sensor, number: usize, object: &[u8], record: &Record<'_>, event: Event) {
    // An event without a place tells that the number of names has changed.
    let is_unplaced = record.place.is_none() && record.old.is_none() && record.new.is_none();
    if (event.is_about_names || is_unplaced)
        && let Some(filesystem) = sensor.filesystems.get_mut(number)
    {
        filesystem.links.forget(object);
    }
    if !is_unplaced && concerns_all_names(event.operations) {
        sensor.changed_by_name(number, object, event.operations, event.pid);
    }
}

/// Keeps what is known of directories right.
fn directory_changed(sensor: &mut Sensor, number: usize, record: &Record<'_>) {
    let Some(filesystem) = sensor.filesystems.get_mut(number) else { return };
    if record.mask & PATHS != 0 {
        // Everything below has another path now.
        filesystem.forget();
    }
    if filesystem.marks == MarkKind::Directories {
        sensor.tree_changed(number, record);
    }
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
