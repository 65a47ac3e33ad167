//! Syncs files on a separate thread, so that no other thread waits for the disk.
//!
//! Requests that arrive while a sync runs are one request afterwards.

use std::fs::File;
use std::io;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use tracing::warn;

/// Changes that come close together share a sync; this is how long the first one waits for others.
const GATHER: Duration = Duration::from_millis(20);

/// The thread. It ends when this is dropped, after the last request.
pub(super) struct Syncer {
    requests: Option<Sender<File>>,
    thread: Option<JoinHandle<()>>,
}

impl Syncer {
    pub(super) fn start() -> io::Result<Self> {
        let (requests, queue) = bounded(1);
        let thread = std::thread::Builder::new().name("respond-sync".into()).spawn(move || run(&queue))?;
        Ok(Self { requests: Some(requests), thread: Some(thread) })
    }

    /// Asks for `file` to be synced soon.
    pub(super) fn request(&self, file: &File) {
        let Some(requests) = self.requests.as_ref().filter(|requests| requests.is_empty()) else {
            // A request is waiting, and will cover what has just been written.
            return;
        };
        match file.try_clone().map(|file| requests.try_send(file)) {
            Ok(Ok(()) | Err(TrySendError::Full(_) | TrySendError::Disconnected(_))) => {}
            Err(error) => warn!(%error, "cannot sync blocks to disk"),
        }
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        self.requests.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(queue: &Receiver<File>) {
    while let Ok(file) = queue.recv() {
        std::thread::sleep(GATHER);
        if let Err(error) = file.sync_data() {
            warn!(%error, help = "check the disk that holds the state directory", "cannot sync blocks to disk");
        }
    }
}
