//! The sensor without a thread, for the self-test.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Sender;
use hids_core::model::Sensed;

use super::options::FilesOptions;
use super::report::FilesReport;
use super::sensor::Sensor;
use super::thread;
use crate::sensors::Degradation;

/// The sensor without a thread of its own, for the self-test: it reads when it is asked to.
pub struct SteppedFiles(Sensor);

impl fmt::Debug for SteppedFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SteppedFiles")
    }
}

impl SteppedFiles {
    /// Opens it and sets all marks.
    pub fn open(options: FilesOptions, sensed: Sender<Sensed>) -> Result<Self, Degradation> {
        let mut sensor = Sensor::open(options, sensed, Arc::default())?;
        while sensor.walk(usize::MAX) {}
        Ok(Self(sensor))
    }

    /// Waits for events, at most `patience`, and sends what there is.
    pub fn step(&mut self, patience: Duration) {
        thread::step(&mut self.0, patience);
    }

    /// Marks and counters as they are now.
    pub fn report(&self) -> FilesReport {
        self.0.report()
    }
}
