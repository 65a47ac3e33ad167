//! Who gets the processor while very many files change: first those who change them.
//!
//! Unpacking an archive or installing a package makes more work here than there are processors for, and
//! waiting a little costs nobody anything. So threads that look at files step back while many paths wait,
//! but never for longer than [`PATIENCE`]: whoever keeps all processors busy must not put off alerts. The
//! thread that empties the kernel's queue never steps back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

/// Waiting paths from which on it is much work, not a save or two.
const MUCH: usize = 128;

/// How long the threads step back at most until fewer than [`MUCH`] paths wait again.
const PATIENCE: Duration = Duration::from_secs(5);

/// The weakest claim to a processor that is not none (nice(2)).
const LAST: i32 = 19;

/// When to step back.
#[derive(Debug, Default)]
pub(super) struct LoadDetector {
    since: Option<Instant>,
}

impl LoadDetector {
    /// Whether to step back while so many paths wait.
    pub(super) fn is_overloaded(&mut self, waiting: usize, now: Instant) -> bool {
        if waiting < MUCH {
            self.since = None;
            return false;
        }
        now.saturating_duration_since(*self.since.get_or_insert(now)) < PATIENCE
    }
}

/// What all threads are told; each keeps one of its own.
#[derive(Clone, Debug)]
pub(super) struct Throttle {
    wanted: Arc<AtomicBool>,
    /// Whether this thread has stepped back.
    is_applied: bool,
    /// Whether it could come forward again.
    can_restore: bool,
    /// What the thread had before.
    normal: i32,
}

impl Throttle {
    /// For threads that are where this one is now.
    pub(super) fn new() -> Self {
        let normal = rustix::process::getpriority_process(None).unwrap_or(0);
        // Without CAP_SYS_NICE there is no way forward again; a thread that ends finds out.
        let tried = thread::spawn(move || {
            rustix::process::setpriority_process(None, LAST)
                .and_then(|()| rustix::process::setpriority_process(None, normal))
                .is_ok()
        });
        let can_restore = tried.join().unwrap_or(false);
        Self { wanted: Arc::default(), is_applied: false, can_restore, normal }
    }

    /// Tells all threads.
    pub(super) fn set_lowered(&self, is_overloaded: bool) {
        self.wanted.store(is_overloaded, Relaxed);
    }

    /// Whether threads were told to step back.
    pub(super) fn is_lowered(&self) -> bool {
        self.wanted.load(Relaxed)
    }

    /// Does what was told; called by each thread now and then.
    pub(super) fn apply(&mut self) {
        let wanted = self.is_lowered();
        if wanted == self.is_applied || !self.can_restore {
            return;
        }
        let nice = if wanted { LAST } else { self.normal };
        // It was possible at the start; a refusal now leaves the thread where it is and is tried again.
        if rustix::process::setpriority_process(None, nice).is_ok() {
            self.is_applied = wanted;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn much_work_waits_a_while_and_then_insists_until_it_is_done() {
        let (mut backlog, start) = (LoadDetector::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        assert!(!backlog.is_overloaded(MUCH - 1, start));
        assert!(backlog.is_overloaded(MUCH, start));
        assert!(backlog.is_overloaded(100_000, after(4)));
        assert!(!backlog.is_overloaded(100_000, after(5)), "alerts are put off for ever");
        assert!(!backlog.is_overloaded(MUCH, after(60)), "stepped back again before the work was done");
        assert!(!backlog.is_overloaded(0, after(61)));
        assert!(backlog.is_overloaded(MUCH, after(62)));
    }

    #[test]
    fn a_thread_steps_back_and_comes_forward_again() {
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
        assert_eq!((back, forward), (LAST, normal));
    }
}
