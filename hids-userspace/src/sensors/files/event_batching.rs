//! While very many events come they are read some at a time; `docs/design/file-sensor.md` says why.

use std::time::{Duration, Instant};

/// How long events are counted before it is known whether they are many.
const WINDOW: Duration = Duration::from_millis(100);

/// Events in a window that are many: what unpacking an archive makes, not what people or services do.
const MANY: u64 = 500;

/// The pause: at 500,000 events a second a sixteenth of the kernel's queue.
const PAUSE: Duration = Duration::from_millis(2);

/// Counts events.
#[derive(Debug)]
pub(super) struct EventBatching {
    since: Instant,
    before: u64,
    are_many: bool,
}

impl EventBatching {
    /// Nothing has come yet.
    pub(super) fn new(now: Instant) -> Self {
        Self { since: now, before: 0, are_many: false }
    }

    /// How long to leave the queue alone after a read; `events` is how many were read since the beginning.
    pub(super) fn pause(&mut self, events: u64, now: Instant) -> Option<Duration> {
        let passed = now.saturating_duration_since(self.since);
        if passed >= WINDOW {
            // After a long silence there were few, however many have come at once.
            self.are_many = events.saturating_sub(self.before) >= MANY && passed < 2 * WINDOW;
            (self.since, self.before) = (now, events);
        }
        self.are_many.then_some(PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_many_events_in_a_short_time_are_read_with_pauses() {
        let start = Instant::now();
        let after = |milliseconds| start + Duration::from_millis(milliseconds);
        let mut batching = EventBatching::new(start);
        assert_eq!(batching.pause(MANY, after(50)), None, "the window is not over");
        assert_eq!(batching.pause(2 * MANY, after(110)), Some(PAUSE));
        assert_eq!(batching.pause(2 * MANY + 1, after(150)), Some(PAUSE));
        assert_eq!(batching.pause(2 * MANY + 2, after(220)), None, "few have come since");
        assert_eq!(batching.pause(9 * MANY, after(60_000)), None, "the first ones after a silence");
    }
}
