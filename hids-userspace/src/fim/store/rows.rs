//! Rows of all tables: each carries its MAC, and the sum is kept up to date.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use hids_core::model::Gap;
use redb::{ReadOnlyTable, ReadTransaction, ReadableTable as _, Table, TableDefinition, WriteTransaction};
use serde::{Deserialize, Serialize};

use super::codec::decode;
use super::error::{reading, writing};
use super::head::{Kind, MAC_BYTES, Macs, Sum};
use super::{StoreError, paths};

pub(super) type Bytes = &'static [u8];

/// The table of a kind of rows.
pub(super) const fn table(kind: Kind) -> TableDefinition<'static, Bytes, Bytes> {
    TableDefinition::new(kind.name())
}

/// The one row of the head.
pub(super) const HEAD: TableDefinition<'static, (), Bytes> = TableDefinition::new("head");

/// Key and value.
pub(super) type Row = (Vec<u8>, Vec<u8>);

/// What is written so far in a transaction.
#[derive(Clone, Debug, Default)]
pub(super) struct Totals {
    pub(super) rows: [u64; Kind::ALL.len()],
    pub(super) sum: Sum,
}

/// The value without its MAC.
pub(super) fn value_of(stored: &[u8]) -> Result<&[u8], StoreError> {
    let length = stored.len().checked_sub(MAC_BYTES);
    length.map(|length| &stored[..length]).ok_or_else(|| StoreError::Damaged { what: "a row is too short".to_owned() })
}

/// One table inside a transaction.
pub(super) struct Rows<'t> {
    kind: Kind,
    macs: &'t Macs,
    totals: &'t mut Totals,
    table: Table<'t, Bytes, Bytes>,
    stored: Vec<u8>,
}

impl<'t> Rows<'t> {
    pub(super) fn open(
        transaction: &'t WriteTransaction,
        kind: Kind,
        macs: &'t Macs,
        totals: &'t mut Totals,
    ) -> Result<Self, StoreError> {
        let table = transaction.open_table(table(kind)).map_err(writing)?;
        Ok(Self { kind, macs, totals, table, stored: Vec::new() })
    }

    /// Writes a row, over the one that was there.
    pub(super) fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        let term = self.macs.term(self.kind, key, value);
        self.stored.clear();
        self.stored.extend_from_slice(value);
        self.stored.extend_from_slice(&term.mac);
        let old = self.table.insert(key, self.stored.as_slice()).map_err(writing)?;
        self.totals.sum.add(term.summand);
        match old {
            Some(old) => {
                let old = self.macs.term(self.kind, key, value_of(old.value())?);
                self.totals.sum.subtract(old.summand);
            }
            None => self.totals.rows[self.kind as usize] += 1,
        }
        Ok(())
    }

    /// Takes a row out; whether there was one.
    pub(super) fn remove(&mut self, key: &[u8]) -> Result<bool, StoreError> {
        let Some(old) = self.table.remove(key).map_err(writing)? else { return Ok(false) };
        let term = self.macs.term(self.kind, key, value_of(old.value())?);
        self.totals.sum.subtract(term.summand);
        let rows = &mut self.totals.rows[self.kind as usize];
        *rows = rows.saturating_sub(1);
        Ok(true)
    }

    /// The value of a row.
    pub(super) fn value(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let stored = self.table.get(key).map_err(writing)?;
        stored.map(|stored| value_of(stored.value()).map(<[u8]>::to_vec)).transpose()
    }

    /// Rows from `from` to before `to`, at most `limit`.
    pub(super) fn rows(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
        let range = self.table.range::<&[u8]>(from..to).map_err(writing)?;
        let row = |row: Result<(redb::AccessGuard<'_, Bytes>, redb::AccessGuard<'_, Bytes>), redb::StorageError>| {
            let (key, stored) = row.map_err(writing)?;
            Ok((key.value().to_vec(), value_of(stored.value())?.to_vec()))
        };
        range.take(limit).map(row).collect()
    }
}

/// The table of a kind of rows in a snapshot.
pub(super) fn open_table(transaction: &ReadTransaction, kind: Kind) -> Result<ReadOnlyTable<Bytes, Bytes>, StoreError> {
    transaction.open_table(table(kind)).map_err(reading)
}

/// Names an open gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct GapId(pub u64);

pub(super) fn gap_of((key, value): &(Vec<u8>, Vec<u8>)) -> Result<(GapId, Gap), StoreError> {
    let id = <[u8; 8]>::try_from(key.as_slice())
        .map_err(|_| StoreError::Damaged { what: "a gap has no number".to_owned() })?;
    Ok((GapId(u64::from_be_bytes(id)), decode(value, "a gap")?))
}

/// The key of a value that is kept under a name.
pub(super) fn metadata_key(name: &str) -> Vec<u8> {
    [b"fact ", name.as_bytes()].concat()
}

/// The path of an entry's key.
pub(super) fn path_of_entry(key: &[u8]) -> Result<Vec<u8>, StoreError> {
    paths::path_of(key).ok_or_else(|| StoreError::Damaged { what: "an entry has no path".to_owned() })
}

/// A text as it is kept.
pub(super) fn compress(text: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    // Memory takes every write.
    let _ = encoder.write_all(text);
    encoder.finish().unwrap_or_default()
}

/// The text of its kept form.
pub(super) fn decompress(bytes: &[u8], limit: usize) -> Result<Vec<u8>, StoreError> {
    let mut text = Vec::new();
    ZlibDecoder::new(bytes)
        .take(limit as u64)
        .read_to_end(&mut text)
        .map_err(|_| StoreError::Damaged { what: "cannot decompress a stored text".to_owned() })?;
    Ok(text)
}
