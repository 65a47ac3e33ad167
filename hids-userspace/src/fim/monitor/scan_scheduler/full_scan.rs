//! Scans of everything that is watched: when the next one is due, and what the last one saw.

use hids_core::fim::{LastScan, Schedule};
use hids_core::model::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::fim::monitor::baseline_writer::{BaselineWriter, save};
use crate::fim::protocol::LastScanView;
use crate::fim::scan::Totals;
use crate::fim::store::{StoreError, WriteTxn};

/// The name of the last complete scan in the store.
const LAST_RUN: &str = "last round";

/// A scan of everything that was completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ScanRun {
    pub(super) began: Timestamp,
    pub(super) ended: Timestamp,
    pub(super) totals: Totals,
}

impl ScanRun {
    /// For `fim status` until the first scan of this run of the daemon ends.
    pub(super) fn view(&self, zone: &TimeZone) -> LastScanView {
        let Totals { files, bytes, .. } = self.totals;
        LastScanView { ended: self.ended.rfc3339(zone), complete: true, files, bytes, ..LastScanView::default() }
    }

    /// Saves it.
    pub(super) fn save(&self, txn: &mut WriteTxn<'_>) -> Result<(), StoreError> {
        save(txn, LAST_RUN, self)
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct FullScans {
    schedule: Schedule,
    zone: TimeZone,
    last: Option<ScanRun>,
    /// When an initial scan was stopped that has to be started again.
    first_stopped: Option<Timestamp>,
}

impl FullScans {
    pub(super) const fn new(schedule: Schedule, zone: TimeZone) -> Self {
        Self { schedule, zone, last: None, first_stopped: None }
    }

    /// Loads what the last run of the daemon saved.
    pub(super) fn load(&mut self, writer: &BaselineWriter) {
        self.last = writer.load(LAST_RUN);
    }

    pub(super) fn set_schedule(&mut self, schedule: Schedule) {
        self.schedule = schedule;
    }

    pub(super) const fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The last one.
    pub(super) const fn last(&self) -> Option<&ScanRun> {
        self.last.as_ref()
    }

    /// What the last one saw, for the estimate of the time left.
    pub(super) fn expected(&self) -> Option<Totals> {
        self.last.map(|last| last.totals)
    }

    /// When the next one is due; `None` before the first was completed.
    pub(super) fn next(&self) -> Option<Timestamp> {
        let stopped = self.first_stopped.map(|at| LastScan { began: at, ended: at });
        let last = self.last.map(|last| LastScan { began: last.began, ended: last.ended });
        Some(self.schedule.next(stopped.or(last)?, &self.zone))
    }

    pub(super) const fn completed(&mut self, run: ScanRun) {
        self.last = Some(run);
    }

    /// An initial scan was stopped; it is due with the next scheduled one.
    pub(super) const fn first_was_stopped(&mut self, now: Timestamp) {
        self.first_stopped = Some(now);
    }

    /// Whether an initial scan was stopped and is to be started now.
    pub(super) const fn take_stopped_first(&mut self) -> bool {
        self.first_stopped.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_next_scan_is_due_a_period_after_the_last_one_or_after_an_initial_one_was_stopped() {
        let at = Timestamp::from_unix_seconds;
        let schedule = Schedule { frequency: Duration::from_secs(600), time: None, days: None };
        let mut scans = FullScans::new(schedule, TimeZone::UTC);
        assert_eq!(scans.next(), None, "the initial scan comes first");
        scans.completed(ScanRun { began: at(1000), ended: at(1200), totals: Totals::default() });
        assert_eq!(scans.next(), Some(at(1800)));
        scans.first_was_stopped(at(5000));
        assert_eq!(scans.next(), Some(at(5600)));
        assert!(scans.take_stopped_first() && !scans.take_stopped_first());
        assert_eq!(scans.next(), Some(at(1800)));
    }
}
