//! Runs the programs of custom responses: no shell, no environment, bounded time and number.
//!
//! Owns a few worker threads, started with the first call, and the queue that they take from; never makes its caller
//! wait. A program that runs too long is ended with everything that it has left behind.

use std::ffi::OsString;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use hids_core::model::Level;
use hids_core::respond::{ProgramCall, ProgramKey, RELOAD, Verb};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use tracing::{error, info, warn};

use crate::sys::adopt;
use crate::trust::{Distrust, Program};

use super::queue::{CallQueue, DropCause, Pick, Pushed, QueueLimits};
use super::{reload, tree};

/// Bounds of all programs together.
#[derive(Clone, Copy, Debug)]
pub struct ScriptLimits {
    /// A program that runs longer is killed with all of its descendants.
    pub time: Duration,
    /// How many run at once.
    pub workers: usize,
    /// How many wait; further ones are refused and counted, or others give way for them.
    pub queue: usize,
    /// How many of one source wait.
    pub share: usize,
}

impl Default for ScriptLimits {
    /// Some 8 MB of waiting calls at most: a burst of 10,000 sources is held. Of those a source has a sixty-fourth.
    fn default() -> Self {
        Self { time: Duration::from_secs(60), workers: 4, queue: 16 * 1024, share: 256 }
    }
}

/// What has happened to programs since the start.
#[derive(Debug, Default)]
pub(super) struct ScriptCounters {
    /// Started.
    pub started: AtomicU64,
    /// Could not be started, or ended with another status than 0.
    pub failed: AtomicU64,
    /// Killed because they ran too long.
    pub timed_out: AtomicU64,
    /// Not run because others could change them.
    pub distrusted: AtomicU64,
    /// Waiting or running now.
    pub pending: AtomicU64,
    /// Asked for while the same call was waiting; one run is enough.
    pub merged: AtomicU64,
}

/// Runs programs.
pub(super) struct Runner {
    limits: ScriptLimits,
    shared: Arc<Shared>,
    workers: usize,
    done: Sender<ProgramCall>,
    counters: Arc<ScriptCounters>,
}

