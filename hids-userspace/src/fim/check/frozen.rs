//! A baseline in memory: one moment, read once.

use std::fs::File;
use std::io;

use hids_core::model::FileKind;

use crate::fim::export::{self, ExportError, ExportReport, PublicKey};
use crate::fim::store::{children, decode_entry, key_of, path_of};
use crate::fim::{BaselineView, Entry, StoreError};

/// Bytes of paths and entries that are held at most: some ten million files. An image's own baseline may claim any.
const MOST_BYTES: usize = 3 << 30;

/// What an entry says that is marked as unaccepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// A snapshot of accepted states: what was accepted is no longer known, and it has changed since.
    AcceptedIsUnknown,
    /// An export: it is the baseline as it is.
    AsItIs,
}

/// A key and an entry, as the store has them.
type Row = (Box<[u8]>, Box<[u8]>);

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Frozen {
    /// Keys as the store has them, in ascending order, with their entries.
    rows: Vec<Row>,
    /// Paths that have changed from a state that is no longer known.
    unknown: Vec<Vec<u8>>,
}

impl Frozen {
    /// Reads an export, which `trusted` must have signed.
    ///
    /// # Errors
    /// When it is not that, or too large.
    pub(crate) fn load(
        file: &File,
        trusted: &PublicKey,
        meaning: Meaning,
    ) -> Result<(Self, ExportReport), ExportError> {
        let mut frozen = Self::default();
        let mut held = 0_usize;
        let report = export::each(file, trusted, |key, stored| {
            held = held.saturating_add(key.len() + stored.len() + 32);
            if held > MOST_BYTES {
                return Err(ExportError::Read(io::ErrorKind::OutOfMemory.into()));
            }
            let entry = decode_entry(stored)?;
            let path = path_of(key).filter(|path| key_of(path).is_ok_and(|again| again == key));
            let path = path.ok_or_else(|| StoreError::Damaged { what: "an entry has no path".to_owned() })?;
            if frozen.rows.last().is_some_and(|(last, _)| **last >= *key) {
                return Err(StoreError::Damaged { what: "entries are not in order".to_owned() }.into());
            }
            if meaning == Meaning::AcceptedIsUnknown && entry.unaccepted.is_some() {
                frozen.unknown.push(path);
            }
            if entry.state.is_some() {
                frozen.rows.push((key.into(), stored.into()));
            }
            Ok(())
        })?;
        frozen.unknown.sort();
        Ok((frozen, report))
    }

    /// How many paths it holds.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Paths that have changed from a state that is no longer known, in order.
    pub(crate) fn unknown(&self) -> &[Vec<u8>] {
        &self.unknown
    }

    /// Whether the accepted state of `path` is no longer known.
    pub(crate) fn is_unknown(&self, path: &[u8]) -> bool {
        self.unknown.binary_search_by(|known| known.as_slice().cmp(path)).is_ok()
    }

    /// Directories that it holds: what a wildcard stood for may be gone.
    pub(crate) fn directories(&self) -> Vec<Vec<u8>> {
        let is_directory = |stored: &[u8]| {
            let state = decode_entry(stored).ok().and_then(|entry| entry.state);
            state.is_some_and(|state| state.kind == FileKind::Directory)
        };
        self.rows.iter().filter(|(_, stored)| is_directory(stored)).filter_map(|(key, _)| path_of(key)).collect()
    }

    fn first_at(&self, key: &[u8]) -> usize {
        self.rows.partition_point(|(known, _)| **known < *key)
    }
}

impl BaselineView for Frozen {
    fn entry(&self, path: &[u8]) -> Result<Option<Entry>, StoreError> {
        let key = key_of(path)?;
        match self.rows.get(self.first_at(&key)) {
            Some((known, stored)) if **known == *key => decode_entry(stored).map(Some),
            _ => Ok(None),
        }
    }

    fn children(
        &self,
        directory: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Entry)>, StoreError> {
        let (mut from, to) = children(directory);
        if let Some(after) = after {
            // The next name in the order of bytes.
            from.extend_from_slice(after);
            from.push(0);
        }
        let rows = self.rows.iter().skip(self.first_at(&from)).take_while(|(key, _)| **key < *to).take(limit);
        rows.map(|(key, stored)| {
            Ok((key.get(directory.len() + 1..).unwrap_or_default().to_vec(), decode_entry(stored)?))
        })
        .collect()
    }
}
