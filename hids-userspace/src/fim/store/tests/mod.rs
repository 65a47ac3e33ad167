//! The store from outside.

mod contents;
mod disk;
mod model;
mod retention;
mod speed;
mod tamper;
mod torture;

use std::path::Path;

use hids_core::model::{FileKind, FileState, Timestamp};

use super::*;
use crate::fim::{BaselineView as _, Entry};

pub(super) fn key() -> StoreKey {
    StoreKey::from_bytes([7; 32])
}

/// A store that is expected to be in order.
pub(super) fn open(directory: &Path) -> Store {
    let (store, damage) =
        Store::open(&directory.join("fim.redb"), &key(), StoreLimits::default()).expect("store opens");
    assert_eq!(damage, []);
    store
}

/// An entry that differs from those with another number.
pub(super) fn entry(number: u64) -> Entry {
    let mut state = FileState {
        kind: FileKind::Regular,
        size_bytes: number * 17,
        mode: 0o100_644,
        uid: 1000,
        gid: 1000,
        device: 2049,
        inode: 100_000 + number,
        links: 1,
        modified: Timestamp::from_unix_nanos(1_700_000_000_123_456_789 + i64::try_from(number).expect("small")),
        changed: Timestamp::from_unix_nanos(1_700_000_001_123_456_789),
        ..FileState::default()
    };
    let sum = blake3::hash(&number.to_le_bytes());
    state.digests.sha256 = Some(*sum.as_bytes());
    state.digests.md5 = sum.as_bytes()[..16].try_into().ok();
    state.digests.sha1 = sum.as_bytes()[..20].try_into().ok();
    Entry { state: Some(state), read: Timestamp::from_unix_seconds(1_700_000_100), ..Entry::default() }
}
