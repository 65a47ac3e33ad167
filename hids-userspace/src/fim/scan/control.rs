//! Stopping, pausing, and how far it is.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{ScanReport, Totals};

/// How far a scan is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanProgress {
    /// What it has looked at.
    pub totals: Totals,
    /// What the last whole scan looked at.
    pub expected: Option<Totals>,
    /// Differences told.
    pub differences: u64,
    /// Since the start, pauses included.
    pub elapsed: Duration,
    /// Whether it is paused.
    pub paused: bool,
}

impl ScanProgress {
    /// The part that is done, 0 to 1, as far as the last scan tells: the mean of files and bytes.
    pub fn fraction(&self) -> Option<f64> {
        let expected = self.expected?;
        let part = |done: u64, all: u64| if all == 0 { 1.0 } else { (done as f64 / all as f64).min(1.0) };
        let files = part(self.totals.files, expected.files);
        let bytes = if expected.bytes == 0 { files } else { part(self.totals.bytes, expected.bytes) };
        Some((files + bytes) / 2.0)
    }

    /// The time left at the speed so far.
    pub fn remaining(&self) -> Option<Duration> {
        let fraction = self.fraction().filter(|fraction| *fraction > 0.0)?;
        Some(self.elapsed.mul_f64((1.0 - fraction) / fraction))
    }
}

/// A running scan, for whoever steers or shows it.
#[derive(Clone, Debug)]
pub struct ScanControl(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    started: Instant,
    expected: Option<Totals>,
    stopped: AtomicBool,
    paused: Mutex<bool>,
    changed: Condvar,
    is_paused: AtomicBool,
    files: AtomicU64,
    directories: AtomicU64,
    bytes: AtomicU64,
    differences: AtomicU64,
    not_scanned: AtomicU64,
}

impl ScanControl {
    pub(super) fn new(expected: Option<Totals>) -> Self {
        Self(Arc::new(Shared {
            started: Instant::now(),
            expected,
            stopped: AtomicBool::new(false),
            paused: Mutex::new(false),
            changed: Condvar::new(),
            is_paused: AtomicBool::new(false),
            files: AtomicU64::new(0),
            directories: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            differences: AtomicU64::new(0),
            not_scanned: AtomicU64::new(0),
        }))
    }

    /// Asks the scan to end; it does so within 100 ms.
    pub fn stop(&self) {
        self.0.stopped.store(true, Ordering::Relaxed);
        self.set_paused(false);
    }

    /// Whether it was asked to end.
    pub fn is_stopped(&self) -> bool {
        self.0.stopped.load(Ordering::Relaxed)
    }

    /// Holds the scan until [`resume`](Self::resume).
    pub fn pause(&self) {
        self.set_paused(true);
    }

    /// Ends a pause.
    pub fn resume(&self) {
        self.set_paused(false);
    }

    /// How far it is.
    pub fn progress(&self) -> ScanProgress {
        ScanProgress {
            totals: self.totals(),
            expected: self.0.expected,
            differences: self.0.differences.load(Ordering::Relaxed),
            elapsed: self.0.started.elapsed(),
            paused: self.0.is_paused.load(Ordering::Relaxed),
        }
    }

    fn totals(&self) -> Totals {
        Totals {
            files: self.0.files.load(Ordering::Relaxed),
            directories: self.0.directories.load(Ordering::Relaxed),
            bytes: self.0.bytes.load(Ordering::Relaxed),
        }
    }

    pub(super) fn report(&self) -> ScanReport {
        ScanReport {
            complete: !self.is_stopped(),
            totals: self.totals(),
            differences: self.0.differences.load(Ordering::Relaxed),
            not_scanned: self.0.not_scanned.load(Ordering::Relaxed),
            duration: self.0.started.elapsed(),
        }
    }

    pub(super) fn count_files(&self, files: u64) {
        self.0.files.fetch_add(files, Ordering::Relaxed);
    }

    pub(super) fn count_directory(&self) {
        self.0.directories.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_bytes(&self, bytes: usize) {
        self.0.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn count_differences(&self, differences: usize) {
        self.0.differences.fetch_add(differences as u64, Ordering::Relaxed);
    }

    pub(super) fn count_not_scanned(&self) {
        self.0.not_scanned.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns at once when it is not paused.
    pub(super) fn wait_while_paused(&self) {
        if !self.0.is_paused.load(Ordering::Relaxed) {
            return;
        }
        let mut paused = self.0.paused.lock().unwrap_or_else(PoisonError::into_inner);
        while *paused && !self.is_stopped() {
            paused = self.0.changed.wait(paused).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn set_paused(&self, paused: bool) {
        let mut held = self.0.paused.lock().unwrap_or_else(PoisonError::into_inner);
        *held = paused;
        self.0.is_paused.store(paused, Ordering::Relaxed);
        drop(held);
        self.0.changed.notify_all();
    }
}
