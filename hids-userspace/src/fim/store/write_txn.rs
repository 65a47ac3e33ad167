//! Writing: everything between `begin` and `commit` happens, or nothing.

use hids_core::model::{FileNotice, FimEvent, Gap, Timestamp};
use redb::{ReadableTable as _, WriteTransaction};

use super::codec::{decode, decode_entry, decode_notice, encode, encode_entry, encode_notice};
use super::error::writing;
use super::head::{Head, Kind};
use super::processes::{self, Remembered, STAMP_STEP, stamp};
use super::rows::{GapId, HEAD, Rows, Totals, compress, decompress, metadata_key, path_of_entry};
use super::shared::{Shared, WriteGuard};
use super::{StoreError, paths};
use crate::fim::Entry;

/// When a commit has to be on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// When `commit` returns: it survives a power loss.
    Synced,
    /// With the next synced commit. Readers see it at once; a crash takes it back.
    Deferred,
}

/// What is about to be written. Dropped without `commit`, nothing of it happens.
pub(crate) struct WriteTxn<'s> {
    shared: &'s Shared,
    transaction: WriteTransaction,
    head: Head,
    totals: Totals,
    last_process: Option<Remembered>,
    has_records: bool,
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
        Ok(Self { shared, transaction, head, totals, last_process: None, has_records: false, _write_lock: write_lock })
    }

    pub(super) fn rows(&mut self, kind: Kind) -> Result<Rows<'_>, StoreError> {
        Rows::open(&self.transaction, kind, &self.shared.macs, &mut self.totals)
    }

    /// Puts the entry of a path in place.
    ///
    /// # Errors
    /// When the path is not whole, or the file cannot be written.
    pub(crate) fn put(&mut self, path: &[u8], entry: &Entry) -> Result<(), StoreError> {
        self.rows(Kind::Entry)?.put(&paths::key_of(path)?, &encode_entry(entry))
    }

    /// Puts many entries in place; faster than one by one, fastest in order of directories and names.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub(crate) fn put_all<'e>(
        &mut self,
        entries: impl IntoIterator<Item = (&'e [u8], &'e Entry)>,
    ) -> Result<(), StoreError> {
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
    pub(crate) fn remove(&mut self, path: &[u8]) -> Result<bool, StoreError> {
        self.rows(Kind::Entry)?.remove(&paths::key_of(path)?)
    }

    /// The entry of a path, with what this update has written.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub(crate) fn entry(&mut self, path: &[u8]) -> Result<Option<Entry>, StoreError> {
        let key = paths::key_of(path)?;
        self.rows(Kind::Entry)?.value(&key)?.map(|value| decode_entry(&value)).transpose()
    }

    /// Entries below `directory` after the path `after`, at most `limit`, in the store's order, with what this
    /// transaction has written.
    ///
    /// # Errors
    /// When a path is not whole, or the file cannot be read.
    pub(crate) fn entries_below(
        &mut self,
        directory: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Entry)>, StoreError> {
        let next = after.map(|after| Ok([paths::key_of(after)?.as_slice(), b"\0"].concat())).transpose()?;
        let rows = self.rows(Kind::Entry)?;
        let mut entries = Vec::new();
        for (from, to) in paths::below(directory) {
            let from = next.clone().map_or(from.clone(), |next| next.max(from));
            if from < to {
                for (key, value) in rows.rows(&from, &to, limit - entries.len())? {
                    entries.push((path_of_entry(&key)?, decode_entry(&value)?));
                }
            }
        }
        Ok(entries)
    }

    /// Whether this transaction holds a record that is to be sent to the rules.
    pub(crate) const fn has_records(&self) -> bool {
        self.has_records
    }

    /// Adds an event to the history and to what is sent to the rules; its number.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn notice(&mut self, time: Timestamp, alerted: bool, news: FimEvent) -> Result<u64, StoreError> {
        self.head.last_sequence += 1;
        self.has_records = true;
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
    pub(crate) fn skip_to(&mut self, sequence: u64) {
        self.head.last_sequence = self.head.last_sequence.max(sequence);
    }

    /// Remembers a gap until it is closed.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn open_gap(&mut self, gap: &Gap) -> Result<GapId, StoreError> {
        self.head.last_gap += 1;
        let id = self.head.last_gap;
        self.rows(Kind::Gap)?.put(&id.to_be_bytes(), &encode(gap))?;
        Ok(GapId(id))
    }

    /// Closes a gap; as it is then, to be told with a notice. `None` when it was not open.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn close_gap(&mut self, id: GapId, closed: Timestamp, found: u64) -> Result<Option<Gap>, StoreError> {
        let mut rows = self.rows(Kind::Gap)?;
        let key = id.0.to_be_bytes();
        let Some(value) = rows.value(&key)? else { return Ok(None) };
        rows.remove(&key)?;
        let gap: Gap = decode(&value, "a gap")?;
        Ok(Some(Gap { closed: Some(closed), found, ..gap }))
    }

    /// Keeps the text of a file for the next diff; whether it was kept (else it is longer than the
    /// limit, and an older one is forgotten).
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub(crate) fn set_text(&mut self, path: &[u8], text: &[u8]) -> Result<bool, StoreError> {
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
    pub(crate) fn remove_text(&mut self, path: &[u8]) -> Result<bool, StoreError> {
        self.rows(Kind::Text)?.remove(&paths::key_of(path)?)
    }

    /// The text that was kept of a file.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub(crate) fn text(&mut self, path: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let key = paths::key_of(path)?;
        let limit = self.shared.limits.text_bytes;
        self.rows(Kind::Text)?.value(&key)?.map(|value| decompress(&value, limit)).transpose()
    }

    /// Remembers any small value under a name, for instance the totals of the last scan.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn set_metadata(&mut self, name: &str, value: &[u8]) -> Result<(), StoreError> {
        self.rows(Kind::Metadata)?.put(&metadata_key(name), value)
    }

    /// Removes the oldest records beyond the limits, at most `most` in one go, and none after `committed` (those
    /// have not been alerted); how many were removed.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn prune(&mut self, committed: u64, now: Timestamp, most: usize) -> Result<u64, StoreError> {
        let oldest = now.minus(self.shared.limits.history_age);
        let kept = self.shared.limits.history_notices;
        let surplus = self.totals.rows[Kind::Notice as usize].saturating_sub(kept);
        let expired = expired(&self.rows(Kind::Notice)?, committed, oldest, surplus, most)?;
        self.remove_notices(&expired)?;
        Ok(expired.len() as u64)
    }

    /// Removes records, with their rows in the index and processes that no record names any more.
    fn remove_notices(&mut self, expired: &[Expired]) -> Result<(), StoreError> {
        let (Some(first), Some(last)) = (expired.first(), expired.last()) else { return Ok(()) };
        let mut rows = self.rows(Kind::Notice)?;
        for notice in expired {
            rows.remove(&notice.sequence.to_be_bytes())?;
        }
        drop(rows);
        let mut rows = self.rows(Kind::History)?;
        for notice in expired {
            if let Some(path) = &notice.path {
                rows.remove(&[path.as_slice(), b"\0", &notice.sequence.to_be_bytes()].concat())?;
            }
        }
        drop(rows);
        if first.sequence / STAMP_STEP != (last.sequence + 1) / STAMP_STEP {
            remove_processes(&mut self.rows(Kind::Process)?, last.sequence)?;
        }
        Ok(())
    }

    /// Makes it happen; the number of the commit.
    ///
    /// # Errors
    /// When the file cannot be written: nothing of this update happened, and the store is as before.
    pub(crate) fn commit(self, durability: Durability) -> Result<u64, StoreError> {
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

/// A record to be removed.
struct Expired {
    sequence: u64,
    path: Option<Vec<u8>>,
}

/// The oldest `surplus` records, and all before `oldest`; none after `committed`, at most `most`.
fn expired(
    rows: &Rows<'_>,
    committed: u64,
    oldest: Timestamp,
    surplus: u64,
    most: usize,
) -> Result<Vec<Expired>, StoreError> {
    let end = committed.saturating_add(1).to_be_bytes();
    let mut expired = Vec::new();
    for (_, value) in rows.rows(&[], &end, most)? {
        let notice = decode_notice(&value, |_| Ok(None))?;
        if expired.len() as u64 >= surplus && notice.time >= oldest {
            break;
        }
        expired.push(Expired { sequence: notice.sequence, path: subject(&notice.news).map(<[u8]>::to_vec) });
    }
    Ok(expired)
}

/// Removes processes that were named last by records up to `last`.
fn remove_processes(rows: &mut Rows<'_>, last: u64) -> Result<(), StoreError> {
    let mut from = Vec::new();
    loop {
        let processes = rows.rows(&from, &[0xff; 17], 512)?;
        let Some((key, _)) = processes.last() else { return Ok(()) };
        from = [key.as_slice(), b"\0"].concat();
        for (key, value) in &processes {
            if stamp(value).is_some_and(|stamp| stamp + STAMP_STEP <= last) {
                rows.remove(key)?;
            }
        }
    }
}

/// The path that an event is about.
fn subject(news: &FimEvent) -> Option<&[u8]> {
    match news {
        FimEvent::Change(change) => Some(&change.path),
        FimEvent::Refusal(refusal) => Some(&refusal.path),
        _ => None,
    }
}
