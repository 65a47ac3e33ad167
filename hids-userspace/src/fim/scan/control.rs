//! Stopping a scan, and how far it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{ScanReport, Totals};

/// How far a scan is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ScanProgress {
    /// What it has looked at.
    pub totals: Totals,
    /// What the last whole scan looked at.
    pub expected: Option<Totals>,
    /// Differences told.
    pub differences: u64,
    /// Since the start.
    pub elapsed: Duration,
}

impl ScanProgress {
    /// The part that is done, 0 to 1, as far as the last scan tells: the mean of files and bytes.
    pub(crate) fn fraction(&self) -> Option<f64> {
        let expected = self.expected?;
        let part = |done: u64, all: u64| if all == 0 { 1.0 } else { (done as f64 / all as f64).min(1.0) };
        let files = part(self.totals.files, expected.files);
        let bytes = if expected.bytes == 0 { files } else { part(self.totals.bytes, expected.bytes) };
        Some((files + bytes) / 2.0)
    }

    /// The time left at the speed so far.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        let fraction = self.fraction().filter(|fraction| *fraction > 0.0)?;
        Some(self.elapsed.mul_f64((1.0 - fraction) / fraction))
    }
}

/// A running scan, for whoever steers or shows it.
#[derive(Clone, Debug)]
pub(crate) struct ScanControl(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    started: Instant,
    expected: Option<Totals>,
    stopped: AtomicBool,
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
            files: AtomicU64::new(0),
            directories: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            differences: AtomicU64::new(0),
            not_scanned: AtomicU64::new(0),
        }))
    }

    /// Asks the scan to end; it does so within 100 ms.
    pub(crate) fn stop(&self) {
        self.0.stopped.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked to end.
    pub(crate) fn is_stopped(&self) -> bool {
        self.0.stopped.load(Ordering::Relaxed)
    }

    /// How far it is.
    pub(crate) fn progress(&self) -> ScanProgress {
        ScanProgress {
            totals: self.totals(),
            expected: self.0.expected,
            differences: self.0.differences.load(Ordering::Relaxed),
            elapsed: self.0.started.elapsed(),
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
}
