//! What other threads ask of the monitor.

use std::sync::Arc;

use crossbeam_channel::Sender;
use hids_core::fim::{Policy, Schedule, Window};
use hids_core::model::Protection;

use super::scan_scheduler::NotWatched;
use crate::fim::protocol::AcceptView;
use crate::fim::scan::{ScanDepth, ScanOptions};
use crate::fim::store::StoreError;

/// A new configuration of `<syscheck>`.
#[derive(Debug)]
pub(super) struct ConfigUpdate {
    pub policy: Arc<Policy>,
    pub schedule: Schedule,
    pub scan_options: ScanOptions,
    /// Dropped once the configuration is in force.
    pub until_applied: Sender<()>,
}

/// A command, with the channel for its answer.
#[derive(Debug)]
pub(super) enum Command {
    /// Scan these paths; the number of the scan.
    Scan { paths: Vec<Vec<u8>>, depth: ScanDepth, reply: Sender<Result<u64, NotWatched>> },
    /// Stop scans; how many.
    StopScans { reply: Sender<usize> },
    /// Accept changes below these paths.
    Accept { paths: Vec<Vec<u8>>, packages: bool, reply: Sender<Result<AcceptView, StoreError>> },
    /// Open a change window; nothing when it could not be written.
    OpenWindow { window: Box<Window>, reply: Sender<Option<Window>> },
    /// Close windows; how many, and each of them when it has ended.
    CloseWindows { id: Option<u64>, everything: bool, after_scan: bool, reply: Sender<usize>, ended: Sender<Window> },
    /// Report that protection was switched.
    Protection(Protection),
    /// Follow another configuration.
    Reconfigure(Box<ConfigUpdate>),
}
