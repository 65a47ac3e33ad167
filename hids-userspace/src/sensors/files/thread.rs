//! The thread of the sensor: waits for the kernel, for commands and for changes of the mount table.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use hids_core::fim::Policy;
use hids_core::model::Sensed;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tracing::warn;

use super::event_batching::EventBatching;
use super::event_sender::Disconnected;
use super::mounts::MountTable;
use super::options::FilesOptions;
use super::report::FilesReport;
use super::sensor::Sensor;
use crate::platform::waker::Waker;
use crate::sensors::Degradation;

/// Directories marked between two looks at the kernel's queues.
const VISITS_AT_ONCE: usize = 64;

/// Reads from one queue before the others have their turn.
const READS_AT_ONCE: usize = 16;

/// What handle and thread share.
#[derive(Debug)]
pub(super) struct Shared {
    report: Mutex<FilesReport>,
    ready: Mutex<bool>,
    became_ready: Condvar,
    stopping: Arc<AtomicBool>,
    waker: Waker,
    /// What to watch from now on; a newer one takes its place before the thread has taken it.
    policy: Mutex<Option<Arc<Policy>>>,
}

/// The thread and the way to it.
#[derive(Debug)]
pub(super) struct Running {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// Opens the sensor, so that a refusal is known at once, and starts its thread.
pub(super) fn start(options: FilesOptions, sensed: Sender<Sensed>) -> Result<Running, Degradation> {
    let waker = Waker::new().map_err(Degradation::Fanotify)?;
    let stopping = Arc::new(AtomicBool::new(false));
    // Open before the sensor looks at the mounts: what changes in between is reported by it.
    let mounts = MountTable::open().map_err(Degradation::Fanotify)?;
    let sensor = Sensor::open(options, sensed, Arc::clone(&stopping))?;
    let shared = Arc::new(Shared {
        report: Mutex::new(sensor.report()),
        ready: Mutex::new(!sensor.is_marking()),
        became_ready: Condvar::new(),
        stopping,
        waker,
        policy: Mutex::default(),
    });
    let its = Arc::clone(&shared);
    let run = move || {
        if run(sensor, &its, &mounts).is_err() {
            tracing::debug!("the receiver of file events is closed");
        }
    };
    let thread = thread::Builder::new().name("hids-files".into()).spawn(run).map_err(Degradation::Fanotify)?;
    Ok(Running { shared, thread: Some(thread) })
}

impl Running {
    pub(super) fn is_ready(&self) -> bool {
        *self.shared.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wait_ready(&self, patience: Duration) -> bool {
        let ready = self.shared.ready.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.shared.became_ready.wait_timeout_while(ready, patience, |ready| !*ready);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    pub(super) fn replace_policy(&self, policy: Arc<Policy>) {
        // Under the lock, so that the thread does not call itself ready in between.
        let mut pending = self.shared.policy();
        *pending = Some(policy);
        self.shared.set_ready(false);
        drop(pending);
        self.shared.waker.wake();
    }

    pub(super) fn report(&self) -> FilesReport {
        self.shared.report.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn stop(&mut self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        self.shared.waker.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn policy(&self) -> MutexGuard<'_, Option<Arc<Policy>>> {
        self.policy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_ready(&self, is_ready: bool) {
        *self.ready.lock().unwrap_or_else(PoisonError::into_inner) = is_ready;
        if is_ready {
            self.became_ready.notify_all();
        }
    }
}

fn run(mut sensor: Sensor, shared: &Shared, mounts: &MountTable) -> Result<(), Disconnected> {
    let mut reported = Instant::now();
    let mut batching = EventBatching::new(reported);
    loop {
        let more = sensor.walk(VISITS_AT_ONCE).then_some(Duration::ZERO);
        let more = more.or_else(|| sensor.search(VISITS_AT_ONCE));
        let more = [more, sensor.resolve_again()].into_iter().flatten().min();
        sensor.end_batch()?;
        let pending = shared.policy();
        if pending.is_none() && !sensor.is_marking() {
            shared.set_ready(true);
        }
        drop(pending);
        if more.is_none() || reported.elapsed() > Duration::from_millis(200) {
            *shared.report.lock().unwrap_or_else(PoisonError::into_inner) = sensor.report();
            reported = Instant::now();
        }
        let woken = match wait(&sensor, &shared.waker, mounts.as_fd(), more) {
            Ok(woken) => woken,
            Err(error) => {
                warn!(%error, "waiting for file events failed");
                thread::sleep(Duration::from_millis(100));
                continue;
            }
        };
        let have_come = !woken.groups.is_empty();
        for number in woken.groups {
            for _ in 0..READS_AT_ONCE {
                if !sensor.read(number)? {
                    break;
                }
            }
        }
        if woken.mounts_changed {
            sensor.check_roots();
            sensor.end_batch()?;
        }
        let policy = shared.policy().take();
        if let Some(policy) = policy {
            sensor.replace_policy(policy);
            sensor.end_batch()?;
        }
        if shared.stopping.load(Ordering::Relaxed) {
            return drain(&mut sensor);
        }
        let pause = batching.pause(sensor.out.report.events, Instant::now());
        if let Some(pause) = pause.filter(|_| have_come && sensor.may_batch) {
            thread::sleep(pause);
        }
    }
}

/// Hands on what is in the kernel's queues when the sensor is to stop; not what comes after that.
fn drain(sensor: &mut Sensor) -> Result<(), Disconnected> {
    let numbers: Vec<usize> = sensor.groups().map(|(number, _)| number).collect();
    for number in numbers {
        for _ in 0..READS_AT_ONCE {
            if !sensor.read(number)? {
                break;
            }
        }
    }
    Ok(())
}

/// One turn without a thread: waits for events at most `patience`, hands them on, finds other names.
pub(super) fn step(sensor: &mut Sensor, patience: Duration) {
    let mut polled: Vec<PollFd<'_>> =
        sensor.groups().map(|(_, group)| PollFd::from_borrowed_fd(group, PollFlags::IN)).collect();
    let limit = Timespec::try_from(patience).ok();
    let _ = poll(&mut polled, limit.as_ref());
    drop(polled);
    let _ = drain(sensor);
    while sensor.walk(VISITS_AT_ONCE) {}
    while sensor.search(VISITS_AT_ONCE) == Some(Duration::ZERO) {}
    sensor.resolve_again();
    let _ = sensor.end_batch();
}

/// What there is to do.
struct Woken {
    groups: Vec<usize>,
    mounts_changed: bool,
}

/// Waits for something to do; `more` is when there is, whatever comes.
fn wait(sensor: &Sensor, waker: &Waker, mounts: BorrowedFd<'_>, more: Option<Duration>) -> io::Result<Woken> {
    let mut polled = vec![
        PollFd::new(waker, PollFlags::IN),
        // The mount table reports a change as an error and as urgent data (proc_pid_mounts(5)).
        PollFd::from_borrowed_fd(mounts, PollFlags::PRI),
    ];
    let numbers: Vec<usize> = sensor.groups().map(|(number, _)| number).collect();
    polled.extend(sensor.groups().map(|(_, group)| PollFd::from_borrowed_fd(group, PollFlags::IN)));
    let limit = more.and_then(|more| Timespec::try_from(more).ok());
    match poll(&mut polled, limit.as_ref()) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    let is_awake = |number: usize| polled.get(number).is_some_and(|fd| !fd.revents().is_empty());
    if is_awake(0) {
        waker.clear();
    }
    let groups = numbers.iter().enumerate().filter(|(place, _)| is_awake(place + 2)).map(|(_, &number)| number);
    Ok(Woken { groups: groups.collect(), mounts_changed: is_awake(1) })
}
