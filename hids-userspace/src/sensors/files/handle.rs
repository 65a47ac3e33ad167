//! The running sensor.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Sender;
use hids_core::fim::Policy;
use hids_core::model::Sensed;

use super::options::FilesOptions;
use super::report::FilesReport;
use super::thread;
use crate::sensors::Degradation;

/// The running sensor; dropping it stops it.
#[derive(Debug)]
pub struct FilesHandle(thread::Running);

/// Starts the sensor. The receiver of `sensed` may be slow: then the kernel's queue holds the events.
///
/// Where whole filesystems can be marked it is ready when this returns.
pub fn start(options: FilesOptions, sensed: Sender<Sensed>) -> Result<FilesHandle, Degradation> {
    thread::start(options, sensed).map(FilesHandle)
}

impl FilesHandle {
    /// Whether all marks are set: everything from now on is seen, or reported as a gap.
    pub fn is_ready(&self) -> bool {
        self.0.is_ready()
    }

    /// Waits for [`is_ready`](Self::is_ready), at most `patience`; returns what it says then.
    pub fn wait_ready(&self, patience: Duration) -> bool {
        self.0.wait_ready(patience)
    }

    /// Watches by another policy from now on. Roots that are new to it are reported as a gap once their
    /// marks are set; until then [`is_ready`](Self::is_ready) is false.
    pub fn replace_policy(&self, policy: Arc<Policy>) {
        self.0.replace_policy(policy);
    }

    /// Marks and counters as they are now.
    pub fn report(&self) -> FilesReport {
        self.0.report()
    }

    /// Stops it; what it has read is sent before.
    pub fn stop(mut self) {
        self.0.stop();
    }
}

impl Drop for FilesHandle {
    fn drop(&mut self) {
        self.0.stop();
    }
}
