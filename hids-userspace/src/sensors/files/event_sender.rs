//! Sends events: those of one batch, merged, each with who did it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{SendTimeoutError, Sender, TrySendError};
use hids_core::model::{FileEvent, GapCause, Operations, Sensed, Who};

use super::options::FilesTuning;
use super::report::FilesReport;
use crate::platform::clock::now;
use crate::sensors::WhoLookup;

/// How long a full channel is waited for when the sensor is to stop.
const PATIENCE_AT_STOP: Duration = Duration::from_secs(2);

/// Nobody takes events any more.
#[derive(Debug)]
pub(super) struct Disconnected;

/// The batch in hand and the way out.
pub(super) struct EventSender {
    sender: Sender<Sensed>,
    who: Arc<dyn WhoLookup>,
    most_events: usize,
    stall: Duration,
    stopping: Arc<AtomicBool>,
    events: Vec<FileEvent>,
    /// Where in `events` a path and process is already.
    places: HashMap<(Vec<u8>, u32), usize>,
    /// Who the processes of this batch are.
    processes: HashMap<u32, Option<Arc<Who>>>,
    closed: bool,
    pub(super) report: FilesReport,
}

/// Who did it, and whether that is to be found out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Doer {
    pub(super) pid: u32,
    pub(super) wanted: bool,
}

impl EventSender {
    pub(super) fn new(
        sender: Sender<Sensed>,
        who: Arc<dyn WhoLookup>,
        tuning: &FilesTuning,
        stopping: Arc<AtomicBool>,
    ) -> Self {
        Self {
            sender,
            who,
            most_events: tuning.most_events.max(1),
            stall: tuning.stall,
            stopping,
            events: Vec::new(),
            places: HashMap::new(),
            processes: HashMap::new(),
            closed: false,
            report: FilesReport::default(),
        }
    }

    /// Adds an event; one of the same path and process in this batch takes its operations instead.
    pub(super) fn event(&mut self, path: Vec<u8>, operations: Operations, is_directory: bool, doer: Doer) {
        let who = if doer.wanted { self.who(doer.pid) } else { None };
        self.event_by(path, operations, is_directory, doer.pid, who);
    }

    /// The same, when it is known already who it was.
    pub(super) fn event_by(
        &mut self,
        path: Vec<u8>,
        operations: Operations,
        is_directory: bool,
        pid: u32,
        who: Option<Arc<Who>>,
    ) {
        let key = (path, pid);
        if let Some(event) = self.places.get(&key).and_then(|&place| self.events.get_mut(place)) {
            event.operations = event.operations.union(operations);
            event.is_directory |= is_directory;
            self.report.coalesced += 1;
            return;
        }
        let path = key.0.clone();
        self.places.insert(key, self.events.len());
        self.events.push(FileEvent { path, operations, is_directory, time: now(), who });
        if self.events.len() >= self.most_events {
            self.flush();
        }
    }

    /// Who a process is: asked once in a batch.
    pub(super) fn who(&mut self, pid: u32) -> Option<Arc<Who>> {
        if pid == 0 {
            return None;
        }
        let lookup = &self.who;
        let found = self.processes.entry(pid).or_insert_with(|| lookup.who(pid));
        // The number alone is better than nothing.
        found.clone().or_else(|| Some(Arc::new(Who { pid, ..Who::default() })))
    }

    /// Tells that events may be missing below `subtree`.
    pub(super) fn gap(&mut self, subtree: &[u8], cause: GapCause) {
        self.flush();
        self.send(Sensed::Gap { subtree: subtree.to_vec(), cause });
    }

    /// Ends the batch: sends what is in it.
    pub(super) fn end_batch(&mut self) -> Result<(), Disconnected> {
        self.flush();
        self.processes.clear();
        if self.closed { Err(Disconnected) } else { Ok(()) }
    }

    fn flush(&mut self) {
        self.places.clear();
        if self.events.is_empty() {
            return;
        }
        self.report.reported += self.events.len() as u64;
        let events = std::mem::take(&mut self.events);
        self.send(Sensed::Events(events));
    }

    /// Waits while the channel is full: the kernel's queue holds what comes meanwhile.
    fn send(&mut self, sensed: Sensed) {
        if self.closed {
            return;
        }
        let mut waiting = match self.sender.try_send(sensed) {
            Ok(()) => return,
            Err(TrySendError::Disconnected(_)) => {
                self.closed = true;
                return;
            }
            Err(TrySendError::Full(sensed)) => sensed,
        };
        let begin = Instant::now();
        loop {
            match self.sender.send_timeout(waiting, Duration::from_millis(100)) {
                Ok(()) => break,
                Err(SendTimeoutError::Timeout(sensed)) => waiting = sensed,
                Err(SendTimeoutError::Disconnected(_)) => {
                    self.closed = true;
                    break;
                }
            }
            if self.stopping.load(Ordering::Relaxed) && begin.elapsed() > PATIENCE_AT_STOP {
                self.closed = true;
                break;
            }
        }
        if begin.elapsed() >= self.stall {
            self.report.stalls += 1;
            self.report.stalled_ms += u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        }
    }
}
