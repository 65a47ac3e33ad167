//! The sensor without its thread: reads what the kernel wrote, and sends events and gaps.

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crossbeam_channel::Sender;
use hids_core::fim::Policy;
use hids_core::model::{GapCause, Sensed};
use tracing::warn;

use super::dispatch::{Dispatched, Dispatcher, NotReported, report_place};
use super::event_sender::{Disconnected, EventSender};
use super::filesystem::Filesystem;
use super::group::Group;
use super::link_search::{CannotResolve, LinkSearch, find_names};
use super::mark_queue::MarkQueue;
use super::mounts::MountTable;
use super::options::{FilesOptions, FilesTuning};
use super::parse::{Place, records};
use super::plan::{Part, plan};
use super::report::{FilesReport, MarkKind};
use super::retries::{Retries, Unresolved};
use super::roots::Roots;
use super::watched::Watched;
use crate::sensors::Degradation;

/// What one read of the kernel's queue takes: some thousands of events.
const BUFFER_BYTES: usize = 256 * 1024;

/// When roots and mounts are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arranged {
    /// Before anything is watched.
    AtStart,
    /// While something is.
    Again,
}

/// The owners of what the sensor knows, and the order in which they are asked.
pub(super) struct Sensor {
    pub(super) own_pid: Option<u32>,
    /// Whether events may be read late without losing who caused them.
    pub(super) may_batch: bool,
    tuning: FilesTuning,
    pub(super) watched: Watched,
    marks: MarkQueue,
    pub(super) links: LinkSearch,
    /// Events whose place cannot be resolved at this moment.
    pub(super) retries: Retries,
    pub(super) out: EventSender,
    buffer: Vec<u8>,
}

impl Sensor {
    /// Opens groups and marks filesystems. Directories that need marks of their own get them by
    /// [`walk`](Self::walk).
    pub(super) fn open(
        options: FilesOptions,
        sensed: Sender<Sensed>,
        stopping: Arc<AtomicBool>,
    ) -> Result<Self, Degradation> {
        // One group decides whether there is a sensor at all.
        Group::open().map_err(Degradation::Fanotify)?;
        let FilesOptions { policy, who, own_pid, tuning } = options;
        let mut sensor = Self {
            own_pid,
            may_batch: who.remembers_ended(),
            out: EventSender::new(sensed, who, &tuning, stopping),
            watched: Watched::new(policy),
            marks: MarkQueue::new(tuning.most_directories),
            links: LinkSearch::new(),
            retries: Retries::default(),
            tuning,
            buffer: vec![0; BUFFER_BYTES],
        };
        sensor.arrange(Arranged::AtStart);
        Ok(sensor)
    }

    /// Something on the way to a root, or a mount, is another one: looks where everything is now, and
    /// reports each part that is not what it was.
    pub(super) fn check_roots(&mut self) {
        self.replace_policy(Arc::clone(&self.watched.roots.policy));
    }

    /// Watches by another policy.
    pub(super) fn replace_policy(&mut self, policy: Arc<Policy>) {
        let before: Vec<Part> = self.watched.parts().cloned().collect();
        self.watched.roots = Roots::find(policy);
        self.arrange(Arranged::Again);
        let mut changed = Vec::new();
        for filesystem in &self.watched.filesystems {
            // Where each directory is marked, those that were not known are reported after that.
            let is_deferred = |part: &&Part| filesystem.marks == MarkKind::Directories && part.identity.is_some();
            let new = filesystem.planned.parts.iter().filter(|part| !before.contains(part));
            changed.extend(new.filter(|part| !is_deferred(part)).map(|part| part.subtree.clone()));
        }
        // What lay below a mount that is no more.
        let is_lost = |part: &&Part| {
            self.watched.roots.policy.enters(&part.subtree)
                && !self.watched.parts().any(|now| now.subtree == part.subtree)
        };
        changed.extend(before.iter().filter(is_lost).map(|part| part.subtree.clone()));
        for subtree in changed {
            self.out.gap(&subtree, GapCause::Unmarked);
        }
    }

    /// Makes the filesystems those of the present roots and mounts.
    fn arrange(&mut self, when: Arranged) {
        let mounts = match MountTable::read() {
            Ok(mounts) => mounts,
            Err(error) => {
                warn!(%error, consequence = "file changes are found by scans only", "cannot read the mount table");
                return;
            }
        };
        self.links.restart(&mut self.watched);
        let mut before = std::mem::take(&mut self.watched.filesystems);
        for planned in plan(&self.watched.roots, &mounts) {
            let known = before.iter().position(|old| old.planned.device == planned.device && old.group.is_some());
            let filesystem = match known.map(|place| before.swap_remove(place)) {
                Some(mut old) if old.fits(&planned) => {
                    old.arrange(planned);
                    old
                }
                _ => Filesystem::open(planned, self.tuning.marks, self.tuning.most_directories),
            };
            self.watched.filesystems.push(filesystem);
        }
        for lost in before.iter().filter(|old| old.links.is_searching()).flat_map(|old| &old.planned.parts) {
            self.out.gap(&lost.subtree, GapCause::Unresolved);
        }
        self.marks.clear();
        for number in 0..self.watched.filesystems.len() {
            self.marks.add_parts(&mut self.watched, number, when == Arranged::AtStart);
        }
    }

