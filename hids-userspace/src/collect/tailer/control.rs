//! How others talk to the thread that follows files.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::Sender;
use rustix::event::{EventfdFlags, eventfd};

use super::event_loop::{FileTailer, TailerOptions};
use crate::collect::batch_sender::BatchSender;
use crate::collect::report::SourceRegistry;
use crate::config::LogSourceConfig;

/// What the thread is told.
#[derive(Debug)]
pub(in crate::collect) enum Control {
    /// Follow these sources from now on; the sender goes away when their files have been found.
    Reload(Vec<LogSourceConfig>, Sender<()>),
    /// The sender goes away when all positions at start have been handed on.
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

    fn wake(&self) {
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

/// The running thread.
#[derive(Debug)]
pub(in crate::collect) struct TailerHandle {
    control: Sender<Control>,
    waker: Waker,
    thread: JoinHandle<()>,
}

impl TailerHandle {
    /// Starts following; returns when the files that exist now have been found.
    pub(in crate::collect) fn start(
        options: TailerOptions,
        batch_sender: BatchSender,
        registry: SourceRegistry,
    ) -> io::Result<Self> {
        let (control, orders) = crossbeam_channel::unbounded();
        let waker = Waker::new()?;
        let mut follower = FileTailer::new(options, batch_sender, registry, orders, waker.clone())?;
        let thread = std::thread::Builder::new().name("collect-files".into()).spawn(move || follower.run())?;
        Ok(Self { control, waker, thread })
    }

    /// Tells the thread something; it may have ended.
    pub(in crate::collect) fn tell(&self, order: Control) {
        let _ = self.control.send(order);
        self.waker.wake();
    }

    /// Stops reading and waits for the end.
    pub(in crate::collect) fn stop(self) {
        self.tell(Control::Stop);
        let _ = self.thread.join();
    }
}
