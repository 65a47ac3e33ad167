//! Scan request.

use super::{ResumePoint, Totals};
use crate::fim::examine::ExamineOptions;

/// Where and how thoroughly.
#[derive(Clone, Debug, Default)]
pub(crate) struct ScanRequest {
    /// Absolute paths: watched trees, parts of them, or directories above them. Empty = everything that is
    /// watched.
    pub subtrees: Vec<Vec<u8>>,
    /// How thoroughly.
    pub depth: ScanDepth,
    /// What an earlier, interrupted scan of the same kind has done; passed by.
    pub resume: ResumePoint,
    /// What the last whole scan looked at, for the estimate of the time left.
    pub expected: Option<Totals>,
}

/// How thoroughly a scan looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ScanDepth {
    /// Every content is read.
    #[default]
    Full,
    /// Content is read where size, mode, owner, inode or a time differ from the baseline, where it holds
    /// nothing, and where the entry was read so soon after the last change that a later one may have the
    /// same time.
    Changed,
}

/// How a scan treats the machine.
#[derive(Clone, Debug)]
pub(crate) struct ScanOptions {
    /// Threads; 0 = one for each core.
    pub threads: usize,
    /// Nice value of the threads (`<process_priority>`), 0 to 19; `None` leaves it. From 10 on they read
    /// from the disk only when nobody else does.
    pub nice: Option<i32>,
    /// Most content read in a second, all threads together; `None` = no limit.
    pub rate_bytes_per_second: Option<u64>,
    /// Share of its core that each thread may use, 1 to 100.
    pub processor_percent: u8,
    /// How files are looked at.
    pub examine: ExamineOptions,
}

impl Default for ScanOptions {
    fn default() -> Self {
        Self {
            threads: 0,
            nice: Some(10),
            rate_bytes_per_second: None,
            processor_percent: 100,
            examine: ExamineOptions::default(),
        }
    }
}
