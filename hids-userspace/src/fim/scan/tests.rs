mod load;
mod model;
mod places;
mod race;
mod steering;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use crossbeam_channel::{Receiver, bounded};
use hids_core::fim::{Checks, Policy, PolicyDef, Watch};

use super::*;
use crate::fim::examine::split;
use crate::fim::{BaselineView, Entry, StoreError};

/// Entries by directory and name.
type Entries = BTreeMap<(Vec<u8>, Vec<u8>), Entry>;

/// A baseline in memory.
#[derive(Default)]
pub(super) struct Baseline(Mutex<Entries>);

impl Baseline {
    /// Does what a taker does: writes the new states.
    pub(super) fn take_over(&self, differences: &[Difference]) {
        let mut entries = self.0.lock().unwrap();
        for difference in differences {
            let (directory, name) = split(&difference.path);
            let entry = Entry { state: difference.new.clone(), read: difference.read, ..Entry::default() };
            entries.insert((directory.to_vec(), name.to_vec()), entry);
        }
    }

    /// Paths that are there.
    pub(super) fn paths(&self) -> BTreeSet<Vec<u8>> {
        let entries = self.0.lock().unwrap();
        let there = entries.iter().filter(|(_, entry)| entry.state.is_some());
        there.map(|((directory, name), _)| [directory.as_slice(), b"/", name].concat()).collect()
    }
}

impl BaselineView for Baseline {
    fn entry(&self, path: &[u8]) -> Result<Option<Entry>, StoreError> {
        let (directory, name) = split(path);
        Ok(self.0.lock().unwrap().get(&(directory.to_vec(), name.to_vec())).cloned())
    }

    fn children(
        &self,
        directory: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Entry)>, StoreError> {
        let entries = self.0.lock().unwrap();
        let start = (directory.to_vec(), after.unwrap_or_default().to_vec());
        let range = (Bound::Excluded(start), Bound::Unbounded);
        let children = entries.range(range).take_while(|((above, _), _)| above == directory).take(limit);
        Ok(children.map(|((_, name), entry)| (name.clone(), entry.clone())).collect())
    }
}

pub(super) fn bytes(path: &Path) -> Vec<u8> {
    path.as_os_str().as_bytes().to_vec()
}

/// Watches whole trees with every check.
pub(super) fn watching(roots: &[&Path]) -> PolicyDef {
    let watch = |root: &&Path| Watch { root: bytes(root), checks: Checks::all(true), ..Watch::default() };
    PolicyDef { watches: roots.iter().map(watch).collect(), ..PolicyDef::default() }
}

pub(super) fn quick() -> ScanOptions {
    ScanOptions { nice: None, threads: 2, ..ScanOptions::default() }
}

/// A scan of everything that is watched.
pub(super) fn asking(depth: ScanDepth) -> ScanRequest {
    ScanRequest { depth, ..ScanRequest::default() }
}

pub(super) fn begin(
    policy: PolicyDef,
    baseline: &Arc<Baseline>,
    request: ScanRequest,
) -> (ScanHandle, Receiver<Found>) {
    let (sender, receiver) = bounded(4);
    let policy = Arc::new(Policy::compile(policy));
    (start(request, policy, Arc::<Baseline>::clone(baseline), quick(), sender).unwrap(), receiver)
}

/// All that a scan told.
#[derive(Default)]
pub(super) struct Told {
    pub differences: Vec<Difference>,
    pub not_scanned: Vec<(Vec<u8>, NotScanned)>,
    pub done: Vec<Vec<u8>>,
    pub report: Option<ScanReport>,
}

impl Told {
    pub(super) fn by(receiver: &Receiver<Found>) -> Self {
        let mut told = Self::default();
        for found in receiver {
            told.add(found);
        }
        told
    }

    pub(super) fn add(&mut self, found: Found) {
        assert!(self.report.is_none(), "nothing comes after the end");
        match found {
            Found::Differences(some) => self.differences.extend(some),
            Found::NotScanned { path, why } => self.not_scanned.push((path, why)),
            Found::Done { directory } => self.done.push(directory),
            Found::Finished(report) => self.report = Some(report),
        }
    }

    /// Paths that are new, changed, and gone.
    pub(super) fn sorted(&self) -> [BTreeSet<Vec<u8>>; 3] {
        let mut sets = [const { BTreeSet::new() }; 3];
        for difference in &self.differences {
            let old = difference.old.as_ref().and_then(|old| old.state.as_ref());
            let set = match (old, &difference.new) {
                (None, Some(_)) => 0,
                (Some(_), Some(_)) => 1,
                (_, None) => 2,
            };
            assert!(sets[set].insert(difference.path.clone()), "told twice: {difference:?}");
        }
        sets
    }
}

/// Scans to the end.
pub(super) fn scan(policy: PolicyDef, baseline: &Arc<Baseline>, request: ScanRequest) -> Told {
    let (handle, receiver) = begin(policy, baseline, request);
    let told = Told::by(&receiver);
    handle.wait();
    assert!(told.report.as_ref().is_some_and(|report| report.complete));
    told
}

/// Scans, takes everything over, and gives what was told.
pub(super) fn scan_and_keep(policy: PolicyDef, baseline: &Arc<Baseline>, depth: ScanDepth) -> Told {
    let told = scan(policy, baseline, asking(depth));
    baseline.take_over(&told.differences);
    told
}
