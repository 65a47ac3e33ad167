//! How `<syscheck>` wants scans to treat the machine.

use std::sync::Arc;

use super::examine::{ExamineOptions, Prefilter};
use super::scan::ScanOptions;
use crate::config::SyscheckConfig;

/// The options of scheduled scans.
pub(crate) fn scan_options(config: &SyscheckConfig) -> ScanOptions {
    let words = config.prefilter.iter().map(|word| word.clone().into_bytes());
    let prefilter = Prefilter::from_words(words).map(Arc::new);
    ScanOptions {
        nice: Some(i32::from(config.scan_nice)),
        rate_bytes_per_second: config.scan_rate_mib.map(|mib| u64::from(mib) << 20),
        examine: ExamineOptions { prefilter, ..ExamineOptions::default() },
        ..ScanOptions::default()
    }
}
