//! Wakes a thread that waits in `poll`.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::event::{EventfdFlags, eventfd};

/// Both ends of it: what wakes and what is polled for reading.
#[derive(Clone, Debug)]
pub(crate) struct Waker(Arc<OwnedFd>);

impl Waker {
    /// Opens it, asleep.
    ///
    /// # Errors
    /// When the process has no descriptor left.
    #[expect(clippy::disallowed_methods, reason = "the one place")]
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self(Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?)))
    }

    /// Wakes the thread, until it calls [`clear`](Self::clear).
    pub(crate) fn wake(&self) {
        // Fails only when it has been woken 2^64 - 2 times already: then it is awake.
        let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }

    /// Takes what has woken the thread.
    pub(crate) fn clear(&self) {
        let _ = rustix::io::read(&self.0, &mut [0_u8; 8]);
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::*;

    #[test]
    fn it_is_readable_from_the_first_wake_to_the_next_clear() {
        let waker = Waker::new().expect("a descriptor");
        let other = waker.clone();
        let is_awake = || {
            let mut polled = [PollFd::new(&waker, PollFlags::IN)];
            let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
            poll(&mut polled, Some(&at_once)).expect("polled") == 1
        };
        assert!(!is_awake());
        waker.clear();
        other.wake();
        other.wake();
        assert!(is_awake());
        waker.clear();
        assert!(!is_awake());
    }
}
