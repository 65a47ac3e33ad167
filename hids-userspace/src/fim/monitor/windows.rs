//! Change windows: kept in the store, so that they survive a restart and are as hard to alter as the baseline.
//!
//! What a window covers is decided by `hids_core::fim::Window`. A window that is closed waits until what happened
//! before is committed, then it is reported with what it has accepted.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Sender;
use hids_core::fim::{Moment, Window, WindowChange};
use hids_core::model::{FimEvent, Timestamp, WindowEndCause};
use rustix::time::{ClockId, clock_gettime};

use super::baseline_writer::{BaselineWriter, save};
use super::event_context::EventContext;
use super::status::Status;
use crate::fim::process::started_at;
use crate::fim::store::{StoreError, WriteTxn};
use crate::platform::clock;

/// Their name in the store.
const WINDOWS: &str = "change windows";
/// Windows at one time.
const MOST: usize = 16;
/// How long a closed window waits at least, and at most, for what happened before.
const SETTLE: Duration = Duration::from_secs(1);
const MOST_SETTLE: Duration = Duration::from_secs(30);

/// See the module.
#[derive(Debug)]
pub(super) struct Windows {
    open: Vec<Window>,
    status: Arc<Status>,
    /// Whether something was noted since it was saved.
    is_changed: bool,
    /// Scans that complete a maintenance.
    scans: Vec<(u64, u64)>,
    /// Who waits for the end of a window.
    waiting: Vec<(u64, Sender<Window>)>,
}

impl Windows {
    /// As the store has them.
    pub(super) fn load(writer: &BaselineWriter, status: Arc<Status>) -> Self {
        let open = writer.load(WINDOWS).unwrap_or_default();
        let windows = Self { open, status, is_changed: false, scans: Vec::new(), waiting: Vec::new() };
        windows.show();
        windows
    }

    /// None; for tests of other parts.
    #[cfg(test)]
    pub(super) fn none() -> Self {
        let status = Arc::default();
        Self { open: Vec::new(), status, is_changed: false, scans: Vec::new(), waiting: Vec::new() }
    }

    fn show(&self) {
        self.status.lists().windows = self.open.clone();
    }

    /// Whether a change of `path` is one of those that were announced.
    pub(super) fn covers(&self, path: &[u8], context: &EventContext) -> bool {
        if self.open.is_empty() {
            return false;
        }
        let now = moment();
        self.open.iter().any(|window| is_covered(window, path, context, &now))
    }

    /// The same, and notes it with the window.
    pub(super) fn take(&mut self, path: &[u8], context: &EventContext) -> bool {
        if self.open.is_empty() {
            return false;
        }
        let now = moment();
        let Some(window) = self.open.iter_mut().find(|window| is_covered(window, path, context, &now)) else {
            return false;
        };
        window.note(path);
        self.is_changed = true;
        true
    }

    /// Saves what was noted, in the transaction of the changes.
    pub(super) fn save_if_changed(&mut self, txn: &mut WriteTxn<'_>) -> Result<(), StoreError> {
        if std::mem::take(&mut self.is_changed) {
            self.show();
            save(txn, WINDOWS, &self.open)?;
        }
        Ok(())
    }

    /// What is to be put back when a transaction fails.
    pub(super) fn noted(&self) -> Vec<Window> {
        self.open.clone()
    }

    /// Puts it back.
    pub(super) fn put_back(&mut self, windows: Vec<Window>) {
        self.open = windows;
    }

