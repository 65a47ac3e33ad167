//! How rows are written: few bytes, since there may be millions.
//!
//! Whatever is read back was checked by its block's code before; still nothing here trusts a length.

mod bytes;
mod notice;
mod state;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StoreError;
use crate::fim::Entry;

use bytes::{Reader, Writer};

pub(super) use notice::{WhoKey, decode_notice, encode_notice};
use state::{read_state, write_state};

const HAS_STATE: u8 = 1;
const HAS_CHANGES: u8 = 2;

/// An entry as bytes.
pub(in crate::fim) fn encode_entry(entry: &Entry) -> Vec<u8> {
    let mut out = Writer(Vec::with_capacity(128));
    let has_changes = if entry.changes > 0 { HAS_CHANGES } else { 0 };
    out.byte(has_changes | if entry.state.is_some() { HAS_STATE } else { 0 });
    if entry.changes > 0 {
        out.number(entry.changes.into());
    }
    out.time(entry.read);
    if let Some(state) = &entry.state {
        write_state(&mut out, state, None);
    }
    out.0
}

/// An entry from bytes.
pub(in crate::fim) fn decode_entry(bytes: &[u8]) -> Result<Entry, StoreError> {
    let mut from = Reader(bytes);
    let entry = read_entry(&mut from).filter(|_| from.0.is_empty());
    entry.ok_or_else(|| unreadable("an entry"))
}

fn read_entry(from: &mut Reader<'_>) -> Option<Entry> {
    let flags = from.byte()?;
    let changes = if flags & HAS_CHANGES == 0 { 0 } else { u32::try_from(from.number()?).ok()? };
    let read = from.time()?;
    let state = if flags & HAS_STATE == 0 { None } else { Some(read_state(from, None)?) };
    (flags & !(HAS_CHANGES | HAS_STATE) == 0).then_some(Entry { state, changes, read })
}

/// Any plain value as bytes.
pub(super) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    // Plain data in memory: encoding it cannot fail.
    postcard::to_stdvec(value).unwrap_or_default()
}

/// Any plain value from bytes.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8], what: &str) -> Result<T, StoreError> {
    postcard::from_bytes(bytes).map_err(|_| unreadable(what))
}

fn unreadable(what: &str) -> StoreError {
    StoreError::Damaged { what: format!("{what} cannot be read") }
}
