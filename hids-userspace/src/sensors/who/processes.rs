//! The lookup that knows every process since the programs were attached.

use std::fmt;
use std::fs;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use hids_core::model::Who;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;
use tracing::error;

use super::cgroups::{self, Cgroups};
use super::kernel::Maps;
use super::programs::Programs;
use super::state::{MOST_LATE, State};
use super::sweep::sweep;
use super::{Procfs, WhoLookup};
use crate::platform::waker::Waker;

/// Every process, living or recently ended. Dropping it ends its thread.
pub struct Processes {
    state: Arc<Mutex<State<Maps>>>,
    procfs: Procfs,
    counts: Counts,
    stop: Waker,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Counts {
    known: AtomicU64,
    procfs: AtomicU64,
    unknown: AtomicU64,
}

/// What `hidsctl status` shows of the table of processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ProcessesReport {
    /// Ended processes that are remembered.
    #[serde(rename = "exited")]
    pub ended: usize,
    /// Starts of programs that are remembered.
    pub programs: usize,
    /// Answers from what the kernel told.
    #[serde(rename = "resolved_by_events")]
    pub known: u64,
    /// Answers that only `/proc` could give.
    #[serde(rename = "resolved_by_procfs")]
    pub procfs: u64,
    /// Questions without an answer.
    #[serde(rename = "unresolved")]
    pub unknown: u64,
    /// Records of the kernel that could not be read.
    pub unreadable_records: u64,
}

impl Processes {
    /// Takes over what attached programs fill, adds the processes that were there before, and starts the
    /// thread that empties the ring when it fills up.
    pub fn start(maps: Maps) -> io::Result<Self> {
        let waiting = maps.waiting()?;
        let mut state = State::new(maps, Programs::new(own_mounts()), Cgroups::new(cgroups::mount()));
        sweep(&mut state.kernel, &mut state.programs);
        let state = Arc::new(Mutex::new(state));
        let stop = Waker::new()?;
        let (stopped, shared) = (stop.clone(), Arc::clone(&state));
        let thread = std::thread::Builder::new()
            .name("processes".to_owned())
            .spawn(move || read_until_stopped(&shared, &waiting, &stopped))?;
        Ok(Self { state, procfs: Procfs::default(), counts: Counts::default(), stop, thread: Some(thread) })
    }

    /// Sizes and counters as they are now.
    pub fn report(&self) -> ProcessesReport {
        let state = lock(&self.state);
        ProcessesReport {
            ended: state.ended.len(),
            programs: state.programs.len(),
            known: self.counts.known.load(Ordering::Relaxed),
            procfs: self.counts.procfs.load(Ordering::Relaxed),
            unknown: self.counts.unknown.load(Ordering::Relaxed),
            unreadable_records: state.unknown_records,
        }
    }
}

impl WhoLookup for Processes {
    fn who(&self, pid: u32) -> Option<Arc<Who>> {
        self.who_within(pid, MOST_LATE)
    }

    fn remembers_ended(&self) -> bool {
        true
    }

    fn who_within(&self, pid: u32, age: Duration) -> Option<Arc<Who>> {
        // What the kernel calls a process that the daemon's PID namespace does not show.
        if pid == 0 {
            return None;
        }
        let age = u64::try_from(age.as_nanos()).unwrap_or(u64::MAX);
        let known = lock(&self.state).who(pid, now(), age);
        let (who, count) = match known {
            Some(who) => (Some(who), &self.counts.known),
            None => match self.procfs.who(pid) {
                Some(who) => (Some(who), &self.counts.procfs),
                None => (None, &self.counts.unknown),
            },
        };
        count.fetch_add(1, Ordering::Relaxed);
        who
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        // An event counter that is full is readable too.
        let _ = rustix::io::write(&self.stop, &1_u64.to_ne_bytes());
        if let Some(thread) = self.thread.take() {
            // It holds nothing that a panic could have broken.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Processes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Processes").field("counts", &self.counts).finish_non_exhaustive()
    }
}

/// The kernel wakes this thread when the ring has become full enough.
fn read_until_stopped(state: &Mutex<State<Maps>>, waiting: &OwnedFd, stopped: &Waker) {
    loop {
        let mut ready = [PollFd::from_borrowed_fd(waiting.as_fd(), PollFlags::IN), PollFd::new(stopped, PollFlags::IN)];
        match poll(&mut ready, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => {
                let help = "processes are still looked up on file events; report this";
                error!(%error, help, "process records are not read in time");
                return;
            }
        }
        if !ready[1].revents().is_empty() {
            return;
        }
        lock(state).read_records();
    }
}

fn lock(state: &Mutex<State<Maps>>) -> MutexGuard<'_, State<Maps>> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Nanoseconds of `CLOCK_MONOTONIC`, as `bpf_ktime_get_ns` gives them.
fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    let (seconds, nanoseconds) = (u64::try_from(time.tv_sec), u64::try_from(time.tv_nsec));
    seconds.unwrap_or(0).saturating_mul(1_000_000_000).saturating_add(nanoseconds.unwrap_or(0))
}

/// The mount namespaces in which a path means what it means to the administrator: the daemon's own
/// (a service may have one) and that of the first process.
fn own_mounts() -> Vec<u32> {
    let number = |path| fs::metadata(path).ok().and_then(|data| u32::try_from(data.ino()).ok());
    ["/proc/self/ns/mnt", "/proc/1/ns/mnt"].into_iter().filter_map(number).collect()
}
