//! Writing: everything between `begin` and `commit` happens, or nothing.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use hids_core::model::{FileNews, FileNotice, Gap, Timestamp};
use redb::{ReadableTable, WriteTransaction};
use serde::{Deserialize, Serialize};

use super::codec::{decode, decode_entry, encode, encode_entry, encode_notice};
use super::error::writing;
use super::head::{Head, Kind};
use super::processes::{self, Remembered};
use super::rows::{HEAD, Rows, Totals};
use super::shared::{Shared, WriteGuard};
use super::{ScanProgress, StoreError, paths, prune};
use crate::fim::Entry;

/// When a commit has to be on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// When `commit` returns: it survives a power loss.
    Synced,
    /// With the next synced commit. Readers see it at once; a crash takes it back.
    Deferred,
}

/// Names an open gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GapId(pub u64);

pub(super) const PROGRESS: &[u8] = b"scan progress";

/// What is about to be written. Dropped without `commit`, nothing of it happens.
pub struct WriteTxn<'s> {
    shared: &'s Shared,
    transaction: WriteTransaction,
    head: Head,
    totals: Totals,
    last_process: Option<Remembered>,
    _write_lock: WriteGuard<'s>,
}

impl std::fmt::Debug for WriteTxn<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("WriteTxn").field("head", &self.head).finish_non_exhaustive()
    }
}

impl<'s> WriteTxn<'s> {
    pub(super) fn begin(shared: &'s Shared) -> Result<Self, StoreError> {
        let write_lock = shared.write_lock();
        let (transaction, head) = shared.with(&write_lock, |opened| {
            let transaction = opened.database.begin_write().map_err(writing)?;
            let head = {
                let table = transaction.open_table(HEAD).map_err(writing)?;
                let bytes = table.get(()).map_err(writing)?;
                bytes.map_or(Ok(Head::default()), |bytes| Head::decode(&shared.macs, bytes.value()))?
            };
            Ok((transaction, head))
        })?;
        let totals = Totals { rows: head.rows, sum: head.sum(&shared.macs) };
        Ok(Self { shared, transaction, head, totals, last_process: None, _write_lock: write_lock })
    }

