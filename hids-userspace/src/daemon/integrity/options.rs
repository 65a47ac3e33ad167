//! What `<syscheck>` means for the parts of file integrity.

use std::sync::Arc;

use hids_core::fim::Schedule;

use crate::config::SyscheckConfig;
use crate::fim::examine::{ExamineOptions, Prefilter};
use crate::fim::scan::ScanOptions;

pub(in crate::daemon) fn wants_events(config: &SyscheckConfig) -> bool {
    config.directories.iter().any(|watched| watched.realtime || watched.who || watched.protect)
}

pub(super) fn schedule(config: &SyscheckConfig) -> Schedule {
    Schedule { frequency: config.frequency, time: config.scan_time, days: config.scan_days }
}

pub(super) fn scan_options(config: &SyscheckConfig) -> ScanOptions {
    let words = config.prefilter.iter().map(|word| word.clone().into_bytes());
    let prefilter = Prefilter::from_words(words).map(Arc::new);
    ScanOptions {
        nice: Some(i32::from(config.scan_nice)),
        rate_bytes_per_second: config.scan_rate_mib.map(|mib| u64::from(mib) << 20),
        examine: ExamineOptions { prefilter, ..ExamineOptions::default() },
        ..ScanOptions::default()
    }
}
