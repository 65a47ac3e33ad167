//! Sends records to the rules, beginning after the one that the record stage has committed last.
//!
//! The store is the queue: a record is in it before this thread sees it, and is read again after a crash. So a
//! full channel (in the end a full disk) stops only this thread.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use hids_core::fim::{self, PathKind, Policy, TextStyle};
use hids_core::model::{Channel, FileNotice, FimEvent, LogBatch, LogSource, SourcePosition};

use super::throttle::Throttle;
use crate::fim::store::StoreView;
use crate::platform::clock;
use crate::sys::crash;

/// The name of file integrity in the record stage's journal of positions.
pub(crate) const POSITION: &str = "syscheck";

/// Records in one batch.
const BATCH: usize = 256;

/// How long a stop waits until the last records are sent.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(3);

/// Records that may have been sent and not been committed by the record stage: what the channel of the analysis
/// holds, and more.
pub(super) const MAX_IN_FLIGHT: u64 = 512 * BATCH as u64;

/// How long the thread sleeps when nothing wakes it.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// What the thread works with.
pub(super) struct Notifier {
    pub store: StoreView,
    /// The last record that was sent.
    pub sent: Arc<AtomicU64>,
    pub policy: Arc<ArcSwap<Policy>>,
    pub batches: Sender<LogBatch>,
    /// Something was committed; disconnected at the end of the run.
    pub wake: Receiver<()>,
    pub throttle: Throttle,
}

/// Starts the thread.
pub(super) fn start(notifier: Notifier) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name("fim-notifier".into()).spawn(move || notifier.run())
}

impl Notifier {
    fn run(mut self) {
        let source = Arc::new(LogSource { location: "syscheck".into(), channel: Channel::Syscheck });
        loop {
            let mut taken = self.send_batch(&source);
            // A full batch of a careful daemon is one notice.
            while taken == Some(BATCH) || taken == Some(1) {
                taken = self.send_batch(&source);
            }
            if taken.is_none() {
                return;
            }
            match self.wake.recv_timeout(POLL_INTERVAL) {
                Ok(()) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    // What was committed last; the next start sends the rest.
                    let end = Instant::now() + DRAIN_TIMEOUT;
                    while Instant::now() < end && self.send_batch(&source).is_some_and(|taken| taken > 0) {}
                    return;
                }
            }
        }
    }

    /// How many records were read; `None` when the receiver is gone.
    fn send_batch(&mut self, source: &Arc<LogSource>) -> Option<usize> {
        self.throttle.apply();
        let notices = match self.store.notices_after(self.sent.load(Relaxed), crash::most_at_once(BATCH)) {
            Ok(notices) => notices,
            Err(error) => {
                tracing::error!(
                    %error,
                    consequence = "file changes are not reported",
                    help = "run hidsctl fim verify",
                    "cannot read the history of file changes"
                );
                return Some(0);
            }
        };
        let Some(last) = notices.last().map(|notice| notice.sequence) else { return Some(0) };
        let count = notices.len();
        let mut batch = LogBatch::new(Arc::clone(source), clock::now());
        batch.position = Some(SourcePosition { key: POSITION.into(), value: last.to_string() });
        notices.into_iter().filter(|notice| notice.alerted).for_each(|notice| self.push(&mut batch, notice));
        self.batches.send(batch).ok()?;
        self.sent.store(last, Relaxed);
        Some(count)
    }

    fn push(&self, batch: &mut LogBatch, notice: FileNotice) {
        let text = text(&notice.news, &self.policy.load());
        batch.push_notice(&text, Arc::new(notice));
    }
}

/// The text of an event: only attributes that are compared for that file are named as different.
pub(in crate::fim) fn text(news: &FimEvent, policy: &Policy) -> Vec<u8> {
    let watch = match news {
        FimEvent::Change(change) => policy.watch_of(&change.path, PathKind::Other),
        _ => None,
    };
    let checks = watch.map_or_else(|| fim::Checks::all(true), |watch| watch.checks);
    fim::text(news, TextStyle { checks, strict: policy.is_strict() })
}
