//! Writes to protected paths: equal ones within a tick are told once, with their number.

use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use hids_core::model::{FileNews, Operation, Protection, Refusal};

use super::event_loop::Monitor;
use crate::fim::clock;
use crate::fim::store::{Durability, StoreError};

/// What equal refusals have in common.
pub(super) type Key = (Vec<u8>, Operation, bool, Vec<u8>);

/// Different refusals that wait; more are told at once.
const WAITING: usize = 1024;

impl Monitor {
    pub(super) fn take_denial(&mut self, refusal: Refusal) {
        self.shared.refusals.fetch_add(u64::from(refusal.count.max(1)), Relaxed);
        let key = (refusal.path.clone(), refusal.operation, refusal.refused, refusal.who.executable.clone());
        match self.denials.entry(key) {
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                known.count = known.count.saturating_add(refusal.count.max(1));
                known.who = Arc::clone(&refusal.who);
            }
            Entry::Vacant(place) => _ = place.insert(refusal),
        }
        if self.denials.len() >= WAITING {
            self.report_denials();
        }
    }

    /// Tells what has come together.
    pub(super) fn report_denials(&mut self) {
        if self.denials.is_empty() {
            return;
        }
        let news = self.denials.drain().map(|(_, refusal)| FileNews::Refusal(Box::new(refusal))).collect();
        self.tell(news);
    }

    /// Protection was switched.
    pub(super) fn tell_protection(&mut self, protection: Protection) {
        self.tell(vec![FileNews::Protection(protection)]);
    }

    /// Puts news into the history and hands them to the rules.
    pub(super) fn tell(&mut self, news: Vec<FileNews>) {
        match self.write_news(news) {
            Ok(()) => self.wake_outbox(),
            Err(error) => self.store_failed(&error),
        }
    }

    fn write_news(&mut self, news: Vec<FileNews>) -> Result<(), StoreError> {
        let store = Arc::clone(&self.store);
        let mut update = store.begin()?;
        for piece in news {
            update.notice(clock::now(), true, piece)?;
        }
        update.commit(Durability::Synced)?;
        Ok(())
    }
}