    pub(super) fn rows(&mut self, kind: Kind) -> Result<Rows<'_>, StoreError> {
        Rows::open(&self.transaction, kind, &self.shared.macs, &mut self.totals)
    }

    /// Puts the entry of a path in place.
    ///
    /// # Errors
    /// When the path is not whole, or the file cannot be written.
    pub fn put(&mut self, path: &[u8], entry: &Entry) -> Result<(), StoreError> {
        self.rows(Kind::Entry)?.put(&paths::key_of(path)?, &encode_entry(entry))
    }

    /// Puts many entries in place; faster than one by one, fastest in order of directories and names.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub fn put_all<'e>(&mut self, entries: impl IntoIterator<Item = (&'e [u8], &'e Entry)>) -> Result<(), StoreError> {
        let mut rows = self.rows(Kind::Entry)?;
        for (path, entry) in entries {
            rows.put(&paths::key_of(path)?, &encode_entry(entry))?;
        }
        Ok(())
    }

    /// Forgets a path; whether it was known. (A deletion that shall be remembered is an entry
    /// without state.)
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub fn remove(&mut self, path: &[u8]) -> Result<bool, StoreError> {
        self.rows(Kind::Entry)?.remove(&paths::key_of(path)?)
    }

    /// Forgets a path and everything below it, with the texts kept of it; how many entries these were.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub fn remove_subtree(&mut self, path: &[u8]) -> Result<u64, StoreError> {
        let mut removed = u64::from(self.remove(path)?);
        self.remove_text(path)?;
        for kind in [Kind::Entry, Kind::Text] {
            let mut rows = self.rows(kind)?;
            for (from, to) in paths::below(path) {
                removed += if kind == Kind::Entry { remove_range(&mut rows, &from, &to)? } else { 0 };
                if kind == Kind::Text {
                    remove_range(&mut rows, &from, &to)?;
                }
            }
        }
        Ok(removed)
    }

    /// The entry of a path, with what this update has written.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub fn entry(&mut self, path: &[u8]) -> Result<Option<Entry>, StoreError> {
        let key = paths::key_of(path)?;
        self.rows(Kind::Entry)?.value(&key)?.map(|value| decode_entry(&value)).transpose()
    }

    /// Adds a piece of news to the history and to the outbox; its number.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn notice(&mut self, time: Timestamp, alerted: bool, news: FileNews) -> Result<u64, StoreError> {
        self.head.last_sequence += 1;
        let notice = FileNotice { sequence: self.head.last_sequence, time, alerted, news };
        let key = notice.sequence.to_be_bytes();
        let mut last = self.last_process.take();
        let value = {
            let mut rows = self.rows(Kind::Process)?;
            encode_notice(&notice, |who| processes::remember(&mut rows, who, notice.sequence, &mut last))?
        };
        self.last_process = last;
        self.rows(Kind::Notice)?.put(&key, &value)?;
        if let Some(path) = subject(&notice.news) {
            self.rows(Kind::History)?.put(&[path, b"\0", &key].concat(), b"")?;
        }
        Ok(notice.sequence)
    }

    /// Gives no number up to `sequence` to a notice: those were used before a power loss took them back.
    pub fn skip_to(&mut self, sequence: u64) {
        self.head.last_sequence = self.head.last_sequence.max(sequence);
    }

    /// Remembers a gap until it is closed.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn open_gap(&mut self, gap: &Gap) -> Result<GapId, StoreError> {
        self.head.last_gap += 1;
        let id = self.head.last_gap;
        self.rows(Kind::Gap)?.put(&id.to_be_bytes(), &encode(gap))?;
        Ok(GapId(id))
    }

    /// Closes a gap; as it is then, to be told with a notice. `None` when it was not open.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn close_gap(&mut self, id: GapId, closed: Timestamp, found: u64) -> Result<Option<Gap>, StoreError> {
        let mut rows = self.rows(Kind::Gap)?;
        let key = id.0.to_be_bytes();
        let Some(value) = rows.value(&key)? else { return Ok(None) };
        rows.remove(&key)?;
        let gap: Gap = decode(&value, "a gap")?;
        Ok(Some(Gap { closed: Some(closed), found, ..gap }))
    }

    /// Gaps that are open, oldest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn open_gaps(&mut self) -> Result<Vec<(GapId, Gap)>, StoreError> {
        self.rows(Kind::Gap)?.rows(&[], &[0xff; 9], usize::MAX)?.iter().map(gap_of).collect()
    }

    /// Keeps the text of a file for the next diff; whether it was kept (else it is longer than the
    /// limit, and an older one is forgotten).
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub fn set_text(&mut self, path: &[u8], text: &[u8]) -> Result<bool, StoreError> {
        if text.len() > self.shared.limits.text_bytes {
            self.remove_text(path)?;
            return Ok(false);
        }
        let key = paths::key_of(path)?;
        self.rows(Kind::Text)?.put(&key, &compress(text))?;
        Ok(true)
    }

    /// Forgets the text of a file; whether there was one.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub fn remove_text(&mut self, path: &[u8]) -> Result<bool, StoreError> {
        self.rows(Kind::Text)?.remove(&paths::key_of(path)?)
    }

    /// The text that was kept of a file.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub fn text(&mut self, path: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let key = paths::key_of(path)?;
        let limit = self.shared.limits.text_bytes;
        self.rows(Kind::Text)?.value(&key)?.map(|value| decompress(&value, limit)).transpose()
    }

    /// Remembers where a scan stands; `None` = no scan is under way.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn set_progress(&mut self, progress: Option<&ScanProgress>) -> Result<(), StoreError> {
        let mut rows = self.rows(Kind::Metadata)?;
        match progress {
            Some(progress) => rows.put(PROGRESS, &encode(progress)),
            None => rows.remove(PROGRESS).map(drop),
        }
    }

    /// Where the last scan stands, if it did not end.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn progress(&mut self) -> Result<Option<ScanProgress>, StoreError> {
        self.rows(Kind::Metadata)?.value(PROGRESS)?.map(|value| decode(&value, "the progress of a scan")).transpose()
    }

    /// Remembers any small value under a name, for instance the totals of the last scan.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn set_metadata(&mut self, name: &str, value: &[u8]) -> Result<(), StoreError> {
        self.rows(Kind::Metadata)?.put(&metadata_key(name), value)
    }

    /// The value under a name.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn metadata(&mut self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.rows(Kind::Metadata)?.value(&metadata_key(name))
    }

    /// Forgets the oldest notices beyond the limits, at most `most` in one go, and none after
    /// `committed` (those are not alerted yet); how many were forgotten.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn prune(&mut self, committed: u64, now: Timestamp, most: usize) -> Result<u64, StoreError> {
        let oldest = now.minus(self.shared.limits.history_age);
        let kept = self.shared.limits.history_notices;
        let surplus = self.totals.rows[Kind::Notice as usize].saturating_sub(kept);
        let old = prune::oldest(&mut self.rows(Kind::Notice)?, committed, oldest, surplus, most)?;
        prune::forget(self, &old)?;
        Ok(old.len() as u64)
    }

    /// Makes it happen; the number of the commit.
    ///
    /// # Errors
    /// When the file cannot be written: nothing of this update happened, and the store is as before.
    pub fn commit(self, durability: Durability) -> Result<u64, StoreError> {
        let Self { shared, mut transaction, mut head, totals, .. } = self;
        head.rows = totals.rows;
        let head = head.next(&shared.macs, totals.sum);
        transaction.open_table(HEAD).map_err(writing)?.insert((), head.encode().as_slice()).map_err(writing)?;
        transaction.set_durability(match durability {
            Durability::Synced => redb::Durability::Immediate,
            Durability::Deferred => redb::Durability::None,
        });
        transaction.set_two_phase_commit(true);
        transaction.commit().map_err(writing)?;
        if durability == Durability::Synced {
            shared.anchor(&head);
        }
        Ok(head.commit)
    }
}

