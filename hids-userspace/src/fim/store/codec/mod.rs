//! Compact encoding of rows, of which there may be millions.
//!
//! Whatever is read back was checked by its block's code before; still nothing here trusts a length.

mod bytes;
mod notice;
mod state;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StoreError;
use crate::fim::{Entry, Unaccepted};

use bytes::{Reader, Writer};

pub(super) use notice::{WhoKey, decode_notice, encode_notice};
use state::{read_state, write_state};

const HAS_STATE: u8 = 1;
const HAS_CHANGES: u8 = 2;
const IS_UNACCEPTED: u8 = 4;
const IS_NEW: u8 = 8;
const HAS_REPLACED: u8 = 16;

/// An entry as bytes.
pub(in crate::fim) fn encode_entry(entry: &Entry) -> Vec<u8> {
    let mut out = Writer(Vec::with_capacity(128));
    let flags = [
        (HAS_STATE, entry.state.is_some()),
        (HAS_CHANGES, entry.changes > 0),
        (IS_UNACCEPTED, entry.unaccepted.is_some()),
        (IS_NEW, entry.unaccepted.is_some_and(|unaccepted| unaccepted.is_new)),
        (HAS_REPLACED, entry.unaccepted.is_some_and(|unaccepted| unaccepted.replaced_read.is_some())),
    ];
    out.byte(flags.iter().filter(|(_, is_set)| *is_set).fold(0, |flags, (flag, _)| flags | flag));
    if entry.changes > 0 {
        out.number(entry.changes.into());
    }
    out.time(entry.read);
    if let Some(unaccepted) = entry.unaccepted {
        out.number(unaccepted.since);
        if let Some(time) = unaccepted.replaced_read {
            out.time(time);
        }
    }
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
    let unaccepted = read_unaccepted(from, flags)?;
    let state = if flags & HAS_STATE == 0 { None } else { Some(read_state(from, None)?) };
    let known = HAS_CHANGES | HAS_STATE | IS_UNACCEPTED | IS_NEW | HAS_REPLACED;
    (flags & !known == 0).then_some(Entry { state, changes, read, unaccepted })
}

/// The outer `None` is for bytes that are none.
fn read_unaccepted(from: &mut Reader<'_>, flags: u8) -> Option<Option<Unaccepted>> {
    if flags & IS_UNACCEPTED == 0 {
        return (flags & (IS_NEW | HAS_REPLACED) == 0).then_some(None);
    }
    let since = from.number()?;
    let replaced_read = if flags & HAS_REPLACED == 0 { None } else { Some(from.time()?) };
    Some(Some(Unaccepted { since, replaced_read, is_new: flags & IS_NEW != 0 }))
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
