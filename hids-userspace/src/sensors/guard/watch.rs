//! The guard's thread: hands refusals on, and keeps the kernel's maps as the files are.

use std::collections::{BTreeMap, HashSet};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use aya::maps::{MapData, RingBuf};
use hids_common::guard::FileKey;
use hids_core::model::Refusal;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tracing::warn;

use super::allow::{AllowList, Allowance};
use super::maps::GuardMaps;
use super::mounts::Mounts;
use super::places::Places;
use super::records::{Names, fold, parse, refusal};
use super::report::{GuardReport, NotAllowed, reason};
use super::{GuardError, GuardOptions, Refusals};
use crate::platform::waker::Waker;
use crate::sensors::Degradation;
use crate::wildcard;

/// How often directories and executables are looked at: one may have been replaced by an update, or have appeared
/// under a wildcard.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// Refusals handed on in one go; equal ones among them are folded.
const BATCH: usize = 1024;

/// What the thread and its handle share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) stop: Waker,
    pub(super) report: Mutex<GuardReport>,
}

/// The thread's own state.
pub(super) struct Watch {
    shared: Arc<Shared>,
    options: GuardOptions,
    allow: AllowList,
    places: Places,
    linked: Places,
    /// Trees whose files with several hard links are in `linked`.
    searched: HashSet<PathBuf>,
    mounts: Mounts,
    subvolumes: bool,
    maps: GuardMaps,
    records: RingBuf<MapData>,
    directory: PathBuf,
    refusals: Refusals,
    last_problems: Vec<String>,
    told: BTreeMap<FileKey, u32>,
}

/// What is to be protected and who may change it, as the files are now: `trees` may have wildcards. Allowed
/// executables are protected themselves: else anybody could take their place.
pub(super) fn survey(trees: &[PathBuf], allow: &mut AllowList, mounts: &Mounts) -> (Places, BTreeMap<FileKey, u32>) {
    let mut places = Places::survey(&expanded(trees), mounts);
    let mut allowed = BTreeMap::new();
    for program in allow.refresh(mounts) {
        match places.add_tree(&program.path, mounts) {
            Ok(()) => {
                allowed.insert(program.key, program.flags);
            }
            Err(error) => places.problems.push(format!("{} is not allowed: {error}", program.path.display())),
        }
    }
    (places, allowed)
}

impl Watch {
    /// Starts the thread on the pins in `directory`.
    pub(super) fn start(
        directory: &Path,
        options: GuardOptions,
        allow: AllowList,
        places: Places,
        refusals: Refusals,
    ) -> Result<(JoinHandle<()>, Arc<Shared>), Degradation> {
        let shared = Arc::new(Shared::new()?);
        let maps = GuardMaps::open(directory)?;
        let subvolumes = maps.tells_subvolumes()?;
        let watch = Self {
            shared: Arc::clone(&shared),
            options,
            allow,
            places,
            linked: Places::default(),
            searched: HashSet::new(),
            mounts: Mounts::now(subvolumes).map_err(Degradation::Mounts)?,
            subvolumes,
            maps,
            records: GuardMaps::records(directory)?,
            directory: directory.to_path_buf(),
            refusals,
            last_problems: Vec::new(),
            told: BTreeMap::new(),
        };
        let thread = std::thread::Builder::new().name("guard".into()).spawn(move || watch.run());
        Ok((thread.map_err(Degradation::Mounts)?, shared))
    }

    fn run(mut self) {
        loop {
            self.look();
            let next = Instant::now() + LOOK_INTERVAL;
            while Instant::now() < next {
                if self.wait(next) {
                    return;
                }
                self.drain();
            }
        }
    }

    /// Waits for records, the next look or the end; true for the end.
    fn wait(&self, until: Instant) -> bool {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
        let mut waited = [
            PollFd::new(&self.shared.stop, PollFlags::IN),
            PollFd::from_borrowed_fd(self.records.as_fd(), PollFlags::IN),
        ];
        // An interrupted wait is looked at like any other.
        let _ = poll(&mut waited, Some(&timeout));
        !waited[0].revents().is_empty()
    }

    fn drain(&mut self) {
        loop {
            let mut folded: Vec<Refusal> = Vec::new();
            let mut unknown = 0;
            let mut read = 0;
            while read < BATCH {
                let Some(item) = self.records.next() else { break };
                let parsed = parse(&item);
                drop(item);
                read += 1;
                let Some((record, operation)) = parsed else {
                    unknown += 1;
                    continue;
                };
                let path_of = |key| path_of(&self.places, &self.linked, key);
                let processes = self.options.processes.as_ref();
                let names = Names { mounts: &self.mounts, path_of: &path_of, processes };
                fold(&mut folded, refusal(&record, operation, &names));
            }
            self.hand_on(folded, unknown);
            if read < BATCH {
                return;
            }
        }
    }

    /// The lock does not wait for a slow reader: what does not fit is counted.
    fn hand_on(&self, folded: Vec<Refusal>, unknown: u64) {
        let lost = folded.into_iter().filter(|refusal| self.refusals.try_send(refusal.clone()).is_err()).count();
        if lost > 0 || unknown > 0 {
            let mut report = self.shared.report.lock().unwrap_or_else(PoisonError::into_inner);
            report.lost += lost as u64;
            report.unknown += unknown;
        }
    }

