//! Reading what is committed, from any number of threads.

use std::collections::VecDeque;
use std::sync::Arc;

use hids_core::model::{FileNotice, Gap};
use redb::ReadTransaction;

use super::codec::decode_entry;
use super::error::reading;
use super::head::{Head, Kind};
use super::processes::Notices;
use super::rows::{GapId, gap_of, metadata_key, open_table, path_of_entry, value_of};
use super::shared::{Shared, head};
use super::{StoreError, paths};
use crate::fim::{BaselineView, Entry};

/// Entries that an iterator reads at one time.
const CHUNK: usize = 512;

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StoreCounts {
    /// Paths known, deleted ones that are remembered among them.
    pub entries: u64,
    /// Notices kept.
    pub notices: u64,
    /// Gaps open.
    pub gaps: u64,
    /// Processes that notices name.
    pub processes: u64,
    /// Number of the last notice ever written.
    pub last_sequence: u64,
    /// Number of the last commit.
    pub commit: u64,
}

/// What is committed. Each call reads one state; a later call may read a newer one.
#[derive(Clone, Debug)]
pub(crate) struct StoreView {
    shared: Arc<Shared>,
}

impl StoreView {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    fn row<T>(
        &self,
        kind: Kind,
        key: &[u8],
        decode: impl Fn(&[u8]) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        self.shared.read(|transaction| {
            let stored = open_table(transaction, kind)?.get(key).map_err(reading)?;
            stored.map(|stored| decode(value_of(stored.value())?)).transpose()
        })
    }

    fn rows<T>(
        &self,
        kind: Kind,
        (from, to): (&[u8], &[u8]),
        limit: usize,
        decode: impl Fn(&[u8], &[u8]) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        self.shared.read(|transaction| {
            let mut rows = Vec::new();
            if from >= to {
                return Ok(rows);
            }
            for row in open_table(transaction, kind)?.range::<&[u8]>(from..to).map_err(reading)?.take(limit) {
                let (key, stored) = row.map_err(reading)?;
                rows.push(decode(key.value(), value_of(stored.value())?)?);
            }
            Ok(rows)
        })
    }

    /// Notices after `sequence`, oldest first; of those only that are on the disk, since what is handed
    /// on must not be taken back by a crash.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn notices_after(&self, sequence: u64, limit: usize) -> Result<Vec<FileNotice>, StoreError> {
        let from = sequence.saturating_add(1).to_be_bytes();
        let last = self.shared.synced().to_be_bytes();
        if from > last {
            return Ok(Vec::new());
        }
        self.shared.read(|transaction| {
            let notices = Notices::open(transaction)?;
            let range = notices.table.range::<&[u8]>(from.as_slice()..=last.as_slice()).map_err(reading)?;
            range.take(limit).map(|row| notices.decode(row.map_err(reading)?.1.value())).collect()
        })
    }

    /// The notice of this number, if it is kept.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn notice(&self, sequence: u64) -> Result<Option<FileNotice>, StoreError> {
        self.shared.read(|transaction| {
            let notices = Notices::open(transaction)?;
            let row = notices.table.get(sequence.to_be_bytes().as_slice()).map_err(reading)?;
            row.map(|row| notices.decode(row.value())).transpose()
        })
    }

    /// What happened to `path`, newest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn history(&self, path: &[u8], limit: usize) -> Result<Vec<FileNotice>, StoreError> {
        let (from, to) = paths::children(path);
        self.shared.read(|transaction| {
            let notices = Notices::open(transaction)?;
            let index = open_table(transaction, Kind::History)?;
            let range = index.range::<&[u8]>(from.as_slice()..to.as_slice()).map_err(reading)?;
            let mut found = Vec::new();
            for row in range.rev().take(limit) {
                let (key, _) = row.map_err(reading)?;
                let sequence = key.value().get(path.len() + 1..).unwrap_or_default();
                if let Some(stored) = notices.table.get(sequence).map_err(reading)? {
                    found.push(notices.decode(stored.value())?);
                }
            }
            Ok(found)
        })
    }

    /// A path and everything below it, in the store's order.
    ///
    /// # Errors
    /// When the path is not whole.
    pub(crate) fn subtree(&self, path: &[u8]) -> Result<Subtree, StoreError> {
        let own = paths::key_of(path)?;
        let after = [own.as_slice(), b"\0"].concat();
        let ranges = std::iter::once((own, after)).chain(paths::below(path)).collect();
        Ok(Subtree { view: self.clone(), ranges, ready: VecDeque::new() })
    }

    /// What [`subtree`](Self::subtree) gives after `after`, a path that it gave earlier.
    ///
    /// # Errors
    /// When a path is not whole.
    pub(crate) fn subtree_after(&self, path: &[u8], after: &[u8]) -> Result<Subtree, StoreError> {
        let mut rest = self.subtree(path)?;
        let next = [paths::key_of(after)?.as_slice(), b"\0"].concat();
        while rest.ranges.front().is_some_and(|(_, to)| *to <= next) {
            rest.ranges.pop_front();
        }
        if let Some((from, _)) = rest.ranges.front_mut().filter(|(from, _)| *from < next) {
            *from = next;
        }
        Ok(rest)
    }

    #[cfg(test)]
    /// All entries, in the store's order.
    pub(crate) fn entries(&self) -> Subtree {
        let all = VecDeque::from([(Vec::new(), vec![0xff])]);
        Subtree { view: self.clone(), ranges: all, ready: VecDeque::new() }
    }

    /// One moment of everything, for as long as it is held: the file grows meanwhile.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let transaction = self.shared.begin_read()?;
        let head = head(&self.shared.macs, &transaction)?;
        Ok(Snapshot { transaction, head })
    }

    /// Gaps that are open, oldest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn open_gaps(&self) -> Result<Vec<(GapId, Gap)>, StoreError> {
        self.rows(Kind::Gap, (&[], &[0xff; 9]), usize::MAX, |key, value| gap_of(&(key.to_vec(), value.to_vec())))
    }

    /// The value that was remembered under a name.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn metadata(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.row(Kind::Metadata, &metadata_key(name), |value| Ok(value.to_vec()))
    }

    /// How much there is.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn counts(&self) -> Result<StoreCounts, StoreError> {
        let head = self.shared.read(|transaction| head(&self.shared.macs, transaction))?;
        Ok(StoreCounts {
            entries: head.rows[Kind::Entry as usize],
            notices: head.rows[Kind::Notice as usize],
            gaps: head.rows[Kind::Gap as usize],
            processes: head.rows[Kind::Process as usize],
            last_sequence: head.last_sequence,
            commit: head.commit,
        })
    }
}

