//! One moment of the baseline, held.

use redb::ReadTransaction;

use super::StoreError;
use super::error::reading;
use super::head::{Head, Kind, Macs};
use super::rows::value_of;
use super::shared::head;
use super::view;

/// What was committed when it was taken. While it is held the file cannot reuse its pages.
pub struct Snapshot {
    transaction: ReadTransaction,
    head: Head,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Snapshot").field("head", &self.head).finish_non_exhaustive()
    }
}

/// A key and an entry as they are stored.
pub(in crate::fim) type StoredEntry = (Vec<u8>, Vec<u8>);

impl Snapshot {
    pub(super) fn new(macs: &Macs, transaction: ReadTransaction) -> Result<Self, StoreError> {
        let head = head(macs, &transaction)?;
        Ok(Self { transaction, head })
    }

    /// Number of the commit.
    pub fn commit(&self) -> u64 {
        self.head.commit
    }

    /// MAC of the commit's head.
    pub fn head(&self) -> &[u8; 32] {
        &self.head.mac
    }

    /// All entries in the order of keys, as they are stored.
    pub(in crate::fim) fn entries(
        &self,
    ) -> Result<impl Iterator<Item = Result<StoredEntry, StoreError>> + use<>, StoreError> {
        let range = view::open(&self.transaction, Kind::Entry)?.range::<&[u8]>(..).map_err(reading)?;
        Ok(range.map(|row| {
            let (key, stored) = row.map_err(reading)?;
            Ok((key.value().to_vec(), value_of(stored.value())?.to_vec()))
        }))
    }
}
