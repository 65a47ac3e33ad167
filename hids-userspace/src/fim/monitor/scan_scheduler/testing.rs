//! Scans for tests.

use std::sync::Arc;
use std::time::Duration;

use hids_core::fim::Policy;

use super::queue::{ScanQueue, Slot, StartContext};
use super::running::{Cause, RunningScan};
use crate::fim::BaselineView;
use crate::fim::monitor::testing::Baseline;
use crate::fim::scan::{Found, ScanDepth, ScanOptions};
use crate::platform::clock;

/// A scheduled scan of everything that `policy` watches, just started.
pub(in crate::fim::monitor) fn running(policy: &Arc<Policy>, baseline: &Baseline) -> RunningScan {
    let mut queue = ScanQueue::default();
    let scan = queue.new_scan(Cause::Scheduled, Vec::new(), ScanDepth::Full);
    queue.push(scan);
    start(&mut queue, policy, baseline);
    queue.slot(Slot::Background).take().expect("it runs")
}

/// Starts the scans of a queue.
pub(super) fn start(queue: &mut ScanQueue, policy: &Arc<Policy>, baseline: &Baseline) {
    let view: Arc<dyn BaselineView> = Arc::new(baseline.writer.view().clone());
    let options = ScanOptions { threads: 1, nice: None, ..ScanOptions::default() };
    let context = StartContext {
        policy,
        baseline: &view,
        options: &options,
        now: clock::now(),
        failures: baseline.writer.failures(),
    };
    queue.start(&context).expect("threads");
}

/// Waits for the next message of a scan.
pub(super) fn message(scan: &RunningScan) -> Option<Found> {
    scan.messages().recv_timeout(hids_tests::wait::scaled(Duration::from_secs(20))).ok()
}