impl BaselineView for StoreView {
    fn entry(&self, path: &[u8]) -> Result<Option<Entry>, StoreError> {
        self.row(Kind::Entry, &paths::key_of(path)?, decode_entry)
    }

    fn children(
        &self,
        directory: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Entry)>, StoreError> {
        let (mut from, to) = paths::children(directory);
        if let Some(after) = after {
            // The next name in the order of bytes.
            from.extend_from_slice(after);
            from.push(0);
        }
        self.rows(Kind::Entry, (&from, &to), limit, |key, value| {
            let name = key.get(directory.len() + 1..).unwrap_or_default();
            Ok((name.to_vec(), decode_entry(value)?))
        })
    }
}

/// Entries of a subtree, read piece by piece: what is committed meanwhile may be seen or not.
#[derive(Debug)]
pub(crate) struct Subtree {
    view: StoreView,
    ranges: VecDeque<(Vec<u8>, Vec<u8>)>,
    ready: VecDeque<(Vec<u8>, Entry)>,
}

impl Subtree {
    /// The next piece; false when there is none.
    fn refill(&mut self) -> Result<bool, StoreError> {
        while let Some((from, to)) = self.ranges.pop_front() {
            let rows = self
                .view
                .rows(Kind::Entry, (&from, &to), CHUNK, |key, value| Ok((path_of_entry(key)?, decode_entry(value)?)))?;
            if let Some((path, _)) = rows.last().filter(|_| rows.len() == CHUNK) {
                let next = [paths::key_of(path)?.as_slice(), b"\0"].concat();
                self.ranges.push_front((next, to));
            }
            self.ready.extend(rows);
            if !self.ready.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Iterator for Subtree {
    type Item = Result<(Vec<u8>, Entry), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ready.is_empty() {
            match self.refill() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    self.ranges.clear();
                    return Some(Err(error));
                }
            }
        }
        self.ready.pop_front().map(Ok)
    }
}

/// What was committed when it was taken. While it is held the file cannot reuse its pages.
pub(crate) struct Snapshot {
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
    /// Number of the commit.
    pub(crate) fn commit(&self) -> u64 {
        self.head.commit
    }

    /// MAC of the commit's head.
    pub(crate) fn head(&self) -> &[u8; 32] {
        &self.head.mac
    }

    /// All entries in the order of keys, as they are stored.
    pub(in crate::fim) fn entries(
        &self,
    ) -> Result<impl Iterator<Item = Result<StoredEntry, StoreError>> + use<>, StoreError> {
        let range = open_table(&self.transaction, Kind::Entry)?.range::<&[u8]>(..).map_err(reading)?;
        Ok(range.map(|row| {
            let (key, stored) = row.map_err(reading)?;
            Ok((key.value().to_vec(), value_of(stored.value())?.to_vec()))
        }))
    }
}
