//! Opens the baseline for the monitor.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use hids_core::model::{Damage, FimEvent};

use super::scan_scheduler::Roots;
use crate::fim::store::{Durability, Store, StoreError, StoreKey, StoreLimits};
use crate::platform::clock;

/// The file of the baseline in the state directory.
pub(in crate::fim) const BASELINE: &str = "fim.redb";
/// The file of its key.
pub(in crate::fim) const KEY: &str = "fim.key";

/// Why file integrity cannot start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FimError {
    /// The baseline.
    #[error("cannot open the baseline of file integrity")]
    Store(#[from] StoreError),
    /// No thread.
    #[error("cannot start a thread of file integrity")]
    Thread(#[from] io::Error),
}

/// The open baseline.
#[derive(Debug)]
pub(crate) struct Opened(pub(super) Arc<Store>);

impl Opened {
    /// Roots that have a baseline.
    pub(crate) fn roots(&self) -> Result<Vec<Vec<u8>>, FimError> {
        Ok(Roots::known(&self.0.view())?)
    }
}

/// Opens the baseline in `state`. While another process holds it, that is tried for as long as `patience`.
///
/// `committed` is the record that the record stage has committed last. `damages` holds what was found wrong with the
/// baseline and is not in its history yet: after a failure it is to be passed to the next try.
pub(crate) fn open(
    state: &Path,
    committed: u64,
    patience: Duration,
    damages: &mut Vec<Damage>,
) -> Result<Opened, FimError> {
    let key = StoreKey::load_or_create(&state.join(KEY))?;
    let store = open_store(&state.join(BASELINE), &key, patience, damages)?;
    record_damages(&store, damages, committed)?;
    damages.clear();
    Ok(Opened(Arc::new(store)))
}

/// A daemon that was killed, a child that it was just starting, or somebody who reads the baseline may hold the file
/// for a moment longer.
fn open_store(path: &Path, key: &StoreKey, patience: Duration, damages: &mut Vec<Damage>) -> Result<Store, StoreError> {
    const RETRY_AFTER: Duration = Duration::from_millis(50);
    let until = Instant::now() + patience;
    loop {
        match Store::open_noting(path, key, StoreLimits::default(), damages) {
            Err(StoreError::InUse { .. }) if Instant::now() < until => thread::sleep(RETRY_AFTER),
            opened => return opened,
        }
    }
}

/// Adds what is wrong with the baseline to its history, and ensures that no number of a record is used twice.
///
/// Only what is on the disk is sent to the rules, so a store that ends before what the record stage has committed is
/// not the one that it was, even if it is whole in itself.
fn record_damages(store: &Store, damages: &mut Vec<Damage>, committed: u64) -> Result<(), StoreError> {
    let last = store.view().counts()?.last_sequence;
    if damages.is_empty() && last < committed {
        let what = format!(
            "the baseline ends with notice {last}, but notice {committed} was alerted from it: it was removed, or an \
             older copy was put back"
        );
        damages.push(Damage { what, paths: Vec::new() });
    }
    let mut txn = store.begin()?;
    txn.skip_to(committed);
    for damage in damages.iter() {
        txn.notice(clock::now(), true, FimEvent::Damage(damage.clone()))?;
    }
    txn.commit(Durability::Synced)?;
    Ok(())
}
