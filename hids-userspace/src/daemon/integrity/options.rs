//! What `<syscheck>` means for the parts of file integrity.

use hids_core::fim::Schedule;

use crate::config::SyscheckConfig;

pub(in crate::daemon) fn wants_events(config: &SyscheckConfig) -> bool {
    config.directories.iter().any(|watched| watched.realtime || watched.who || watched.protect)
}

pub(super) fn schedule(config: &SyscheckConfig) -> Schedule {
    Schedule { frequency: config.frequency, time: config.scan_time, days: config.scan_days }
}
