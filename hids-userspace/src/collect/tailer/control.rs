//! What is sent to the thread that tails files, and how it is woken.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use crossbeam_channel::Sender;
use rustix::event::{EventfdFlags, eventfd};

use crate::config::LogSourceConfig;

/// A request to the thread.
#[derive(Debug)]
pub(in crate::collect) enum Control {
    /// Tail these sources from now on; the sender is dropped when their files have been found.
    Reload(Vec<LogSourceConfig>, Sender<()>),
    /// The sender is dropped when all positions at start have been sent.
    Announced(Sender<()>),
    /// End.
    Stop,
}

/// Wakes the thread.
#[derive(Clone, Debug)]
pub(super) struct Waker(Arc<OwnedFd>);

impl Waker {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self(Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?)))
    }

    pub(super) fn wake(&self) {
        // Fails only when it has been woken 2^64 - 2 times already: then it is awake.
        let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }

    pub(super) fn clear(&self) {
        let _ = rustix::io::read(&self.0, &mut [0_u8; 8]);
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
