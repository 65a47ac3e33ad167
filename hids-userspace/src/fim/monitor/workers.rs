//! Threads that look at files, so that a large one holds up nobody else.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use hids_core::fim::{Checks, PathKind, Policy};
use hids_core::model::{FileKind, Timestamp};

use super::debounce::EventContext;
use super::throttle::Throttle;
use crate::fim::clock;
use crate::fim::examine::{self, ExamineOptions, Examined, Unread};

/// Looks that wait for a thread; more stay with the pending paths.
pub(super) const QUEUE: usize = 512;

/// Looks that wait to be taken over; at half a kilobyte each.
pub(super) const INSPECTED: usize = 4096;

/// A look that takes longer is checked for what became of the path meanwhile; less than
/// [`RETURN`](super::debounce::RETURN), which passes before a deletion is believed.
const LONG_LOOK: Duration = Duration::from_millis(100);
/// Such looks in a row.
const LOOKS: u32 = 3;

/// A path to look at.
#[derive(Debug)]
pub(super) struct Job {
    pub path: Arc<[u8]>,
    pub context: EventContext,
    /// The policy of that moment.
    pub policy: Arc<Policy>,
}

/// What was seen.
#[derive(Debug)]
pub(super) struct Inspected {
    pub path: Arc<[u8]>,
    pub context: EventContext,
    pub inspection: Inspection,
}

/// The outcome of a look.
#[derive(Debug)]
pub(super) enum Inspection {
    /// It is left out, now that its kind is known.
    NotWatched,
    /// Nothing is there.
    Gone,
    /// Something is there.
    There {
        examined: Box<Examined>,
        /// The content, where differences of text are reported and it is not too long.
        text: Option<Vec<u8>>,
    },
    /// It is not known whether something is there.
    Failed(io::Error),
}

/// The running threads; they end when it is dropped.
#[derive(Debug)]
pub(super) struct Workers {
    jobs: Sender<Job>,
    pub inspected: Receiver<Inspected>,
    _threads: Vec<JoinHandle<()>>,
}

/// What each look needs.
#[derive(Clone, Debug)]
pub(super) struct InspectOptions {
    pub examine: ExamineOptions,
    /// Longest content that is kept as text, in bytes.
    pub text_limit: u64,
}

impl Workers {
    /// Starts `threads` threads.
    pub(super) fn start(threads: usize, options: &InspectOptions, throttle: &Throttle) -> io::Result<Self> {
        let (jobs, to_do) = bounded::<Job>(QUEUE);
        // Room for what is looked at while a commit is under way.
        let (done, inspected) = bounded(INSPECTED);
        let spawn = |number| {
            let (to_do, done, options) = (to_do.clone(), done.clone(), options.clone());
            let mut throttle = throttle.clone();
            thread::Builder::new().name(format!("fim-inspect-{number}")).spawn(move || {
                for job in to_do {
                    throttle.apply();
                    let inspection = inspect(&job.path, &job.policy, &options);
                    if done.send(Inspected { path: job.path, context: job.context, inspection }).is_err() {
                        return;
                    }
                }
            })
        };
        let threads = (0..threads).map(spawn).collect::<io::Result<_>>()?;
        Ok(Self { jobs, inspected, _threads: threads })
    }

    /// How many jobs can be given now.
    pub(super) fn room(&self) -> usize {
        QUEUE - self.jobs.len()
    }

    /// Gives a job; gives it back when there is no room.
    pub(super) fn try_send(&self, job: Job) -> Result<(), Job> {
        self.jobs.try_send(job).map_err(|refused| match refused {
            TrySendError::Full(job) | TrySendError::Disconnected(job) => job,
        })
    }
}

/// Looks at one path.
fn inspect(path: &[u8], policy: &Policy, options: &InspectOptions) -> Inspection {
    let Some(watch) = policy.watch_of(path, PathKind::Directory).or_else(|| policy.watch_of(path, PathKind::Other))
    else {
        return Inspection::NotWatched;
    };
    let examined = match steadily(path, watch.checks, &options.examine) {
        Ok(Some(examined)) => examined,
        Ok(None) => return Inspection::Gone,
        Err(error) => return Inspection::Failed(error),
    };
    let kind = examined.state.kind;
    if policy.watch_of(path, kind.into()).is_none() {
        return Inspection::NotWatched;
    }
    let wants_text = watch.report_changes
        && policy.shows_diff(path)
        && kind == FileKind::Regular
        && examined.state.size_bytes <= options.text_limit;
    // A text that cannot be read now has no difference to show; the sums tell that it changed.
    let text = if wants_text { super::text_diff::read(path, options.text_limit).ok().flatten() } else { None };
    Inspection::There { examined: Box::new(examined), text }
}

/// Looks until what was looked at is still there afterwards: while a large file was read, a directory
/// above it may have been renamed, and nothing tells of the file itself then.
fn steadily(path: &[u8], checks: Checks, options: &ExamineOptions) -> io::Result<Option<Examined>> {
    for _ in 0..LOOKS {
        let began = Instant::now();
        let Some(examined) = examine::examine(path, checks, options)? else { return Ok(None) };
        if began.elapsed() < LONG_LOOK {
            return Ok(Some(examined));
        }
        let there = examine::examine(path, Checks::default(), &ExamineOptions::default())?;
        let is_same =
            |now: &Examined| (now.state.device, now.state.inode) == (examined.state.device, examined.state.inode);
        if there.as_ref().is_some_and(is_same) {
            return Ok(Some(examined));
        }
    }
    Err(io::Error::new(io::ErrorKind::ResourceBusy, "it is replaced all the time"))
}

impl Inspection {
    /// When the look began.
    pub(super) fn began(&self) -> Timestamp {
        match self {
            Self::There { examined, .. } => examined.began,
            _ => clock::now(),
        }
    }

    /// Why a part of it is missing.
    pub(super) fn unread(&self) -> Option<&Unread> {
        match self {
            Self::There { examined, .. } => examined.unread.as_ref(),
            _ => None,
        }
    }
}
