//! The sensor against this machine's kernel, on filesystems of its own in a private mount namespace.

mod directories;
mod figures;
mod gone;
mod links;
mod mounts;
mod names;
mod operations;
mod overflow;
mod subvolumes;

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};
use hids_core::fim::{PathPattern, Policy, PolicyDef, Watch};
use hids_core::model::{FileEvent, GapCause, Operation, Sensed, Who};
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};

use super::sensor::Sensor;
use super::*;
use crate::sensors::WhoLookup;

/// Both ways to mark.
pub(super) const BOTH: [MarkChoice; 2] = [MarkChoice::Best, MarkChoice::Directories];

/// Tells the number back, so that it can be seen who was asked for.
struct Echo;

impl WhoLookup for Echo {
    fn who(&self, pid: u32) -> Option<Arc<Who>> {
        Some(Arc::new(Who { pid, command: b"echo".to_vec(), ..Who::default() }))
    }
}

/// Runs `test` with an empty directory on a tmpfs of its own, in a mount namespace of its own.
pub(super) fn on_tmpfs(test: impl FnOnce(&Path) + Send) {
    with_place(|base| {
        mount_tmpfs(base);
        test(base);
    });
}

/// Runs `test` with an empty directory on the filesystem of temporary files, in a mount namespace of its own.
pub(super) fn with_place(test: impl FnOnce(&Path) + Send) {
    if !hids_tests::require::root() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let base = place.path().canonicalize().unwrap();
    std::thread::scope(|scope| {
        let run = || {
            leave_mount_namespace();
            test(&base);
        };
        if let Err(panic) = scope.spawn(run).join() {
            std::panic::resume_unwind(panic);
        }
    });
}

#[expect(deprecated, reason = "unsound for the table of descriptors, which stays shared")]
pub(super) fn leave_mount_namespace() {
    use rustix::thread::UnshareFlags;
    rustix::thread::unshare(UnshareFlags::FS | UnshareFlags::NEWNS).expect("a mount namespace");
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).expect("private mounts");
}

pub(super) fn mount_tmpfs(at: &Path) {
    mount("tmpfs", at, "tmpfs", MountFlags::empty(), None).expect("a tmpfs");
}

/// The sensor without its thread: the kernel's queue is read only when the test says so.
pub(super) struct Bench {
    pub(super) sensor: Sensor,
    sensed: Receiver<Sensed>,
}

/// What was sensed.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) events: Vec<FileEvent>,
    pub(super) gaps: Vec<(Vec<u8>, GapCause)>,
}

impl Bench {
    pub(super) fn watch(roots: &[&Path], marks: MarkChoice) -> Self {
        Self::with(policy(roots), marks)
    }

    pub(super) fn with(policy: Policy, marks: MarkChoice) -> Self {
        let tuning = FilesTuning { marks, ..FilesTuning::default() };
        let options = FilesOptions { policy: Arc::new(policy), who: Arc::new(Echo), own_pid: None, tuning };
        let (sender, sensed) = bounded(100_000);
        let sensor = Sensor::open(options, sender, Arc::new(AtomicBool::new(false))).expect("a sensor");
        let mut bench = Self { sensor, sensed };
        bench.settle();
        bench
    }

    /// Marks every directory that waits for it, and takes nothing else.
    pub(super) fn settle(&mut self) {
        while self.sensor.walk(64) {}
        self.sensor.end_batch().expect("a receiver");
    }

    /// Everything that has happened up to now.
    pub(super) fn seen(&mut self) -> Seen {
        loop {
            let numbers: Vec<usize> = self.sensor.groups().map(|(number, _)| number).collect();
            let mut any = false;
            for number in numbers {
                while self.sensor.read(number).expect("a receiver") {
                    any = true;
                }
            }
            any |= self.sensor.walk(1000);
            self.sensor.links.not_before = std::time::Instant::now();
            any |= self.sensor.search(1000).is_some();
            any |= self.sensor.resolve_again().is_some();
            self.sensor.end_batch().expect("a receiver");
            if !any {
                break;
            }
        }
        let mut seen = Seen::default();
        for sensed in self.sensed.try_iter() {
            match sensed {
                Sensed::Events(events) => seen.events.extend(events),
                Sensed::Gap { subtree, cause } => seen.gaps.push((subtree, cause)),
            }
        }
        seen
    }
}

impl Seen {
    /// The operations seen on `path`, of all events together.
    pub(super) fn on(&self, path: impl AsRef<Path>) -> BTreeSet<Operation> {
        let path = path.as_ref().as_os_str().as_bytes();
        let own = self.events.iter().filter(|event| event.path == path);
        own.flat_map(|event| event.operations.iter()).collect()
    }

    #[track_caller]
    pub(super) fn has(&self, path: impl AsRef<Path>, operation: Operation) {
        let seen = self.on(&path);
        assert!(seen.contains(&operation), "{operation:?} of {:?} not among {seen:?}; all: {self:#?}", path.as_ref());
    }

    /// Whether `path` was reported by an event, or lies in a gap.
    pub(super) fn covers(&self, path: &Path) -> bool {
        let bytes = path.as_os_str().as_bytes();
        !self.on(path).is_empty() || self.gaps.iter().any(|(subtree, _)| paths::below(subtree, bytes).is_some())
    }
}

pub(super) fn policy(roots: &[&Path]) -> Policy {
    policy_ignoring(roots, &[])
}

pub(super) fn policy_ignoring(roots: &[&Path], ignored: &[PathBuf]) -> Policy {
    let watch = |root: &&Path| Watch {
        root: root.as_os_str().as_bytes().to_vec(),
        realtime: true,
        who: true,
        ..Watch::default()
    };
    Policy::compile(PolicyDef {
        watches: roots.iter().map(watch).collect(),
        ignore: ignored.iter().map(|path| PathPattern::Prefix(path.as_os_str().as_bytes().to_vec())).collect(),
        ..PolicyDef::default()
    })
}
