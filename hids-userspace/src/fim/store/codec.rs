//! How rows are written.

use hids_core::model::FileNotice;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StoreError;
use crate::fim::Entry;

/// An entry as bytes.
pub(super) fn encode_entry(entry: &Entry) -> Vec<u8> {
    encode(entry)
}

/// An entry from bytes.
pub(super) fn decode_entry(bytes: &[u8]) -> Result<Entry, StoreError> {
    decode(bytes, "an entry")
}

/// A notice as bytes.
pub(super) fn encode_notice(notice: &FileNotice) -> Vec<u8> {
    encode(notice)
}

/// A notice from bytes.
pub(super) fn decode_notice(bytes: &[u8]) -> Result<FileNotice, StoreError> {
    decode(bytes, "a notice")
}

/// Any plain value as bytes.
pub(super) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    // Plain data in memory: encoding it cannot fail.
    postcard::to_stdvec(value).unwrap_or_default()
}

/// Any plain value from bytes.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8], what: &str) -> Result<T, StoreError> {
    postcard::from_bytes(bytes).map_err(|_| StoreError::Damaged { what: format!("{what} cannot be read") })
}
