//! A baseline made and checked without a daemon: what is measured, and nothing else.
//!
//! Writes what scans find as it is; nothing is judged, told or kept as history.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crossbeam_channel::bounded;
use hids_core::fim::Policy;
use hids_core::model::Damage;

use super::scan::{Difference, Found, ScanDepth, ScanOptions, ScanReport, ScanRequest, start};
use super::store::{Durability, StoreKey, StoreLimits};
use super::{Entry, Store, StoreError};

/// Why a baseline could not be made or checked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OfflineError {
    /// The store.
    #[error("the baseline is unavailable")]
    Store(#[from] StoreError),
    /// The scan.
    #[error("cannot start the scan")]
    Start(#[source] io::Error),
    /// A baseline that was altered or damaged is not compared with.
    #[error("the baseline was altered: {}", .0.what)]
    Damaged(Damage),
}

/// Entries in one commit.
const COMMIT: usize = 4_000;

/// Messages of a scan that wait: enough that it goes on while a commit goes to the disk.
const WAITING: usize = 48;

/// Scans everything that `policy` watches into the baseline `store` (beside which its key is made).
///
/// # Errors
/// When the store cannot be used or no thread be started.
pub(crate) fn build(store: &Path, policy: Policy, options: ScanOptions) -> Result<ScanReport, OfflineError> {
    let store = open(store)?;
    run(&store, policy, ScanDepth::Full, options, &mut |differences| write(&store, differences))
}

/// Compares everything that `policy` watches with the baseline `store`, and hands each difference on.
///
/// # Errors
/// As [`build`]; when the baseline was altered.
pub(crate) fn check(
    store: &Path,
    policy: Policy,
    depth: ScanDepth,
    options: ScanOptions,
    tell: &mut dyn FnMut(&Difference),
) -> Result<ScanReport, OfflineError> {
    let store = open(store)?;
    run(&store, policy, depth, options, &mut |differences| {
        differences.drain(..).for_each(|difference| tell(&difference));
        Ok(())
    })
}

fn open(path: &Path) -> Result<Store, OfflineError> {
    let key = StoreKey::load_or_create(&path.with_extension("key"))?;
    let (store, damages) = Store::open(path, &key, StoreLimits::default())?;
    match damages.into_iter().next() {
        Some(damage) => Err(OfflineError::Damaged(damage)),
        None => Ok(store),
    }
}

fn run(
    store: &Store,
    policy: Policy,
    depth: ScanDepth,
    options: ScanOptions,
    take: &mut dyn FnMut(&mut Vec<Difference>) -> Result<(), StoreError>,
) -> Result<ScanReport, OfflineError> {
    let (sender, receiver) = bounded(WAITING);
    let request = ScanRequest { depth, ..ScanRequest::default() };
    let scan =
        start(request, Arc::new(policy), Arc::new(store.view()), options, sender).map_err(OfflineError::Start)?;
    let mut report = ScanReport::default();
    let mut gathered = Vec::new();
    for found in &receiver {
        match found {
            Found::Differences(mut some) => {
                gathered.append(&mut some);
                if gathered.len() >= COMMIT {
                    take(&mut gathered)?;
                }
            }
            Found::Finished(last) => report = last,
            Found::NotScanned { .. } | Found::Done { .. } => {}
        }
    }
    scan.wait();
    take(&mut gathered)?;
    Ok(report)
}

/// One commit. In the order of directories and names, which the store takes fastest.
fn write(store: &Store, differences: &mut Vec<Difference>) -> Result<(), StoreError> {
    differences.sort_unstable_by(|one, other| one.path.cmp(&other.path));
    let entries: Vec<(Vec<u8>, Entry)> = differences
        .drain(..)
        .map(|found| (found.path, Entry { state: found.new, read: found.read, ..Entry::default() }))
        .collect();
    let mut update = store.begin()?;
    update.put_all(entries.iter().map(|(path, entry)| (path.as_slice(), entry)))?;
    update.commit(Durability::Synced)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::ffi::OsStrExt as _;

    use hids_core::fim::{Checks, PolicyDef, Watch};

    use super::*;

    #[test]
    fn what_changed_since_the_baseline_was_made_is_found() {
        let (tree, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let root = tree.path().as_os_str().as_bytes().to_vec();
        for name in ["same", "other", "gone"] {
            fs::write(tree.path().join(name), name).unwrap();
        }
        let store = state.path().join("fim.redb");
        let policy = || {
            let watch = Watch { root: root.clone(), checks: Checks::all(true), ..Watch::default() };
            Policy::compile(PolicyDef { watches: vec![watch], ..PolicyDef::default() })
        };
        let built = build(&store, policy(), ScanOptions::default()).unwrap();
        assert_eq!((built.totals.files, built.differences), (3, 4));
        let found = || {
            let mut paths = Vec::new();
            check(&store, policy(), ScanDepth::Full, ScanOptions::default(), &mut |found| {
                paths.push(String::from_utf8_lossy(&found.path).rsplit('/').next().unwrap_or_default().to_owned());
            })
            .unwrap();
            paths.sort();
            paths
        };
        assert!(found().is_empty());
        fs::write(tree.path().join("other"), "OTHER").unwrap();
        fs::remove_file(tree.path().join("gone")).unwrap();
        // The directory's own time changed as well.
        assert_eq!(found()[1..], ["gone", "other"]);
    }
}
