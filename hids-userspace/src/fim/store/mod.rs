//! The baseline store: one crash-safe file that shows when it was altered.
//!
//! Owns `fim.redb` (entries, notices, gaps, texts), `fim.head` beside it and the key. Holds what it
//! is given: what is a difference, and what is told, is decided elsewhere. One [`WriteTxn`] at a time
//! writes; any number of threads read through [`StoreView`]s.

mod anchor;
mod blocks;
mod codec;
mod error;
mod head;
mod key;
mod limits;
mod open;
mod paths;
mod processes;
mod rows;
mod shared;
mod verify;
mod view;
mod write_txn;

pub(in crate::fim) use codec::{decode_entry, encode_entry};
pub(crate) use error::StoreError;
pub(crate) use key::StoreKey;
pub(in crate::fim) use key::fill_random;
pub(crate) use limits::StoreLimits;
pub(crate) use open::Store;
pub(in crate::fim) use paths::{children, key_of, path_of};
pub(crate) use rows::GapId;
pub(crate) use verify::VerifyReport;
pub(crate) use view::StoreView;
pub(crate) use write_txn::{Durability, WriteTxn};

#[cfg(test)]
mod tests;
