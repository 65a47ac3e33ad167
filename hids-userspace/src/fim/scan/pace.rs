//! Rate limit of a scan: bytes per second, share of a core, pauses.

use std::cell::Cell;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use super::{ScanControl, ScanOptions};
use crate::fim::examine::Pace;

/// Sleeps are cut into pieces of this length, so that a stop is seen soon.
const SLICE: Duration = Duration::from_millis(20);

/// Bytes that may be read, all threads together: a bucket that holds a tenth of a second.
pub(super) struct Rate {
    bytes_per_second: f64,
    bucket: Mutex<Bucket>,
}

struct Bucket {
    /// May be negative: what was read beforehand is waited for afterwards.
    bytes: f64,
    filled: Instant,
}

impl Rate {
    pub(super) fn new(bytes_per_second: u64) -> Self {
        let bucket = Bucket { bytes: 0.0, filled: Instant::now() };
        Self { bytes_per_second: bytes_per_second.max(1) as f64, bucket: Mutex::new(bucket) }
    }

    /// Takes `bytes` out and tells how long to wait before reading them.
    fn take(&self, bytes: usize) -> Duration {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let added = now.duration_since(bucket.filled).as_secs_f64() * self.bytes_per_second;
        bucket.filled = now;
        bucket.bytes = (bucket.bytes + added).min(self.bytes_per_second / 10.0) - bytes as f64;
        // A year is as good as for ever, and can be expressed.
        Duration::from_secs_f64((-bucket.bytes / self.bytes_per_second).clamp(0.0, 3.2e7))
    }
}

/// The pace of one thread.
pub(super) struct Pacer<'a> {
    control: &'a ScanControl,
    rate: Option<&'a Rate>,
    percent: u8,
    used: Cell<Duration>,
}

impl<'a> Pacer<'a> {
    pub(super) fn new(control: &'a ScanControl, rate: Option<&'a Rate>, options: &ScanOptions) -> Self {
        let percent = options.processor_percent.clamp(1, 100);
        Self { control, rate, percent, used: Cell::new(processor_time()) }
    }

    /// `false` = stop.
    pub(super) fn may_continue(&self) -> bool {
        !self.control.is_stopped()
    }

    /// Sleeps as long as the share of the core asks for the time used since the last rest.
    pub(super) fn rest(&self) {
        if self.percent >= 100 {
            return;
        }
        let used = processor_time();
        let busy = used.saturating_sub(self.used.get());
        // Short naps cost more than they give.
        if busy < Duration::from_millis(2) {
            return;
        }
        self.used.set(used);
        self.sleep(busy.mul_f64(100.0 / f64::from(self.percent) - 1.0));
    }

    fn sleep(&self, mut left: Duration) {
        while !left.is_zero() && !self.control.is_stopped() {
            let slice = left.min(SLICE);
            std::thread::sleep(slice);
            left -= slice;
        }
    }
}

impl Pace for Pacer<'_> {
    fn may_read(&self, bytes: usize) -> bool {
        if !self.may_continue() {
            return false;
        }
        self.rest();
        if let Some(rate) = self.rate {
            self.sleep(rate.take(bytes));
        }
        self.control.count_bytes(bytes);
        !self.control.is_stopped()
    }
}

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap_or(0), time.tv_nsec.try_into().unwrap_or(0))
}
