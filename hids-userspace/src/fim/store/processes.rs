//! Processes are stored once: a package's update is a thousand changes by one process.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use hids_core::model::{FileNotice, Who};
use redb::{ReadOnlyTable, ReadTransaction};

use super::StoreError;
use super::codec::{WhoKey, decode, decode_notice, encode};
use super::error::reading;
use super::head::Kind;
use super::rows::{Bytes, Rows, open_table, value_of};

/// A process's row tells the last notice that named it, only this exactly: so that it is not
/// written again with each of its changes.
pub(super) const STAMP_STEP: u64 = 8192;

/// The process of the notice before, and the stamp of its row.
pub(super) struct Remembered {
    who: Arc<Who>,
    key: WhoKey,
    stamp: u64,
}

/// Stores a process unless it is there; its name.
pub(super) fn remember(
    rows: &mut Rows<'_>,
    who: &Arc<Who>,
    sequence: u64,
    last: &mut Option<Remembered>,
) -> Result<WhoKey, StoreError> {
    let is_fresh = |stamp: u64| sequence < stamp.saturating_add(STAMP_STEP);
    if let Some(last) = last.as_ref().filter(|last| Arc::ptr_eq(&last.who, who) && is_fresh(last.stamp)) {
        return Ok(last.key);
    }
    let bytes = encode(&**who);
    let mut key = WhoKey::default();
    blake3::Hasher::new().update(&bytes).finalize_xof().fill(&mut key);
    let known = rows.value(&key)?.and_then(|value| stamp(&value)).filter(|stamp| is_fresh(*stamp));
    if known.is_none() {
        rows.put(&key, &[sequence.to_le_bytes().as_slice(), &bytes].concat())?;
    }
    *last = Some(Remembered { who: Arc::clone(who), key, stamp: known.unwrap_or(sequence) });
    Ok(key)
}

/// The number of a notice that named it, at most [`STAMP_STEP`] before the last one.
pub(super) fn stamp(value: &[u8]) -> Option<u64> {
    value.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

/// Reads notices of one snapshot.
pub(super) struct Notices {
    pub(super) table: ReadOnlyTable<Bytes, Bytes>,
    processes: ReadOnlyTable<Bytes, Bytes>,
    known: RefCell<HashMap<WhoKey, Arc<Who>>>,
}

impl Notices {
    pub(super) fn open(transaction: &ReadTransaction) -> Result<Self, StoreError> {
        let table = open_table(transaction, Kind::Notice)?;
        let processes = open_table(transaction, Kind::Process)?;
        Ok(Self { table, processes, known: RefCell::default() })
    }

    pub(super) fn decode(&self, stored: &[u8]) -> Result<FileNotice, StoreError> {
        decode_notice(value_of(stored)?, |key| self.process(key))
    }

    fn process(&self, key: &WhoKey) -> Result<Option<Arc<Who>>, StoreError> {
        if let Some(who) = self.known.borrow().get(key) {
            return Ok(Some(Arc::clone(who)));
        }
        let Some(stored) = self.processes.get(key.as_slice()).map_err(reading)? else { return Ok(None) };
        let value = value_of(stored.value())?;
        let who: Arc<Who> = Arc::new(decode(value.get(8..).unwrap_or_default(), "a process")?);
        self.known.borrow_mut().insert(*key, Arc::clone(&who));
        Ok(Some(who))
    }
}
