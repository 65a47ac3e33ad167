//! Runs the programs of custom responses: no shell, no environment, bounded time and number.
//!
//! Owns a few worker threads, started with the first call. Calls about the same subject run one
//! after another in their order (`add` before `delete`); never makes its caller wait.

use std::collections::HashMap;
use std::ffi::OsString;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use hids_core::respond::{ProgramCall, RELOAD, Verb};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open, pidfd_send_signal};
use tracing::{error, info, warn};

use crate::trust::{Distrust, Program};

use super::reload;

/// Bounds of all programs together.
#[derive(Clone, Copy, Debug)]
pub struct ScriptLimits {
    /// A program that runs longer is killed with all of its process group.
    pub time: Duration,
    /// How many run at once.
    pub workers: usize,
    /// How many wait for each worker; more are refused and counted.
    pub queue: usize,
}

impl Default for ScriptLimits {
    fn default() -> Self {
        Self { time: Duration::from_secs(60), workers: 4, queue: 256 }
    }
}

/// What has happened to programs since the start.
#[derive(Debug, Default)]
pub struct ScriptCounters {
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
}

/// Runs programs.
pub struct Runner {
    limits: ScriptLimits,
    workers: Vec<Sender<ProgramCall>>,
    done: Sender<ProgramCall>,
    counters: Arc<ScriptCounters>,
}

impl Runner {
    /// A runner that hands every call that has ended to `done`.
    pub fn new(limits: ScriptLimits, done: Sender<ProgramCall>, counters: Arc<ScriptCounters>) -> Self {
        Self { limits, workers: Vec::new(), done, counters }
    }

    /// The counters.
    pub fn counters(&self) -> &ScriptCounters {
        &self.counters
    }

    /// Queues a call; gives it back when the queue is full or no thread can be started.
    pub fn try_run(&mut self, call: ProgramCall) -> Result<(), ProgramCall> {
        if self.workers.is_empty()
            && let Err(error) = self.start_workers()
        {
            warn!(%error, "no thread for programs of active responses");
            return Err(call);
        }
        let mut hasher = DefaultHasher::new();
        call.key().hash(&mut hasher);
        let worker = hasher.finish() as usize % self.workers.len();
        // Counted first, so that the worker never takes off what is not yet added.
        self.counters.pending.fetch_add(1, Ordering::Relaxed);
        self.workers[worker].try_send(call).map_err(|error| {
            self.counters.pending.fetch_sub(1, Ordering::Relaxed);
            match error {
                TrySendError::Full(call) | TrySendError::Disconnected(call) => call,
            }
        })
    }

    fn start_workers(&mut self) -> io::Result<()> {
        for number in 0..self.limits.workers.max(1) {
            let (sender, queue) = bounded(self.limits.queue);
            let (done, counters, time) = (self.done.clone(), Arc::clone(&self.counters), self.limits.time);
            let work = move || work(&queue, &done, &counters, time);
            std::thread::Builder::new().name(format!("respond-run-{number}")).spawn(work)?;
            self.workers.push(sender);
        }
        Ok(())
    }
}

fn work(queue: &Receiver<ProgramCall>, done: &Sender<ProgramCall>, counters: &ScriptCounters, time: Duration) {
    while let Ok(call) = queue.recv() {
        counters.started.fetch_add(1, Ordering::Relaxed);
        match run(&call, time) {
            Ok(Ended::Natively) => {}
            Ok(Ended::By(status)) if status.success() => {
                info!(program = %call.program, verb = call.verb.as_str(), ip = %call.ip, user = %call.user, "response program has run");
            }
            Ok(Ended::By(status)) => {
                counters.failed.fetch_add(1, Ordering::Relaxed);
                warn!(program = %call.program, verb = call.verb.as_str(), ip = %call.ip, user = %call.user, %status, "response program has failed");
            }
            Ok(Ended::OutOfTime) => {
                counters.timed_out.fetch_add(1, Ordering::Relaxed);
                warn!(program = %call.program, verb = call.verb.as_str(), seconds = time.as_secs(), "response program ran too long and was killed");
            }
            Err(NotRun::Distrusted(distrust)) => {
                counters.distrusted.fetch_add(1, Ordering::Relaxed);
                error!(
                    program = %call.program,
                    reason = %distrust,
                    help = distrust.remedy().unwrap_or_default(),
                    "response program is not run: others could change what runs as root"
                );
            }
            Err(NotRun::Failed(error)) => {
                counters.failed.fetch_add(1, Ordering::Relaxed);
                warn!(program = %call.program, %error, help = "it must be an executable file", "response program cannot be started");
            }
        }
        let told = done.send(call);
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
    let mut child = program
        .command()
        .args(call.arguments().map(OsString::from_vec))
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()?;
    match wait(&mut child, time)? {
        Some(status) => Ok(Ended::By(status)),
        None => {
            // Those that left the group (`setsid`) are found as long as the program, their parent, lives.
            let left = descendants(child.id().cast_signed());
            if let Some(group) = Pid::from_raw(child.id().cast_signed()) {
                let _ = kill_process_group(group, Signal::KILL);
            }
            for handle in left {
                let _ = pidfd_send_signal(handle, Signal::KILL);
            }
            child.wait()?;
            Ok(Ended::OutOfTime)
        }
    }
}

/// Handles of all processes that descend from `program`, by their parents in `/proc`. A handle names a
/// process even after its number has been given to another; whoever is no descendant any more after it
/// was opened is left out.
fn descendants(program: i32) -> Vec<OwnedFd> {
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    for process in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let number = process.file_name().to_str().and_then(|name| name.parse::<i32>().ok());
        if let Some(number) = number
            && let Some(parent) = parent_of(number)
        {
            children.entry(parent).or_default().push(number);
        }
    }
    let (mut found, mut next) = (Vec::new(), vec![program]);
    while let Some(parent) = next.pop() {
        for number in children.remove(&parent).unwrap_or_default() {
            next.push(number);
            let handle = Pid::from_raw(number).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
            found.extend(handle.filter(|_| parent_of(number) == Some(parent)));
        }
    }
    found
}

/// Field 4 of `/proc/PID/stat`, behind the name, which may hold anything.
fn parent_of(number: i32) -> Option<i32> {
    let stat = std::fs::read(format!("/proc/{number}/stat")).ok()?;
    let rest = stat.get(memchr::memrchr(b')', &stat)? + 1..)?;
    std::str::from_utf8(rest).ok()?.split_ascii_whitespace().nth(1)?.parse().ok()
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