    /// Tells the kernel what changed about directories, mounts and executables.
    fn look(&mut self) {
        match Mounts::now(self.subvolumes) {
            Ok(mounts) => self.mounts = mounts,
            Err(error) => warn!(%error, "guard cannot read the mount table; keeping the previous one"),
        }
        let (places, allowed) = survey(&self.options.trees, &mut self.allow, &self.mounts);
        self.search_linked();
        let mut wanted = places.flags();
        wanted.extend(self.linked.flags().into_iter().filter(|(key, _)| !places.entries.contains_key(key)));
        // The pins themselves: removing them would end the lock in silence.
        let mut own = Places::default();
        if own.add_tree(&self.directory, &self.mounts).is_ok() {
            wanted.extend(own.flags().into_iter().filter(|(key, _)| !places.entries.contains_key(key)));
        }
        self.places = places;
        if let Err(error) = self.maps.allow(&allowed).and_then(|()| self.tell(&wanted)) {
            warn!(%error, "guard cannot update the protected paths; previous paths stay protected");
        }
        self.told = wanted;
        self.report(&allowed);
    }

    /// Finds the linked files of trees that are new: at the start of all, later of those under a wildcard.
    fn search_linked(&mut self) {
        let trees: HashSet<PathBuf> = expanded(&self.options.trees).into_iter().collect();
        for tree in trees.difference(&self.searched) {
            self.linked.add_linked(tree, &self.mounts);
        }
        self.searched = trees;
    }

    /// The first time exactly what is wanted, as an earlier daemon may have left more. Later only what
    /// changed: the programs themselves protect files that are linked across the border.
    fn tell(&mut self, wanted: &BTreeMap<FileKey, u32>) -> Result<(), GuardError> {
        if self.told.is_empty() {
            return self.maps.protect(wanted);
        }
        self.maps.protect_also(wanted)?;
        self.maps.release(self.told.keys().filter(|key| !wanted.contains_key(key)).copied())
    }

    fn report(&mut self, allowed: &BTreeMap<FileKey, u32>) {
        let mut problems = self.places.problems.clone();
        problems.extend(self.linked.problems.iter().cloned());
        for problem in problems.iter().filter(|problem| !self.last_problems.contains(problem)) {
            warn!(problem, "file protection incomplete");
        }
        self.last_problems.clone_from(&problems);
        let mut report = self.shared.report.lock().unwrap_or_else(PoisonError::into_inner);
        report.looks += 1;
        report.problems = problems;
        report.allowed = allowed.keys().filter_map(|key| path_of(&self.places, &self.linked, *key)).collect();
        let not = self.allow.allowances().filter(|(_, allowance)| **allowance != Allowance::Allowed);
        report.not_allowed =
            not.map(|(program, why)| NotAllowed { program: program.path.clone(), reason: reason(why) }).collect();
    }
}

/// What the wildcards of `trees` stand for now; a path without one, or a wildcard that nothing fits, stands as it is.
fn expanded(trees: &[PathBuf]) -> Vec<PathBuf> {
    let matches = |tree: &PathBuf| wildcard::as_pattern(tree).map(wildcard::matches);
    let found = |tree: &PathBuf| matches(tree).filter(|found| !found.is_empty()).unwrap_or_else(|| vec![tree.clone()]);
    trees.iter().flat_map(found).collect()
}

fn path_of(places: &Places, linked: &Places, key: FileKey) -> Option<PathBuf> {
    let place = places.entries.get(&key).or_else(|| linked.entries.get(&key));
    place.map(|place| place.path.clone())
}

impl From<GuardError> for Degradation {
    fn from(error: GuardError) -> Self {
        Self::Guard(Box::new(error))
    }
}

#[cfg(test)]
mod tests {
    use hids_common::guard::TREE;

    use super::*;

    #[test]
    fn wildcards_stand_for_what_fits_them_at_each_look() {
        let directory = tempfile::tempdir().expect("a directory");
        let base = std::fs::canonicalize(directory.path()).expect("its path");
        let mounts = Mounts::now(false).expect("the table");
        let protected = |name: &str| {
            let (places, _) = survey(&[base.join("*/bin")], &mut AllowList::new(Vec::new()), &mounts);
            let key = mounts.locate(&base.join(name)).expect("a place").0;
            places.entries.get(&key).is_some_and(|place| place.flags & TREE != 0)
        };
        for name in ["a/bin", "a/lib"] {
            std::fs::create_dir_all(base.join(name)).expect("a directory");
        }
        assert!(protected("a/bin") && !protected("a/lib") && !protected("a"));
        std::fs::create_dir_all(base.join("b/bin")).expect("a directory");
        assert!(protected("a/bin") && protected("b/bin"));
    }

    #[test]
    fn wildcard_that_nothing_fits_is_a_problem_that_names_it() {
        let mounts = Mounts::now(false).expect("the table");
        let (places, _) = survey(&["/no/such/*".into()], &mut AllowList::new(Vec::new()), &mounts);
        assert!(places.problems[0].starts_with("/no/such/* is not protected"), "{:?}", places.problems);
    }
}
