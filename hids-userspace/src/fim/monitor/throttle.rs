//! Lowers the priority of the threads that inspect files while very many files change.
//!
//! Never for longer than [`MAX_LOWERED`]: whoever keeps all processors busy must not put off alerts. See
//! `docs/design/fim.md`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

/// Waiting paths from which on it is much work, not a save or two.
const MANY_PATHS: usize = 128;

/// The longest time of a lowered priority, until fewer than [`MANY_PATHS`] wait again.
const MAX_LOWERED: Duration = Duration::from_secs(5);

/// The lowest priority (nice(2)).
const LOWEST: i32 = 19;

/// Decides when the priority is to be lowered.
#[derive(Debug, Default)]
pub(super) struct LoadDetector {
    since: Option<Instant>,
}

impl LoadDetector {
    /// Whether the priority is to be lowered while so many paths wait.
    pub(super) fn is_overloaded(&mut self, waiting: usize, now: Instant) -> bool {
        if waiting < MANY_PATHS {
            self.since = None;
            return false;
        }
        now.saturating_duration_since(*self.since.get_or_insert(now)) < MAX_LOWERED
    }
}

/// The priority of all threads; each keeps a clone and applies it to itself.
#[derive(Clone, Debug)]
pub(super) struct Throttle {
    wanted: Arc<AtomicBool>,
    /// Whether the priority of this thread is lowered.
    is_applied: bool,
    /// Whether it can be restored.
    can_restore: bool,
    /// The priority of the thread before.
    normal: i32,
}

impl Throttle {
    /// For threads with the priority of this one.
    pub(super) fn new() -> Self {
        let normal = rustix::process::getpriority_process(None).unwrap_or(0);
        // Without CAP_SYS_NICE a priority cannot be raised again; a thread that ends finds out.
        let tried = thread::Builder::new().name("fim-priority".into()).spawn(move || {
            rustix::process::setpriority_process(None, LOWEST)
                .and_then(|()| rustix::process::setpriority_process(None, normal))
                .is_ok()
        });
        let can_restore = tried.is_ok_and(|thread| thread.join().unwrap_or(false));
        Self { wanted: Arc::default(), is_applied: false, can_restore, normal }
    }

    /// Sets the priority for all threads.
    pub(super) fn set_lowered(&self, is_overloaded: bool) {
        self.wanted.store(is_overloaded, Relaxed);
    }

    /// Whether the priority is to be lowered.
    pub(super) fn is_lowered(&self) -> bool {
        self.wanted.load(Relaxed)
    }

    /// Applies the priority to the calling thread; each thread calls it now and then.
    pub(super) fn apply(&mut self) {
        let wanted = self.is_lowered();
        if wanted == self.is_applied || !self.can_restore {
            return;
        }
        let nice = if wanted { LOWEST } else { self.normal };
        // It was possible at the start; a failure now leaves the thread as it is and is tried again.
        if rustix::process::setpriority_process(None, nice).is_ok() {
            self.is_applied = wanted;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_priority_is_lowered_for_a_while_and_not_again_before_the_work_is_done() {
        let (mut backlog, start) = (LoadDetector::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        assert!(!backlog.is_overloaded(MANY_PATHS - 1, start));
        assert!(backlog.is_overloaded(MANY_PATHS, start));
        assert!(backlog.is_overloaded(100_000, after(4)));
        assert!(!backlog.is_overloaded(100_000, after(5)), "alerts are put off for ever");
        assert!(!backlog.is_overloaded(MANY_PATHS, after(60)), "stepped back again before the work was done");
        assert!(!backlog.is_overloaded(0, after(61)));
        assert!(backlog.is_overloaded(MANY_PATHS, after(62)));
    }

    #[test]
    fn the_priority_of_a_thread_is_lowered_and_restored() {
        let mut throttle = Throttle::new();
        if !throttle.can_restore {
            return hids_tests::require::skip("root", "no right to raise its own priority again");
        }
        // A thread of its own: the priority is the thread's.
        let thread = thread::spawn(move || {
            let nice = || rustix::process::getpriority_process(None).expect("the priority");
            let normal = nice();
            throttle.set_lowered(true);
            throttle.apply();
            let back = nice();
            throttle.set_lowered(false);
            throttle.apply();
            (normal, back, nice())
        });
        let (normal, back, forward) = thread.join().expect("no panic");
        assert_eq!((back, forward), (LOWEST, normal));
    }
}
