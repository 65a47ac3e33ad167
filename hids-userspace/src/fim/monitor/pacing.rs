//! How fast the monitor works: when it takes results of inspections, when its threads lower their priority, and
//! when freed memory is returned.

use std::time::{Duration, Instant};

use super::throttle::{LoadDetector, Throttle};
use crate::sys::memory;

/// Results are taken no more often than that a commit takes a third of the time: one commit for many changes
/// costs those who make the changes less than many commits. A change that comes alone does not wait.
const REST_FACTOR: u32 = 2;
/// The longest such wait.
const MAX_REST: Duration = Duration::from_millis(40);
/// The wait while the threads have lowered their priority: others need the disk as well.
const THROTTLED_REST: Duration = Duration::from_millis(400);
/// Entries written after which memory is returned to the kernel.
const TRIM_AFTER: u64 = 2_000;

/// See the module.
#[derive(Debug)]
pub(super) struct Pacing {
    throttle: Throttle,
    load: LoadDetector,
    /// Before this no results are taken.
    next_take: Instant,
    /// Entries written since memory was returned.
    written: u64,
}

impl Pacing {
    pub(super) fn new(throttle: Throttle) -> Self {
        Self { throttle, load: LoadDetector::default(), next_take: Instant::now(), written: 0 }
    }

    /// Lowers or restores the priority of all threads. A scan that is to be started inherits the priority of this
    /// thread, and must not wait: `scan_waits` restores it.
    pub(super) fn adjust(&mut self, waiting_paths: usize, scan_waits: bool, now: Instant) {
        let is_overloaded = self.load.is_overloaded(waiting_paths, now);
        self.throttle.set_lowered(is_overloaded && !scan_waits);
        self.throttle.apply();
    }

    /// When results may be taken; `None` = now.
    pub(super) fn results_at(&self, now: Instant) -> Option<Instant> {
        (self.next_take > now).then_some(self.next_take)
    }

    /// Results were taken and committed.
    pub(super) fn results_taken(&mut self, began: Instant, ended: Instant) {
        let rest = (REST_FACTOR * (ended - began)).min(MAX_REST);
        self.next_take = ended + if self.throttle.is_lowered() { THROTTLED_REST } else { rest };
    }

    /// Counts entries that were written, or files that a scan inspected.
    pub(super) const fn count(&mut self, written: u64) {
        self.written = self.written.saturating_add(written);
    }

    /// After much work, once nothing is left to do: returns the memory that it took.
    pub(super) fn trim_heap_if_idle(&mut self, is_idle: bool) {
        if self.written >= TRIM_AFTER && is_idle {
            self.written = 0;
            memory::give_back();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_followed_by_a_rest_in_proportion_that_is_bounded() {
        let mut pacing = Pacing::new(Throttle::new());
        let began = Instant::now();
        assert_eq!(pacing.results_at(began + Duration::from_secs(1)), None, "a change that comes alone waits");
        let ended = began + Duration::from_millis(5);
        pacing.results_taken(began, ended);
        assert_eq!(pacing.results_at(ended), Some(ended + Duration::from_millis(10)));
        let ended = began + Duration::from_secs(3);
        pacing.results_taken(began, ended);
        assert_eq!(pacing.results_at(ended), Some(ended + MAX_REST));
        assert_eq!(pacing.results_at(ended + MAX_REST), None);
    }

    #[test]
    fn others_get_longer_rests_while_very_many_paths_wait_but_not_when_a_scan_does() {
        let mut pacing = Pacing::new(Throttle::new());
        let now = Instant::now();
        pacing.adjust(100_000, false, now);
        pacing.results_taken(now, now);
        let throttled = pacing.results_at(now);
        pacing.adjust(100_000, true, now);
        pacing.results_taken(now, now);
        assert_eq!((throttled, pacing.results_at(now)), (Some(now + THROTTLED_REST), None));
        // This thread is not left behind.
        pacing.adjust(0, false, now);
    }
}
