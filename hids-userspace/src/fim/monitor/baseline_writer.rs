//! The only writer of the baseline: transactions, syncing, retention, and what to do when a write fails.
//!
//! A failed write loses its transaction, and nothing else. It is logged once, the store is tried again every
//! [`RETRY_AFTER`], and whoever called learns of it: [`BaselineWriter::retry_if_due`] says when the store works
//! again, and the caller has everything scanned then. See `docs/design/fim.md`.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use hids_core::model::FimEvent;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::notifier;
use super::status::Status;
use crate::fim::store::{Durability, Store, StoreError, StoreView, WriteTxn};
use crate::platform::clock;
use crate::platform::error_chain::error_chain;

/// How long to wait before a store that failed is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// Rows that are not on the disk after which a commit is synced, although nothing is to be reported.
const MAX_UNSYNCED_ROWS: u64 = 20_000;
/// The longest time until rows are on the disk of which nothing is to be reported.
const SYNC_INTERVAL: Duration = Duration::from_secs(5);
/// How often old records are removed.
const PRUNE_INTERVAL: Duration = Duration::from_secs(60);
/// Records removed in one transaction.
const PRUNE_BATCH: usize = 20_000;

/// When the rows of a transaction have to be on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flush {
    /// When the transaction returns.
    Now,
    /// Within [`SYNC_INTERVAL`]; a crash before that takes the transaction back.
    Later {
        /// Rows written.
        rows: u64,
    },
}

/// The store works again after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recovery {
    /// With the baseline that it had.
    Resumed,
    /// The baseline was damaged and is kept aside; the new one is empty.
    Recreated,
}

/// See the module.
#[derive(Debug)]
pub(super) struct BaselineWriter {
    store: Arc<Store>,
    view: StoreView,
    status: Arc<Status>,
    /// Wakes the thread that sends records to the rules.
    notifier: Sender<()>,
    /// Rows since the last commit that was synced.
    unsynced: u64,
    next_sync: Instant,
    next_prune: Instant,
    /// Failures so far.
    failures: u64,
    /// When to try again after a failure.
    retry_at: Option<Instant>,
    /// What is damaged, if the baseline has to be recreated.
    damage: Option<String>,
}

impl BaselineWriter {
    pub(super) fn new(store: Arc<Store>, status: Arc<Status>, notifier: Sender<()>) -> Self {
        let (view, now) = (store.view(), Instant::now());
        Self {
            store,
            view,
            status,
            notifier,
            unsynced: 0,
            next_sync: now,
            next_prune: now,
            failures: 0,
            retry_at: None,
            damage: None,
        }
    }

    /// What is committed.
    pub(super) const fn view(&self) -> &StoreView {
        &self.view
    }

    /// How often the store has failed: who compares it with an earlier value learns whether something was lost.
    pub(super) const fn failures(&self) -> u64 {
        self.failures
    }

    /// Whether the store failed and has not been tried again.
    pub(super) const fn is_failing(&self) -> bool {
        self.retry_at.is_some()
    }

    /// When [`retry_if_due`](Self::retry_if_due) has something to do.
    pub(super) const fn retry_at(&self) -> Option<Instant> {
        self.retry_at
    }

