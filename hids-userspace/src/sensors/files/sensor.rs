//! The sensor without its thread: takes what the kernel wrote, and gives events and gaps.

use std::collections::VecDeque;
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use crossbeam_channel::Sender;
use hids_core::fim::Policy;
use hids_core::model::{GapCause, Sensed};
use tracing::warn;

use super::dispatch::{Dispatched, dispatch};
use super::event_sender::{Disconnected, EventSender};
use super::filesystem::Filesystem;
use super::links::Search;
use super::mark_queue::Visit;
use super::mounts::MountTable;
use super::parse::records;
use super::plan::{Part, plan};
use super::report::{FilesReport, MarkKind, RootReport};
use super::roots::Roots;
use super::unresolved::Unresolved;
use super::{FilesOptions, FilesTuning};
use crate::sensors::Degradation;

/// What one read of the kernel's queue takes: some thousands of events.
const BUFFER_BYTES: usize = 256 * 1024;

/// When roots and mounts are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arranged {
    /// Before anything is watched.
    AtStart,
    /// While something is.
    Anew,
}

/// See the module.
pub(super) struct Sensor {
    pub(super) own_pid: Option<u32>,
    /// Whether events may be read late without losing who caused them.
    pub(super) may_batch: bool,
    pub(super) tuning: FilesTuning,
    pub(super) roots: Roots,
    pub(super) filesystems: Vec<Filesystem>,
    pub(super) out: EventSender,
    /// Directories to be marked or learned.
    pub(super) visits: VecDeque<Visit>,
    /// Events whose place cannot be resolved at this moment.
    pub(super) unresolved: Unresolved,
    /// The search for other names of files, while there is one.
    pub(super) searching: Option<Search>,
    /// When the next one may begin.
    pub(super) search_not_before: Instant,
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
        super::group::Group::open().map_err(Degradation::Fanotify)?;
        let FilesOptions { policy, who, own_pid, tuning } = options;
        let mut sensor = Self {
            own_pid,
            may_batch: who.remembers_ended(),
            out: EventSender::new(sensed, who, &tuning, stopping),
            tuning,
            roots: Roots::find(policy),
            filesystems: Vec::new(),
            visits: VecDeque::new(),
            unresolved: Unresolved::default(),
            searching: None,
            search_not_before: Instant::now(),
            buffer: vec![0; BUFFER_BYTES],
        };
        sensor.arrange(Arranged::AtStart);
        Ok(sensor)
    }

    /// Watches by another policy.
    pub(super) fn replace_policy(&mut self, policy: Arc<Policy>) {
        self.replan(policy);
    }

    /// Something on the way to a root, or a mount, is another one: looks where everything is now, and
    /// tells of each part that is not what it was.
    pub(super) fn check_roots(&mut self) {
        let policy = Arc::clone(&self.roots.policy);
        self.replan(policy);
    }

    fn replan(&mut self, policy: Arc<Policy>) {
        let before: Vec<Part> = self.parts().cloned().collect();
        self.roots = Roots::find(policy);
        self.arrange(Arranged::Anew);
        let mut changed = Vec::new();
        for filesystem in &self.filesystems {
            // Where each directory is marked, those that were not known are told after that.
            let is_told_later = |part: &&Part| filesystem.marks == MarkKind::Directories && part.identity.is_some();
            let new = filesystem.planned.parts.iter().filter(|part| !before.contains(part));
            changed.extend(new.filter(|part| !is_told_later(part)).map(|part| part.subtree.clone()));
        }
        // What lay below a mount that is no more.
        let is_lost = |part: &&Part| {
            self.roots.policy.enters(&part.subtree) && !self.parts().any(|now| now.subtree == part.subtree)
        };
        changed.extend(before.iter().filter(is_lost).map(|part| part.subtree.clone()));
        for subtree in changed {
            self.out.gap(&subtree, GapCause::Unmarked);
        }
    }

    fn parts(&self) -> impl Iterator<Item = &Part> {
        self.filesystems.iter().flat_map(|filesystem| &filesystem.planned.parts)
    }

    /// Makes the filesystems those of the present roots and mounts.
    fn arrange(&mut self, when: Arranged) {
        let mounts = match MountTable::read() {
            Ok(mounts) => mounts,
            Err(error) => {
                warn!(%error, lost = "file changes the moment they happen", "the mounts of this machine cannot be read");
                return;
            }
        };
        self.begin_search_anew();
        let mut before = std::mem::take(&mut self.filesystems);
        for planned in plan(&self.roots, &mounts) {
            let known = before.iter().position(|old| old.planned.device == planned.device && old.group.is_some());
            let filesystem = match known.map(|place| before.swap_remove(place)) {
                Some(mut old) if old.fits(&planned) => {
                    old.arrange(planned);
                    old
                }
                _ => Filesystem::open(planned, self.tuning.marks, self.tuning.most_directories),
            };
            self.filesystems.push(filesystem);
        }
        for lost in before.iter().filter(|old| old.links.is_searching()).flat_map(|old| &old.planned.parts) {
            self.out.gap(&lost.subtree, GapCause::Unresolved);
        }
        self.visits.clear();
        for number in 0..self.filesystems.len() {
            self.visit_parts(number, when == Arranged::AtStart);
        }
    }

    /// The groups to wait for, with the number that [`read`](Self::read) takes.
    pub(super) fn groups(&self) -> impl Iterator<Item = (usize, BorrowedFd<'_>)> {
        use std::os::fd::AsFd as _;
        let numbered = self.filesystems.iter().enumerate();
        numbered.filter_map(|(number, filesystem)| Some((number, filesystem.group.as_ref()?.as_fd())))
    }

    /// Reads once from a filesystem's queue and hands on what it tells; false when it was empty.
    pub(super) fn read(&mut self, number: usize) -> Result<bool, Disconnected> {
        let Some(filesystem) = self.filesystems.get(number) else { return Ok(false) };
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
        let mut check_roots = false;
        for record in records(buffer.get(..length).unwrap_or_default()) {
            let dispatched = match record {
                Ok(record) => dispatch(self, number, &record),
                Err(malformed) => {
                    warn!(%malformed, follows = "everything on this filesystem is compared", "lost file events");
                    self.out.report.malformed += 1;
                    Dispatched::Lost
                }
            };
            match dispatched {
                Dispatched::Done => {}
                Dispatched::RootsChanged => check_roots = true,
                Dispatched::Lost => self.mark_again(number, GapCause::Unresolved),
                Dispatched::Overflow => self.overflowed(number),
            }
        }
        self.buffer = buffer;
        if check_roots {
            self.check_roots();
        }
        self.out.end_batch()?;
        Ok(true)
    }

    /// Hands on what has been collected outside of a read.
    pub(super) fn end_batch(&mut self) -> Result<(), Disconnected> {
        self.out.end_batch()
    }

    fn overflowed(&mut self, number: usize) {
        self.out.report.overflows += 1;
        if let Some(filesystem) = self.filesystems.get_mut(number) {
            filesystem.overflows += 1;
        }
        self.mark_again(number, GapCause::QueueOverflow);
    }

    /// Events of this filesystem are missing: everything watched on it has to be compared.
    pub(super) fn lost(&mut self, number: usize, cause: GapCause) {
        let Some(filesystem) = self.filesystems.get(number) else { return };
        for part in &filesystem.planned.parts {
            self.out.gap(&part.subtree, cause);
        }
    }

    /// The queue itself cannot be read: nothing is seen of this filesystem from now on.
    fn lose_group(&mut self, number: usize, error: &io::Error) {
        let Some(filesystem) = self.filesystems.get_mut(number) else { return };
        warn!(%error, lost = "file changes the moment they happen, on one filesystem", help = "restart hidsd",
            "the kernel's file events cannot be read");
        filesystem.group = None;
        filesystem.marks = MarkKind::ScansOnly;
        filesystem.reason = Some(format!("its events could not be read any more: {error}"));
        self.lost(number, GapCause::Unmarked);
    }

    /// Marks and counters as they are now.
    pub(super) fn report(&self) -> FilesReport {
        let mut report = self.out.report.clone();
        for filesystem in &self.filesystems {
            report.directories_known += filesystem.directories_known();
            report.directories_marked += filesystem.tree.len() as u64;
            report.roots.extend(filesystem.planned.parts.iter().map(|part| root_report(filesystem, part)));
        }
        report
    }
}

fn root_report(filesystem: &Filesystem, part: &Part) -> RootReport {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let point = filesystem.planned.points.iter().find(|point| point.id == part.mount);
    RootReport {
        root: text(&part.subtree),
        mount: point.map(|point| text(&point.path)).unwrap_or_default(),
        filesystem: text(&filesystem.planned.kind),
        marks: filesystem.marks,
        reason: filesystem.reason.clone(),
        overflows: filesystem.overflows,
    }
}