/// What workers take from.
struct Shared {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

struct Waiting {
    calls: CallQueue,
    /// Nothing more comes.
    is_closed: bool,
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next call; waits for one. `None`: nothing more comes.
    fn take(&self, pick: Pick) -> Option<ProgramCall> {
        let mut waiting = self.waiting();
        loop {
            if let Some(call) = waiting.calls.take(pick) {
                return Some(call);
            }
            if waiting.is_closed && waiting.calls.len() == 0 {
                return None;
            }
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn has_run(&self, key: &ProgramKey) {
        self.waiting().calls.has_run(key);
        self.changed.notify_all();
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.shared.waiting().is_closed = true;
        self.shared.changed.notify_all();
    }
}

impl Runner {
    /// A runner that hands every call that has ended to `done`.
    pub(super) fn new(limits: ScriptLimits, done: Sender<ProgramCall>, counters: Arc<ScriptCounters>) -> Self {
        let calls = CallQueue::new(QueueLimits { most: limits.queue, share: limits.share });
        let waiting = Mutex::new(Waiting { calls, is_closed: false });
        let shared = Arc::new(Shared { waiting, changed: Condvar::new() });
        Self { limits, shared, workers: 0, done, counters }
    }

    /// The counters.
    pub(super) fn counters(&self) -> &ScriptCounters {
        &self.counters
    }

    /// Queues a call that an alert of `level` has led to; gives back the call that is not run for it: another one,
    /// or itself.
    pub(super) fn run(&mut self, call: ProgramCall, level: Level) -> Option<(ProgramCall, DropCause)> {
        if self.workers == 0
            && let Err(error) = self.start_workers()
        {
            warn!(%error, "cannot start a thread for response programs");
            return Some((call, DropCause::NoRoom));
        }
        let mut waiting = self.shared.waiting();
        let given_way = match waiting.calls.push(call, level) {
            Pushed::Waits(given_way) => given_way,
            Pushed::Merged => {
                self.counters.merged.fetch_add(1, Ordering::Relaxed);
                return None;
            }
            Pushed::Refused(call, cause) => return Some((call, cause)),
        };
        // Before a worker can take it off.
        self.counters.pending.fetch_add(u64::from(given_way.is_none()), Ordering::Relaxed);
        drop(waiting);
        self.shared.changed.notify_one();
        given_way
    }

    fn start_workers(&mut self) -> io::Result<()> {
        for number in 0..self.limits.workers.max(1) {
            // What waits for long is run some time, whatever comes meanwhile.
            let pick = if number > 0 && number + 1 == self.limits.workers { Pick::Oldest } else { Pick::Highest };
            let (shared, done, counters) = (Arc::clone(&self.shared), self.done.clone(), Arc::clone(&self.counters));
            let time = self.limits.time;
            let work = move || work(&shared, pick, &done, &counters, time);
            std::thread::Builder::new().name(format!("respond-run-{number}")).spawn(work)?;
            self.workers += 1;
        }
        Ok(())
    }
}

fn work(shared: &Shared, pick: Pick, done: &Sender<ProgramCall>, counters: &ScriptCounters, time: Duration) {
    while let Some(call) = shared.take(pick) {
        counters.started.fetch_add(1, Ordering::Relaxed);
        match run(&call, time) {
            Ok(Ended::Natively) => {}
            Ok(Ended::By(status)) if status.success() => {
                info!(program = %call.program, verb = call.verb.as_str(), ip = %call.ip, user = %call.user, "response program finished");
            }
            Ok(Ended::By(status)) => {
                counters.failed.fetch_add(1, Ordering::Relaxed);
                warn!(program = %call.program, verb = call.verb.as_str(), ip = %call.ip, user = %call.user, %status, "response program failed");
            }
            Ok(Ended::OutOfTime) => {
                counters.timed_out.fetch_add(1, Ordering::Relaxed);
                warn!(program = %call.program, verb = call.verb.as_str(), seconds = time.as_secs(), "response program timed out and was killed");
            }
            Err(NotRun::Distrusted(distrust)) => {
                counters.distrusted.fetch_add(1, Ordering::Relaxed);
                error!(
                    program = %call.program,
                    reason = %distrust,
                    help = distrust.remedy().unwrap_or_default(),
                    "response program not run: other users could modify it"
                );
            }
            Err(NotRun::Failed(error)) => {
                counters.failed.fetch_add(1, Ordering::Relaxed);
                warn!(program = %call.program, %error, help = "it must be an executable file", "cannot start response program");
            }
        }
        let key = call.key();
        let told = done.send(call);
        shared.has_run(&key);
        counters.pending.fetch_sub(1, Ordering::Relaxed);
        if told.is_err() {
            return;
        }
    }
}

/// Why a program was not run.
enum NotRun {
    /// Others could change what would run as root.
    Distrusted(Distrust),
    Failed(io::Error),
}

impl From<io::Error> for NotRun {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

enum Ended {
    By(ExitStatus),
    OutOfTime,
    /// No program was needed.
    Natively,
}

fn run(call: &ProgramCall, time: Duration) -> Result<Ended, NotRun> {
    if call.program == RELOAD {
        // A reload cannot be undone.
        if call.verb == Verb::Add {
            reload::ask();
        }
        return Ok(Ended::Natively);
    }
    // Looked at before each run: it may have been changed since the start.
    let program = Program::open(Path::new(&call.program)).map_err(|distrust| match distrust {
        Distrust::Open { source, .. } => NotRun::Failed(source),
        other => NotRun::Distrusted(other),
    })?;
    let mut command = program.command();
    command
        .args(call.arguments().map(OsString::from_vec))
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    adopt::run_below_adopter(&mut command);
    let mut child = command.spawn()?;
    match wait(&mut child, time)? {
        Some(status) => Ok(Ended::By(status)),
        None => {
            tree::end_descendants(child.id().cast_signed());
            child.kill()?;
            child.wait()?;
            Ok(Ended::OutOfTime)
        }
    }
}

/// The status, or `None` when the program is still running after `time`.
fn wait(child: &mut Child, time: Duration) -> io::Result<Option<ExitStatus>> {
    let end = Instant::now() + time;
    let pid = Pid::from_raw(child.id().cast_signed());
    // Linux 5.3; before, look every so often.
    let handle = pid.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        match &handle {
            Some(handle) => {
                let left = Timespec::try_from(left).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
                let _ = poll(&mut [PollFd::from_borrowed_fd(handle.as_fd(), PollFlags::IN)], Some(&left));
            }
            None => std::thread::sleep(left.min(Duration::from_millis(50))),
        }
    }
}
