//! The handle by which the daemon controls the running stage.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwap;
use crossbeam_channel::{Sender, bounded};
use hids_core::fim::{Policy, Schedule, Window};
use hids_core::model::Protection;
use jiff::tz::TimeZone;

use super::commands::{Command, ConfigUpdate};
use super::status::Status;
use crate::fim::protocol::{FimRequest, FimView, WindowView};
use crate::fim::scan::{ScanDepth, ScanOptions};
use crate::fim::store::{Store, StoreView};
use crate::fim::{QueryError, queries};

/// How long whoever brings another configuration waits until it is in force.
const RECONFIGURE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a command may take: as long as accepting some million entries.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(3600);

/// How long a window that is closed may take to be summarised.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(60);

/// The running stage.
#[derive(Debug)]
pub(crate) struct FimHandle {
    pub(super) commands: Sender<Command>,
    pub(super) status: Arc<Status>,
    pub(super) policy: Arc<ArcSwap<Policy>>,
    pub(super) store: Arc<Store>,
    pub(super) view: StoreView,
    pub(super) zone: TimeZone,
    pub(super) state: PathBuf,
    pub(super) threads: Vec<JoinHandle<()>>,
}

impl FimHandle {
    /// Whether everything that happened in realtime trees before the start has been found and sent to the rules.
    pub(crate) fn is_caught_up(&self) -> bool {
        // A baseline that cannot be read has nothing to send; the status shows that.
        let is_sent =
            || self.view.counts().map_or(true, |counts| counts.last_sequence <= self.status.sent.load(Relaxed));
        self.status.caught_up.load(Relaxed)
            && (self.status.all_sent.load(Relaxed) || {
                let is_sent = is_sent();
                self.status.all_sent.fetch_or(is_sent, Relaxed);
                is_sent
            })
    }

    /// What `hidsctl` shows.
    pub(crate) fn report(&self) -> FimView {
        self.status.view(&self.view, &self.zone)
    }

    /// The roots that are watched now.
    pub(crate) fn roots(&self) -> Vec<Vec<u8>> {
        self.policy.load().watches().iter().map(|watch| watch.root.clone()).collect()
    }

    /// Follows another configuration. Returns when it is in force, or after [`RECONFIGURE_TIMEOUT`] when the thread
    /// waits for the disk.
    pub(crate) fn replace(&self, policy: Arc<Policy>, schedule: Schedule, scan_options: ScanOptions) {
        let (until_applied, applied) = bounded(0);
        let update = ConfigUpdate { policy, schedule, scan_options, until_applied };
        // The thread only ends with the daemon.
        let _ = self.commands.send(Command::Reconfigure(Box::new(update)));
        let _ = applied.recv_timeout(RECONFIGURE_TIMEOUT);
    }

    /// Reports that protection was switched.
    pub(crate) fn report_protection(&self, protection: Protection) {
        let _ = self.commands.send(Command::Protection(protection));
    }

    /// Answers `hidsctl fim`; may take seconds.
    pub(crate) fn answer(&self, request: FimRequest) -> Result<serde_json::Value, QueryError> {
        match request {
            FimRequest::Scan { paths, full } => {
                let paths = paths.iter().map(|path| path.as_bytes().to_vec()).collect();
                let depth = if full { ScanDepth::Full } else { ScanDepth::Changed };
                let number = self.ask(|reply| Command::Scan { paths, depth, reply })??;
                Ok(serde_json::json!({ "scan": number }))
            }
            FimRequest::StopScan => {
                let stopped = self.ask(|reply| Command::StopScans { reply })?;
                Ok(serde_json::json!({ "stopped": stopped }))
            }
            FimRequest::Accept { paths, packages } => {
                let paths = paths.iter().map(|path| path.as_bytes().to_vec()).collect();
                let view = self.ask(|reply| Command::Accept { paths, packages, reply })?;
                queries::value(&view?)
            }
            FimRequest::WindowClose { id, everything, after_scan } => self.close_windows(id, everything, after_scan),
            FimRequest::Status => queries::value(&self.report()),
            request => queries::answer(&request, &self.store, &self.policy.load(), &self.state, &self.zone),
        }
    }

    /// Opens a change window.
    pub(crate) fn open_window(&self, window: Window) -> Result<serde_json::Value, QueryError> {
        let opened = self.ask(|reply| Command::OpenWindow { window: Box::new(window), reply })?;
        let why = "too many are open, or the baseline cannot be written (see hidsctl fim status)";
        let window = opened.ok_or(QueryError::NoWindow { why })?;
        queries::value(&WindowView::of(&window, &self.zone))
    }

    fn close_windows(
        &self,
        id: Option<u64>,
        everything: bool,
        after_scan: bool,
    ) -> Result<serde_json::Value, QueryError> {
        let (ended, all) = bounded(64);
        let closed = self.ask(|reply| Command::CloseWindows { id, everything, after_scan, reply, ended })?;
        if closed == 0 {
            return Err(QueryError::NotOpen);
        }
        let mut windows = Vec::new();
        while !after_scan && windows.len() < closed {
            let Ok(window) = all.recv_timeout(CLOSE_TIMEOUT) else { break };
            windows.push(WindowView::of(&window, &self.zone));
        }
        Ok(serde_json::json!({ "closing": closed, "closed": windows }))
    }

    fn ask<T>(&self, command: impl FnOnce(Sender<T>) -> Command) -> Result<T, QueryError> {
        let (reply, answered) = bounded(1);
        self.commands.send(command(reply)).map_err(|_| QueryError::Stopped)?;
        answered.recv_timeout(COMMAND_TIMEOUT).map_err(|_| QueryError::NoAnswer)
    }

    /// Stops: what has been observed is committed and sent; what waits is found by the next start.
    pub(crate) fn stop(self) {
        drop(self.commands);
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a thread of file integrity panicked");
            }
        }
    }
}
