//! Where events may be missing: opened, told, scanned, closed.

use std::sync::atomic::Ordering::Relaxed;

use hids_core::model::{FileNews, Gap, GapCause};

use super::event_loop::Monitor;
use super::scan_queue::{Cause, RunningScan, Wanted, holds};
use crate::fim::clock;
use crate::fim::scan::ScanDepth;
use crate::fim::store::{Durability, GapId, StoreError};

impl Monitor {
    /// Events below `subtree` may be missing. A scan that has not begun and will see all of it is enough
    /// for many such news: they are told once.
    pub(super) fn open_gap(&mut self, subtree: Vec<u8>, cause: GapCause) {
        if self.scans.waiting_gap_scan(&subtree).is_some() {
            return;
        }
        if self.scans.waiting().any(|wanted| wanted.cause == Cause::First && wanted.covers(&subtree)) {
            return;
        }
        // What a tree without a baseline has missed is no news, but has to get into the baseline.
        let is_beginning = cause == GapCause::Unmarked && self.added.remove(&subtree);
        if is_beginning || !self.has_baseline(&subtree) {
            self.scan_gap(subtree, Vec::new());
            return;
        }
        let gap = Gap { subtree: subtree.clone(), cause, opened: clock::now(), closed: None, found: 0 };
        let id = match self.write_gap(&gap) {
            Ok(id) => vec![id],
            Err(error) => {
                self.store_failed(&error);
                Vec::new()
            }
        };
        if cause != GapCause::DaemonDown {
            tracing::warn!(
                subtree = %hids_core::render::visible_string(&subtree),
                cause = cause.name(),
                "changes of files may have been missed; the files there are compared with the baseline now"
            );
        }
        self.scan_gap(subtree, id);
    }

    /// Scans `subtree` to close `gaps`.
    pub(super) fn scan_gap(&mut self, subtree: Vec<u8>, gaps: Vec<GapId>) {
        let number = self.scans.next_number();
        let mut wanted = Wanted::new(number, Cause::Gap, vec![subtree], ScanDepth::Changed);
        wanted.gaps = gaps;
        self.scans.want(wanted);
    }

    /// Whether a tree that holds `subtree`, or lies in it, has been scanned to its end.
    fn has_baseline(&self, subtree: &[u8]) -> bool {
        let watches = self.policy.watches().iter().filter(|watch| self.baselined.contains(&watch.root));
        watches.into_iter().any(|watch| holds(&watch.root, subtree) || holds(subtree, &watch.root))
    }

    fn write_gap(&mut self, gap: &Gap) -> Result<GapId, StoreError> {
        let store = std::sync::Arc::clone(&self.store);
        let mut update = store.begin()?;
        let id = update.open_gap(gap)?;
        // That it was down is no news: whoever restarts a daemon knows.
        update.notice(gap.opened, gap.cause != GapCause::DaemonDown, FileNews::Gap(gap.clone()))?;
        update.commit(Durability::Synced)?;
        self.shared.lists().gaps.push((id, gap.clone()));
        self.wake_outbox();
        Ok(id)
    }

    /// The scan that was to close its gaps has ended.
    pub(super) fn close_gaps(&mut self, scan: &RunningScan, complete: bool) {
        if scan.wanted.gaps.is_empty() {
            return;
        }
        if !complete {
            let mut again =
                Wanted::new(self.scans.next_number(), Cause::Gap, scan.wanted.subtrees.clone(), scan.wanted.depth);
            again.gaps.clone_from(&scan.wanted.gaps);
            self.scans.want(again);
            return;
        }
        match self.write_closed(&scan.wanted.gaps, scan.changes) {
            Ok(closed) => _ = self.shared.gaps_closed.fetch_add(closed, Relaxed),
            Err(error) => self.store_failed(&error),
        }
    }

    fn write_closed(&mut self, gaps: &[GapId], found: u64) -> Result<u64, StoreError> {
        let store = std::sync::Arc::clone(&self.store);
        let mut update = store.begin()?;
        let mut closed = 0;
        for id in gaps {
            if let Some(gap) = update.close_gap(*id, clock::now(), found)? {
                closed += 1;
                // After a restart only findings are news.
                let alerted = gap.cause != GapCause::DaemonDown || found > 0;
                update.notice(clock::now(), alerted, FileNews::Gap(gap))?;
            }
        }
        update.commit(Durability::Synced)?;
        self.shared.lists().gaps.retain(|(id, _)| !gaps.contains(id));
        self.wake_outbox();
        Ok(closed)
    }

    /// The store could not be read or written: told once, tried again, and everything is scanned after.
    pub(super) fn store_failed(&mut self, error: &StoreError) {
        self.failures += 1;
        let text = super::commit::error_text(error);
        let mut lists = self.shared.lists();
        if lists.trouble.is_none() {
            tracing::error!(
                why = %text,
                lost = "changes of files are not alerted until the baseline can be written",
                help = "make room on the disk, or see hidsctl fim verify",
                "the baseline of file integrity cannot be used"
            );
        }
        lists.trouble = Some(text);
        drop(lists);
        if let StoreError::Damaged { what } = error {
            self.damaged = Some(what.clone());
        }
        self.retry_store_at = Some(std::time::Instant::now() + super::event_loop::STORE_RETRY);
    }

    /// Tries the store again after a failure.
    pub(super) fn retry_store(&mut self) {
        self.retry_store_at = None;
        let store = std::sync::Arc::clone(&self.store);
        let tried = match self.damaged.take() {
            Some(what) => self.recreate(&what),
            None => store.begin().and_then(|update| update.commit(Durability::Synced)).map(drop),
        };
        if let Err(error) = tried {
            self.store_failed(&error);
            return;
        }
        self.shared.lists().trouble = None;
        tracing::info!("the baseline of file integrity can be used again; all files are compared with it");
        let roots: Vec<Vec<u8>> = self.policy.watches().iter().map(|watch| watch.root.clone()).collect();
        for root in roots {
            self.open_gap(root, GapCause::StoreFailed);
        }
    }

    /// A baseline that is damaged is kept aside; the one that follows begins with a first scan.
    fn recreate(&mut self, what: &str) -> Result<(), StoreError> {
        let store = std::sync::Arc::clone(&self.store);
        // Numbers of notices that were handed on must not come again; those that were not are lost with it.
        let last = self.view.counts().map_or(0, |counts| counts.last_sequence).max(self.shared.sent.load(Relaxed));
        let damage = store.recreate(what)?;
        tracing::error!(what = %damage.what, help = "look for a failing disk or an intruder", "the baseline was damaged");
        let mut update = store.begin()?;
        update.skip_to(last);
        update.notice(clock::now(), true, FileNews::Damage(damage))?;
        update.commit(Durability::Synced)?;
        self.baselined.clear();
        self.shared.lists().gaps.clear();
        self.want_first(self.policy.watches().iter().map(|watch| watch.root.clone()).collect());
        self.wake_outbox();
        Ok(())
    }
}
