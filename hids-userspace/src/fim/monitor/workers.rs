//! Threads that inspect files, so that a large one delays no other.

use std::io::{self, Read as _};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use hids_core::fim::{Checks, PathKind, Policy};
use hids_core::model::{FileKind, Timestamp};
use rustix::fs::{Mode, OFlags, openat};

use super::event_context::EventContext;
use super::throttle::Throttle;
use crate::fim::examine::{self, ExamineOptions, Examined, Name, Unread, open_directory, split};
use crate::platform::clock;

/// Paths that wait for a thread; more stay with the debouncer.
pub(super) const MAX_JOBS: usize = 512;

/// Results that wait for the monitor, half a kilobyte each.
pub(super) const MAX_RESULTS: usize = 4096;

/// After an inspection that took longer it is checked that the path still leads to the same file. Less than
/// [`REAPPEAR`](super::debounce::REAPPEAR), which passes before a deletion is believed.
const LONG_INSPECTION: Duration = Duration::from_millis(100);
/// Such inspections in a row.
const ATTEMPTS: u32 = 3;

/// A path to inspect.
#[derive(Debug)]
pub(super) struct Job {
    pub path: Arc<[u8]>,
    pub context: EventContext,
    /// The policy when it was sent.
    pub policy: Arc<Policy>,
}

/// An inspected path.
#[derive(Debug)]
pub(super) struct Inspected {
    pub path: Arc<[u8]>,
    pub context: EventContext,
    pub inspection: Inspection,
}

/// The result of an inspection.
#[derive(Debug)]
pub(super) enum Inspection {
    /// It is not watched, now that its kind is known.
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

/// The threads; they end when this is dropped.
#[derive(Debug)]
pub(super) struct Workers {
    jobs: Sender<Job>,
    pub inspected: Receiver<Inspected>,
    _threads: Vec<JoinHandle<()>>,
}

/// How files are inspected.
#[derive(Clone, Debug)]
pub(super) struct InspectOptions {
    pub examine: ExamineOptions,
    /// Longest content that is kept as text, in bytes.
    pub text_limit: u64,
}

impl Workers {
    /// Starts `threads` threads.
    pub(super) fn start(threads: usize, options: &InspectOptions, throttle: &Throttle) -> io::Result<Self> {
        let (jobs, to_do) = bounded::<Job>(MAX_JOBS);
        // Room for what is inspected during a commit.
        let (done, inspected) = bounded(MAX_RESULTS);
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

    /// How many jobs can be sent now.
    pub(super) fn room(&self) -> usize {
        MAX_JOBS - self.jobs.len()
    }

    /// Sends a job; returns it when there is no room.
    pub(super) fn try_send(&self, job: Job) -> Result<(), Job> {
        self.jobs.try_send(job).map_err(|refused| match refused {
            TrySendError::Full(job) | TrySendError::Disconnected(job) => job,
        })
    }
}

/// Inspects one path.
fn inspect(path: &[u8], policy: &Policy, options: &InspectOptions) -> Inspection {
    let Some(watch) = policy.watch_of(path, PathKind::Directory).or_else(|| policy.watch_of(path, PathKind::Other))
    else {
        return Inspection::NotWatched;
    };
    let examined = match examine_steadily(path, watch.checks, &options.examine) {
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
    // A text that cannot be read now has no difference to show; the digests show that it changed.
    let text = if wants_text { read_text(path, options.text_limit).ok().flatten() } else { None };
    Inspection::There { examined: Box::new(examined), text }
}

/// Inspects until the path still leads to the same file afterwards: while a large file was read, a directory above it
/// may have been renamed, and there is no event for the file itself then.
fn examine_steadily(path: &[u8], checks: Checks, options: &ExamineOptions) -> io::Result<Option<Examined>> {
    for _ in 0..ATTEMPTS {
        let began = Instant::now();
        let Some(examined) = examine::examine(path, checks, options)? else { return Ok(None) };
        if began.elapsed() < LONG_INSPECTION {
            return Ok(Some(examined));
        }
        let there = examine::examine(path, Checks::default(), &ExamineOptions::default())?;
        let is_same =
            |now: &Examined| (now.state.device, now.state.inode) == (examined.state.device, examined.state.inode);
        if there.as_ref().is_some_and(is_same) {
            return Ok(Some(examined));
        }
    }
    Err(io::Error::new(io::ErrorKind::ResourceBusy, "file is replaced continuously"))
}

/// The content of a regular file of at most `limit` bytes; `None` when it is something else or longer.
fn read_text(path: &[u8], limit: u64) -> io::Result<Option<Vec<u8>>> {
    let (directory, name) = split(path);
    let directory = open_directory(directory, None)?;
    let Some(name) = Name::new(name) else { return Ok(None) };
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = std::fs::File::from(openat(&directory, name.as_c_str(), flags, Mode::empty())?);
    if !file.metadata()?.is_file() {
        return Ok(None);
    }
    let mut content = Vec::new();
    file.take(limit + 1).read_to_end(&mut content)?;
    Ok((content.len() as u64 <= limit).then_some(content))
}

impl Inspection {
    /// When it began.
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
