//! The handle of the thread that tails files.

use std::io;
use std::thread::JoinHandle;

use crossbeam_channel::Sender;

use super::control::Control;
use super::event_loop::{FileTailer, TailerOptions};
use crate::collect::once::FileSender;
use crate::collect::report::SourceRegistry;
use crate::platform::waker::Waker;

/// Requests that wait for the thread; who sends more waits for room. There is one at each start, reload and stop.
const MAX_REQUESTS: usize = 16;

/// The running thread.
#[derive(Debug)]
pub(in crate::collect) struct TailerHandle {
    control: Sender<Control>,
    waker: Waker,
    thread: JoinHandle<()>,
}

impl TailerHandle {
    /// Starts tailing; returns when the files that exist now have been found.
    pub(in crate::collect) fn start(
        options: TailerOptions,
        sender: FileSender,
        registry: SourceRegistry,
    ) -> io::Result<Self> {
        let (control, requests) = crossbeam_channel::bounded(MAX_REQUESTS);
        let waker = Waker::new()?;
        let mut tailer = FileTailer::new(options, sender, registry, requests, waker.clone());
        let thread = std::thread::Builder::new().name("collect-files".into()).spawn(move || tailer.run())?;
        Ok(Self { control, waker, thread })
    }

    /// Sends a request; the thread may have ended.
    pub(in crate::collect) fn send(&self, request: Control) {
        let _ = self.control.send(request);
        self.waker.wake();
    }

    /// Stops reading and waits for the end.
    pub(in crate::collect) fn stop(self) {
        self.send(Control::Stop);
        let _ = self.thread.join();
    }
}