    /// Runs `work` in one transaction. An error is the caller's to handle: nothing of the transaction happened.
    pub(super) fn transact<T>(
        &mut self,
        work: impl FnOnce(&mut WriteTxn<'_>) -> Result<(T, Flush), StoreError>,
    ) -> Result<T, StoreError> {
        let mut txn = self.store.begin()?;
        let (done, flush) = work(&mut txn)?;
        let unsynced = match flush {
            Flush::Now => MAX_UNSYNCED_ROWS,
            Flush::Later { rows } => self.unsynced.saturating_add(rows),
        };
        let is_synced = unsynced >= MAX_UNSYNCED_ROWS;
        let has_records = txn.has_records();
        txn.commit(if is_synced { Durability::Synced } else { Durability::Deferred })?;
        self.unsynced = if is_synced { 0 } else { unsynced };
        if has_records {
            self.wake_notifier();
        }
        Ok(done)
    }

    /// The same, synced.
    pub(super) fn transact_synced<T>(
        &mut self,
        work: impl FnOnce(&mut WriteTxn<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.transact(|txn| Ok((work(txn)?, Flush::Now)))
    }

    /// Runs `work` in one transaction; `None` after a failure, which is noted.
    pub(super) fn write<T>(
        &mut self,
        work: impl FnOnce(&mut WriteTxn<'_>) -> Result<(T, Flush), StoreError>,
    ) -> Option<T> {
        let done = self.transact(work);
        self.checked(done)
    }

    /// The same, synced.
    pub(super) fn write_synced<T>(
        &mut self,
        work: impl FnOnce(&mut WriteTxn<'_>) -> Result<T, StoreError>,
    ) -> Option<T> {
        let done = self.transact_synced(work);
        self.checked(done)
    }

    /// The result of an operation on the store; a failure is noted.
    pub(super) fn checked<T>(&mut self, result: Result<T, StoreError>) -> Option<T> {
        match result {
            Ok(done) => Some(done),
            Err(error) => {
                self.note_failure(&error);
                None
            }
        }
    }

    /// The store could not be read or written: logged once, tried again later.
    pub(super) fn note_failure(&mut self, error: &StoreError) {
        self.failures += 1;
        let text = error_chain(error);
        let mut lists = self.status.lists();
        if lists.trouble.is_none() {
            tracing::error!(
                why = %text,
                consequence = "file changes are not reported until the baseline can be written",
                help = "free disk space, or run hidsctl fim verify",
                "cannot use the file integrity baseline"
            );
        }
        lists.trouble = Some(text);
        drop(lists);
        if let StoreError::Damaged { what } = error {
            self.damage = Some(what.clone());
        }
        self.retry_at = Some(Instant::now() + RETRY_AFTER);
    }

    /// Tries the store again after a failure; whether it works now.
    pub(super) fn retry_if_due(&mut self, now: Instant) -> Option<Recovery> {
        if self.retry_at.is_none_or(|at| at > now) {
            return None;
        }
        self.retry_at = None;
        let tried = match self.damage.take() {
            Some(what) => self.recreate(&what).map(|()| Recovery::Recreated),
            None => self.transact_synced(|_| Ok(Recovery::Resumed)),
        };
        let recovery = self.checked(tried)?;
        self.status.lists().trouble = None;
        tracing::info!("the file integrity baseline can be used again; comparing all files with it");
        Some(recovery)
    }

    /// Keeps a damaged baseline aside and begins an empty one.
    fn recreate(&mut self, what: &str) -> Result<(), StoreError> {
        // Numbers of records that were sent must not be used again; records that were not sent are lost.
        let last = self.view.counts().map_or(0, |counts| counts.last_sequence).max(self.status.sent.load(Relaxed));
        let damage = self.store.recreate(what)?;
        tracing::error!(
            what = %damage.what,
            help = "check the disk for errors and the host for an intruder",
            "the file integrity baseline was damaged"
        );
        self.transact_synced(|txn| {
            txn.skip_to(last);
            txn.notice(clock::now(), true, FimEvent::Damage(damage)).map(drop)
        })?;
        self.status.lists().gaps.clear();
        Ok(())
    }

    /// Adds events to the history, to be reported to the rules.
    pub(super) fn report(&mut self, events: Vec<FimEvent>) {
        self.write_synced(|txn| {
            for event in events {
                txn.notice(clock::now(), true, event)?;
            }
            Ok(())
        });
    }

    /// Syncs what has been committed, so that a crash does not take it back.
    pub(super) fn sync_if_due(&mut self, now: Instant) {
        if self.unsynced == 0 || now < self.next_sync || self.is_failing() {
            return;
        }
        self.write_synced(|_| Ok(()));
        self.next_sync = Instant::now() + SYNC_INTERVAL;
    }

    /// Removes records that are older, or more, than the limits of the store allow.
    pub(super) fn prune_if_due(&mut self, now: Instant) {
        if now < self.next_prune {
            return;
        }
        self.next_prune = now + PRUNE_INTERVAL;
        // What was sent last may not be recorded yet.
        let sent = self.status.sent.load(Relaxed).saturating_sub(notifier::MAX_IN_FLIGHT);
        let pruned = self.write(|txn| Ok((txn.prune(sent, clock::now(), PRUNE_BATCH)?, Flush::Later { rows: 0 })));
        if pruned.is_some_and(|pruned| pruned as usize >= PRUNE_BATCH) {
            self.next_prune = now;
        }
    }

    /// Syncs at the end of the run, and lets the notifier send what is left.
    pub(super) fn close(&mut self) {
        if let Err(error) = self.transact_synced(|_| Ok(())) {
            tracing::warn!(%error, "the last baseline entries could not be synced; their files are compared again");
        }
        self.wake_notifier();
    }

    /// The value that was saved under a name; `None` also for one that cannot be read.
    pub(super) fn load<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let bytes = self.view.metadata(name).ok().flatten()?;
        postcard::from_bytes(&bytes).ok()
    }

    fn wake_notifier(&self) {
        // Full: it has been woken already.
        let _ = self.notifier.try_send(());
    }
}

/// Saves a value under a name.
pub(super) fn save<T: Serialize>(txn: &mut WriteTxn<'_>, name: &str, value: &T) -> Result<(), StoreError> {
    // Plain values can always be encoded into memory.
    txn.set_metadata(name, &postcard::to_stdvec(value).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt as _;

    use hids_core::model::Protection;

    use super::super::testing::Baseline;
    use super::*;
    use crate::fim::store::StoreLimits;
    use crate::fim::{BaselineView as _, Entry};

    fn protection() -> FimEvent {
        FimEvent::Protection(Protection { enforced: true, reason: "test".to_owned(), uid: None })
    }

    #[test]
    fn what_is_reported_is_synced_and_wakes_the_notifier_and_other_rows_do_not() {
        let mut baseline = Baseline::new();
        let (writer, woken) = (&mut baseline.writer, &baseline.woken);
        let put = |txn: &mut WriteTxn<'_>| txn.put(b"/a", &Entry::default());
        writer.write(|txn| Ok((put(txn)?, Flush::Later { rows: 1 }))).expect("written");
        assert!(woken.try_recv().is_err() && writer.unsynced == 1);
        writer.report(vec![protection()]);
        assert!(woken.try_recv().is_ok() && writer.unsynced == 0);
        assert_eq!(writer.view().notices_after(0, 9).expect("readable").len(), 1);
    }

    #[test]
    fn rows_that_nobody_waits_for_are_synced_after_a_number_and_after_a_time() {
        let mut baseline = Baseline::new();
        let writer = &mut baseline.writer;
        let later = |writer: &mut BaselineWriter, rows| writer.write(|_| Ok(((), Flush::Later { rows })));
        later(writer, MAX_UNSYNCED_ROWS - 1).expect("written");
        assert_eq!(writer.unsynced, MAX_UNSYNCED_ROWS - 1);
        later(writer, 1).expect("written");
        assert_eq!(writer.unsynced, 0);
        later(writer, 1).expect("written");
        writer.next_sync = Instant::now() + SYNC_INTERVAL;
        writer.sync_if_due(Instant::now());
        assert_eq!(writer.unsynced, 1, "synced too early");
        writer.sync_if_due(Instant::now() + SYNC_INTERVAL);
        assert_eq!(writer.unsynced, 0);
    }

    #[test]
    fn a_failed_transaction_changes_nothing_and_is_tried_again_after_a_while() {
        let mut baseline = Baseline::new();
        let writer = &mut baseline.writer;
        let failed = writer.write_synced(|txn| {
            txn.put(b"/a", &Entry::default())?;
            txn.put(b"not absolute", &Entry::default())
        });
        assert_eq!((failed, writer.failures(), writer.is_failing()), (None, 1, true));
        assert_eq!(writer.view().entry(b"/a").expect("readable"), None);
        assert!(writer.status.lists().trouble.is_some());
        let now = Instant::now();
        assert_eq!(writer.retry_if_due(now), None);
        assert_eq!(writer.retry_if_due(now + RETRY_AFTER), Some(Recovery::Resumed));
        assert!(writer.status.lists().trouble.is_none() && !writer.is_failing());
    }

    #[test]
    fn a_damaged_baseline_is_recreated_and_no_number_is_used_twice() {
        let limits = StoreLimits { cache_bytes: 0, ..StoreLimits::default() };
        let mut baseline = Baseline::with(limits);
        let file = baseline.file();
        let writer = &mut baseline.writer;
        writer.write_synced(|txn| {
            (0..20_000).try_for_each(|number| txn.put(format!("/many/{number}").as_bytes(), &Entry::default()))
        });
        writer.report(vec![protection()]);
        writer.status.sent.store(7, Relaxed);
        let file = std::fs::OpenOptions::new().write(true).open(file).expect("opens");
        for block in 3..file.metadata().expect("there").len() / 4096 {
            file.write_all_at(&[0xaa; 64], block * 4096 + 500).expect("written");
        }
        let damaged = writer.view().entries().find_map(Result::err).expect("damaged");
        writer.note_failure(&damaged);
        assert_eq!(writer.retry_if_due(Instant::now() + RETRY_AFTER), Some(Recovery::Recreated));
        let notices = writer.view().notices_after(0, 9).expect("readable");
        assert!(matches!(notices.as_slice(), [one] if one.sequence == 8), "{notices:?}");
        assert_eq!(writer.view().counts().expect("readable").entries, 0);
    }
}
