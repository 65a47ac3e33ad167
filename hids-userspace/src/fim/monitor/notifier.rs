//! Hands notices on to the rules, from where the record stage had committed them.
//!
//! The store is the queue: a notice is in it before this thread sees it, and is read again after a
//! crash. So a full channel (a full disk, in the end) stops only this thread.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use hids_core::fim::{self, PathKind, Policy, TextStyle};
use hids_core::model::{Channel, FileNews, FileNotice, LogBatch, LogSource, SourcePosition};

use super::throttle::Throttle;
use crate::fim::clock;
use crate::fim::store::StoreView;

/// The name of file integrity in the record stage's journal of positions.
pub const POSITION: &str = "syscheck";

/// Notices of one batch.
const BATCH: usize = 256;

/// How long a stop waits for notices to be handed on.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Notices that may have been handed on and not been recorded: what the channel of the analysis holds, and more.
pub(super) const ON_THE_WAY: u64 = 512 * BATCH as u64;

/// How long the thread sleeps when nobody wakes it: a notice whose wake-up was lost goes out then.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What the thread works with.
pub(super) struct Notifier {
    pub store: StoreView,
    /// The last notice that was handed on.
    pub sent: Arc<AtomicU64>,
    pub policy: Arc<ArcSwap<Policy>>,
    pub batches: Sender<LogBatch>,
    /// Something was committed; ends when every sender is gone.
    pub wake: Receiver<()>,
    /// Whether others go first.
    pub throttle: Throttle,
}

/// Starts the thread.
pub(super) fn start(outbox: Notifier) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name("fim-outbox".into()).spawn(move || outbox.run())
}

impl Notifier {
    fn run(mut self) {
        let source = Arc::new(LogSource { location: "syscheck".into(), channel: Channel::Syscheck });
        loop {
            let mut taken = self.hand_on(&source);
            while taken == Some(BATCH) {
                taken = self.hand_on(&source);
            }
            if taken.is_none() {
                return;
            }
            match self.wake.recv_timeout(LOOK_AGAIN) {
                Ok(()) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    // What was committed last, before the thread that commits ended; the next start has the rest.
                    let end = Instant::now() + LAST_WORDS;
                    while Instant::now() < end && self.hand_on(&source).is_some_and(|taken| taken > 0) {}
                    return;
                }
            }
        }
    }

    /// How many notices were read; nothing when nobody takes batches any more.
    fn hand_on(&mut self, source: &Arc<LogSource>) -> Option<usize> {
        self.throttle.apply();
        let notices = match self.store.notices_after(self.sent.load(Relaxed), BATCH) {
            Ok(notices) => notices,
            Err(error) => {
                tracing::error!(%error, help = "see hidsctl fim verify", "changes of files cannot be read from the baseline and are not alerted");
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

/// What is said of `news`: only what is compared of that file is told to differ.
pub(in crate::fim) fn text(news: &FileNews, policy: &Policy) -> Vec<u8> {
    let watch = match news {
        FileNews::Change(change) => policy.watch_of(&change.path, PathKind::Other),
        _ => None,
    };
    let checks = watch.map_or_else(|| fim::Checks::all(true), |watch| watch.checks);
    fim::text(news, TextStyle { checks, strict: policy.is_strict() })
}