    /// Opens a window, which is reported; `None` when there are too many, or the store fails.
    pub(super) fn open(&mut self, mut window: Window, writer: &mut BaselineWriter) -> Option<Window> {
        if self.open.len() >= MOST {
            return None;
        }
        let now = moment();
        window.id = self.open.iter().map(|window| window.id + 1).max().unwrap_or(1);
        // Numbers are not used twice in one second at least, so that alerts can be distinguished.
        window.id = window.id.max(u64::try_from(now.wall.unix_seconds()).unwrap_or(0));
        window.opened = now;
        let mut open = self.open.clone();
        open.push(window.clone());
        writer.write_synced(|txn| {
            save(txn, WINDOWS, &open)?;
            txn.notice(clock::now(), true, FimEvent::Window(Box::new(window.news(None)))).map(drop)
        })?;
        self.open = open;
        self.show();
        Some(window)
    }

    /// Begins to close windows; `scan` completes them first if there is one. How many.
    pub(super) fn close(
        &mut self,
        which: impl Fn(&Window) -> bool,
        scan: Option<u64>,
        reply: &Sender<Window>,
    ) -> usize {
        let mut closed = 0;
        for window in self.open.iter_mut().filter(|window| which(window)) {
            closed += 1;
            match scan {
                Some(scan) => self.scans.push((window.id, scan)),
                None => _ = window.closing.get_or_insert((clock::now(), WindowEndCause::Closed)),
            }
            self.waiting.push((window.id, reply.clone()));
        }
        self.show();
        closed
    }

    /// Ends the windows whose time is up. `is_idle`: no path waits for an inspection; `is_over`: whether a scan has ended.
    pub(super) fn tick(&mut self, is_idle: bool, is_over: impl Fn(u64) -> bool, writer: &mut BaselineWriter) {
        if self.open.is_empty() || writer.is_failing() {
            return;
        }
        let now = moment();
        let before = self.open.clone();
        let scans = &self.scans;
        for window in self.open.iter_mut().filter(|window| window.closing.is_none()) {
            let is_gone = window.members.process.is_some_and(|root| started_at(root.pid) != Some(root.started));
            let scanned = scans.iter().any(|(id, scan)| *id == window.id && is_over(*scan));
            let cause = window
                .end_at(&now)
                .or_else(|| scanned.then_some(WindowEndCause::Scanned))
                .or_else(|| is_gone.then(|| window.process_ended()).flatten());
            window.closing = cause.map(|cause| (now.wall, cause));
        }
        let is_over = |closed: Timestamp| {
            let waited = now.wall.since(closed).max(closed.since(now.wall));
            (waited >= SETTLE && is_idle) || waited >= MOST_SETTLE
        };
        let (ended, open): (Vec<Window>, Vec<Window>) =
            self.open.iter().cloned().partition(|window| window.closing.is_some_and(|(closed, _)| is_over(closed)));
        if open == before {
            return;
        }
        let written = writer.write_synced(|txn| {
            save(txn, WINDOWS, &open)?;
            for window in &ended {
                let news = window.news(window.closing);
                txn.notice(now.wall, true, FimEvent::Window(Box::new(news)))?;
            }
            Ok(())
        });
        if written.is_none() {
            self.open = before;
            return;
        }
        self.open = open;
        self.show();
        for window in ended {
            self.scans.retain(|(id, _)| *id != window.id);
            // Who asked may have gone.
            self.waiting
                .iter()
                .filter(|(id, _)| *id == window.id)
                .for_each(|(_, reply)| _ = reply.send(window.clone()));
            self.waiting.retain(|(id, _)| *id != window.id);
        }
    }
}

fn is_covered(window: &Window, path: &[u8], context: &EventContext, now: &Moment) -> bool {
    let is_attributed = !context.is_unattributed;
    let (first, last) = (context.time, context.last);
    // What is found after its time is not covered, also before the next tick ends it.
    (window.closing.is_some() || window.end_at(now).is_none())
        && window.covers(WindowChange { path, who: &context.who, is_attributed, first, last })
}

/// Now, by both clocks.
pub(super) fn moment() -> Moment {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let uptime = u64::try_from(clock_gettime(ClockId::Boottime).tv_sec).unwrap_or(0);
    Moment { wall: clock::now(), boot: boot.trim().to_owned(), uptime }
}
