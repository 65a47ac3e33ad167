//! Whether the machine stood still while a suite ran: a neighbour took its processors, or its disk was stuck.
//!
//! Tests of what has to happen within milliseconds cannot pass then, and nothing in them is wrong: whoever saves a file
//! in two steps half a second apart has saved it twice. Such a test runs once more; otherwise a failure is a failure.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::paths;

/// How often it is looked at.
const STEP: Duration = Duration::from_millis(20);
/// What counts: the shortest time within which tests expect two steps of their own to follow each other is 100 ms
/// (the monitor's wait for a file that is open), and they need some of it themselves.
const STALL: Duration = Duration::from_millis(80);

/// Watches until it is dropped.
pub(super) struct StallWatch {
    done: Arc<AtomicBool>,
    longest_ms: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl StallWatch {
    /// Begins to watch. Where no thread can be had, no stall is seen.
    pub(super) fn start() -> Self {
        let (done, longest_ms) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (ended, longest) = (Arc::clone(&done), Arc::clone(&longest_ms));
        let probe = paths::target().join("tmp").join(format!("stall-{}", std::process::id()));
        let thread = thread::Builder::new().spawn(move || watch(&probe, &ended, &longest)).ok();
        Self { done, longest_ms, thread }
    }

    /// The longest stall so far, if there was one.
    pub(super) fn longest(&self) -> Option<Duration> {
        let longest = Duration::from_millis(self.longest_ms.load(Ordering::Relaxed));
        (longest >= STALL).then_some(longest)
    }
}

impl Drop for StallWatch {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn watch(probe: &PathBuf, done: &AtomicBool, longest_ms: &AtomicU64) {
    while !done.load(Ordering::Relaxed) {
        let start = Instant::now();
        thread::sleep(STEP);
        // What tests do most: a full disk is theirs to report.
        let _ = fs::write(probe, b"x").and_then(|()| fs::remove_file(probe));
        let late = start.elapsed().saturating_sub(STEP);
        longest_ms.fetch_max(u64::try_from(late.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}