    /// The groups to wait for, with the number that [`read`](Self::read) takes.
    pub(super) fn groups(&self) -> impl Iterator<Item = (usize, BorrowedFd<'_>)> {
        self.watched.groups()
    }

    /// Whether directories still wait for their marks.
    pub(super) fn is_marking(&self) -> bool {
        self.watched.is_marking()
    }

    /// Visits some directories; false when there are no more.
    pub(super) fn walk(&mut self, most: usize) -> bool {
        self.marks.walk(&mut self.watched, &mut self.out, most)
    }

    /// Reads some directories for other names of files. Returns when there is more to do; `None` = never, until a
    /// file is changed.
    pub(super) fn search(&mut self, most: usize) -> Option<Duration> {
        self.links.run(&mut self.watched, &mut self.out, most)
    }

    /// Reads once from a filesystem's queue and sends what it says; false when it was empty.
    pub(super) fn read(&mut self, number: usize) -> Result<bool, Disconnected> {
        let Some(filesystem) = self.watched.filesystems.get(number) else { return Ok(false) };
        let Some(group) = &filesystem.group else { return Ok(false) };
        let length = match group.read(&mut self.buffer) {
            Ok(0) => return Ok(false),
            Ok(length) => length,
            Err(error) => {
                self.lose_group(number, &error);
                return Ok(false);
            }
        };
        let buffer = std::mem::take(&mut self.buffer);
        let mut roots_changed = false;
        for record in records(buffer.get(..length).unwrap_or_default()) {
            let dispatched = match record {
                Ok(record) => self.dispatcher().dispatch(number, &record),
                Err(malformed) => {
                    warn!(%malformed, consequence = "everything on this filesystem is compared",
                        "malformed file events");
                    self.out.report.malformed += 1;
                    Dispatched::Lost
                }
            };
            match dispatched {
                Dispatched::Done => {}
                Dispatched::RootsChanged => roots_changed = true,
                Dispatched::Lost => self.mark_again(number, GapCause::Unresolved),
                Dispatched::Overflow => self.overflowed(number),
            }
        }
        self.buffer = buffer;
        if roots_changed {
            self.check_roots();
        }
        self.out.end_batch()?;
        Ok(true)
    }

    fn dispatcher(&mut self) -> Dispatcher<'_> {
        Dispatcher {
            own_pid: self.own_pid,
            watched: &mut self.watched,
            marks: &mut self.marks,
            retries: &mut self.retries,
            out: &mut self.out,
        }
    }

    /// Sends what has been collected outside of a read.
    pub(super) fn end_batch(&mut self) -> Result<(), Disconnected> {
        self.out.end_batch()
    }

    /// Tries again what could not be resolved, if it is time. Returns when the next round is due; `None` = nothing
    /// waits.
    pub(super) fn resolve_again(&mut self) -> Option<Duration> {
        if self.retries.due()? > Duration::ZERO {
            return self.retries.due();
        }
        let mut roots_changed = false;
        for waiting in self.retries.take() {
            // A filesystem that is watched no longer has lost nothing.
            let Some(number) = self.watched.find(waiting.device) else { continue };
            match self.try_again(number, &waiting.wanted) {
                Ok(()) => {}
                Err(NotReported::RootsChanged) => roots_changed = true,
                Err(NotReported::Unresolved) if waiting.may_pass() => self.retries.keep(waiting),
                Err(NotReported::Unresolved) => {
                    self.out.report.unresolved += 1;
                    self.mark_again(number, GapCause::Unresolved);
                }
            }
        }
        if roots_changed {
            self.check_roots();
        }
        self.retries.due()
    }

    fn try_again(&mut self, number: usize, wanted: &Unresolved) -> Result<(), NotReported> {
        match wanted {
            Unresolved::Directory { handle, name, event } => {
                let place = Place { directory: handle, name };
                report_place(&mut self.watched, &mut self.out, number, &place, *event).map(drop)
            }
            Unresolved::File { handle, operations, pid } => {
                find_names(&mut self.watched, &mut self.out, number, handle, (*operations, *pid))
                    .map_err(|CannotResolve| NotReported::Unresolved)
            }
        }
    }

    fn mark_again(&mut self, number: usize, cause: GapCause) {
        self.marks.mark_again(&mut self.watched, &mut self.out, number, cause);
    }

    fn overflowed(&mut self, number: usize) {
        self.out.report.overflows += 1;
        if let Some(filesystem) = self.watched.filesystems.get_mut(number) {
            filesystem.overflows += 1;
        }
        self.mark_again(number, GapCause::QueueOverflow);
    }

    /// The queue itself cannot be read: nothing is seen of this filesystem from now on.
    fn lose_group(&mut self, number: usize, error: &io::Error) {
        let Some(filesystem) = self.watched.filesystems.get_mut(number) else { return };
        warn!(%error, consequence = "file changes on one filesystem are found by scans only", help = "restart hidsd",
            "cannot read file events");
        filesystem.group = None;
        filesystem.marks = MarkKind::ScansOnly;
        filesystem.reason = Some(format!("its events could not be read any more: {error}"));
        self.watched.report_lost(number, GapCause::Unmarked, &mut self.out);
    }

    /// Marks and counters as they are now.
    pub(super) fn report(&self) -> FilesReport {
        let mut report = self.out.report.clone();
        self.watched.add_to(&mut report);
        report
    }
}