/// The path that a piece of news is about.
pub(super) fn subject(news: &FileNews) -> Option<&[u8]> {
    match news {
        FileNews::Change(change) => Some(&change.path),
        FileNews::Refusal(refusal) => Some(&refusal.path),
        _ => None,
    }
}

pub(super) fn metadata_key(name: &str) -> Vec<u8> {
    [b"fact ", name.as_bytes()].concat()
}

pub(super) fn gap_of((key, value): &(Vec<u8>, Vec<u8>)) -> Result<(GapId, Gap), StoreError> {
    let id = <[u8; 8]>::try_from(key.as_slice())
        .map_err(|_| StoreError::Damaged { what: "a gap has no number".to_owned() })?;
    Ok((GapId(u64::from_be_bytes(id)), decode(value, "a gap")?))
}

/// In pieces, so that a large subtree is never held in memory.
fn remove_range(rows: &mut Rows<'_>, from: &[u8], to: &[u8]) -> Result<u64, StoreError> {
    let mut removed = 0;
    loop {
        let keys = rows.keys(from, to, 1024)?;
        for key in &keys {
            removed += u64::from(rows.remove(key)?);
        }
        if keys.is_empty() {
            return Ok(removed);
        }
    }
}

fn compress(text: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    // Memory takes every write.
    let _ = encoder.write_all(text);
    encoder.finish().unwrap_or_default()
}

pub(super) fn decompress(bytes: &[u8], limit: usize) -> Result<Vec<u8>, StoreError> {
    let mut text = Vec::new();
    ZlibDecoder::new(bytes)
        .take(limit as u64)
        .read_to_end(&mut text)
        .map_err(|_| StoreError::Damaged { what: "a kept text cannot be unpacked".to_owned() })?;
    Ok(text)
}
