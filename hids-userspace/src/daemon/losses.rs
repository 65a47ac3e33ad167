//! Logs event losses that only counters of the BPF programs show.
//!
//! The first is told at once, then at most one message comes each hour, with all that came since.

use std::time::{Duration, Instant};

use tracing::warn;

/// Between two messages of one kind.
const PAUSE: Duration = Duration::from_secs(3600);

/// Everything that is counted.
#[derive(Debug, Default)]
pub(super) struct Losses {
    processes: Loss,
    refusals: Loss,
}

impl Losses {
    /// Takes the counters as they are now, each since the start.
    pub(super) fn note(&mut self, processes: u64, refusals: u64, now: Instant) {
        if let Some(lost) = self.processes.news(processes, now) {
            warn!(
                records = lost,
                since_start = processes,
                consequence = "file changes may be reported without the process or its program",
                help = "too many processes start at once, or hidsd gets too little CPU time; see hidsctl status for \
                        counters",
                "process events lost in the kernel"
            );
        }
        if let Some(lost) = self.refusals.news(refusals, now) {
            warn!(
                records = lost,
                since_start = refusals,
                consequence = "some blocked or allowed writes to protected files were not reported",
                help = "see hidsctl status for counters",
                "file protection events lost in the kernel"
            );
        }
    }
}

/// One counter.
#[derive(Debug, Default)]
struct Loss {
    told: u64,
    next: Option<Instant>,
}

impl Loss {
    /// How many to tell of, if it is time to.
    fn news(&mut self, total: u64, now: Instant) -> Option<u64> {
        let new = total.saturating_sub(self.told);
        if new == 0 || self.next.is_some_and(|next| now < next) {
            return None;
        }
        (self.told, self.next) = (total, Some(now + PAUSE));
        Some(new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_loss_is_told_at_once_and_the_sum_of_later_ones_once_an_hour() {
        let (mut loss, start) = (Loss::default(), Instant::now());
        let minutes = |count: u64| start + Duration::from_secs(60 * count);
        assert_eq!(loss.news(0, start), None, "nothing is lost");
        assert_eq!(loss.news(3, start), Some(3));
        assert_eq!(loss.news(3, minutes(70)), None, "nothing new");
        assert_eq!(loss.news(5, minutes(80)), Some(2));
        assert_eq!(loss.news(9, minutes(90)), None, "within the hour");
        assert_eq!(loss.news(12, minutes(141)), Some(7));
    }
}
