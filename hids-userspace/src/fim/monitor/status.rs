//! What other threads see of the monitor.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hids_core::fim::Window;
use hids_core::model::{Gap, Timestamp};
use jiff::tz::TimeZone;

use super::unreadable::Unreadable;
use crate::fim::protocol::{FimView, GapView, LastScanView, PathText, ScanView, WindowView};
use crate::fim::scan::ScanControl;
use crate::fim::store::{GapId, StoreView};

/// Unreadable files that status names.
const UNREADABLE: usize = 8;

/// Counters and lists. Everything else is in the store.
#[derive(Debug, Default)]
pub(super) struct Status {
    pub events: AtomicU64,
    pub waiting: AtomicU64,
    pub changes: AtomicU64,
    pub refusals: AtomicU64,
    pub gaps_closed: AtomicU64,
    /// The last record that was sent to the rules.
    pub sent: Arc<AtomicU64>,
    /// Whether everything that happened before the start has been found.
    pub caught_up: AtomicBool,
    /// Whether all of that has been sent to the rules.
    pub all_sent: AtomicBool,
    pub lists: Mutex<Lists>,
    pub unreadable: Mutex<Unreadable>,
}

/// What changes rarely.
#[derive(Debug, Default)]
pub(super) struct Lists {
    pub scans: Vec<ShownScan>,
    /// Numbers and causes of scans that have not started.
    pub waiting_scans: Vec<(u64, &'static str)>,
    pub gaps: Vec<(GapId, Gap)>,
    pub last_scan: Option<LastScanView>,
    pub next_scan: Option<Timestamp>,
    pub trouble: Option<String>,
    pub windows: Vec<Window>,
}

/// A scan that runs.
#[derive(Clone, Debug)]
pub(super) struct ShownScan {
    pub number: u64,
    pub cause: &'static str,
    pub control: ScanControl,
}

impl Status {
    pub(super) fn lists(&self) -> MutexGuard<'_, Lists> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn unreadable(&self) -> MutexGuard<'_, Unreadable> {
        self.unreadable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What `hidsctl` shows.
    pub(super) fn view(&self, store: &StoreView, zone: &TimeZone) -> FimView {
        let counts = store.counts();
        let lists = self.lists();
        let trouble = lists.trouble.clone().or_else(|| counts.as_ref().err().map(ToString::to_string));
        let counts = counts.unwrap_or_default();
        let unreadable = self.unreadable();
        FimView {
            enabled: true,
            offline: false,
            entries: counts.entries,
            changes: self.changes.load(Relaxed),
            refusals: self.refusals.load(Relaxed),
            events: self.events.load(Relaxed),
            waiting: self.waiting.load(Relaxed),
            unreadable: unreadable.count(),
            unreadable_paths: unreadable.some(UNREADABLE).into_iter().map(PathText::from).collect(),
            unsent: counts.last_sequence.saturating_sub(self.sent.load(Relaxed)),
            scans: lists.scans.iter().map(scan_view).chain(lists.waiting_scans.iter().map(waiting_view)).collect(),
            gaps: lists.gaps.iter().map(|(_, gap)| gap_view(gap, zone)).collect(),
            gaps_closed: self.gaps_closed.load(Relaxed),
            last_scan: lists.last_scan.clone(),
            next_scan: lists.next_scan.map(|time| time.rfc3339(zone)),
            trouble,
            windows: lists.windows.iter().map(|window| WindowView::of(window, zone)).collect(),
            protection: None,
        }
    }
}

fn scan_view(running: &ShownScan) -> ScanView {
    let progress = running.control.progress();
    ScanView {
        number: running.number,
        cause: running.cause.to_owned(),
        waiting: false,
        files: progress.totals.files,
        bytes: progress.totals.bytes,
        files_expected: progress.expected.map_or(0, |totals| totals.files),
        found: progress.differences,
        seconds: progress.elapsed.as_secs(),
        seconds_left: progress.remaining().map(|left| left.as_secs()),
    }
}

fn waiting_view((number, cause): &(u64, &'static str)) -> ScanView {
    ScanView { number: *number, cause: (*cause).to_owned(), waiting: true, ..ScanView::default() }
}

fn gap_view(gap: &Gap, zone: &TimeZone) -> GapView {
    GapView { subtree: PathText::from(gap.subtree.as_slice()), cause: gap.cause, since: gap.opened.rfc3339(zone) }
}
