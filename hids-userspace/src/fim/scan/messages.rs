//! Results of a scan.

use std::io;
use std::time::Duration;

use hids_core::model::{FileState, Timestamp};
use serde::{Deserialize, Serialize};

use crate::fim::examine::Unread;
use crate::fim::{Entry, StoreError};

/// News of a scan, in the order in which it came by them.
#[derive(Debug)]
pub(crate) enum Found {
    /// Paths whose state is not the baseline's; about 512 at a time.
    Differences(Vec<Difference>),
    /// A path that could not be looked at. What the baseline holds there and below is neither confirmed nor
    /// refuted.
    NotScanned {
        /// Where.
        path: Vec<u8>,
        /// Why.
        why: NotScanned,
    },
    /// Everything at and below `directory` has been told: a mark for [`ResumePoint`](super::ResumePoint).
    Done {
        /// The directory.
        directory: Vec<u8>,
    },
    /// The last one.
    Finished(ScanReport),
}

/// A path that is not as the baseline has it.
///
/// Kinds that the policy does not count are told as well: the baseline has to know directories in order to
/// find what has gone below them. So are states that differ only in parts that are not compared (the time
/// of the last change, the inode): with a fresh entry the next [`Changed`](super::ScanDepth::Changed) scan
/// need not read the file again, and files whose content cannot be read. `hids_core::fim::compare` tells
/// which differences count.
#[derive(Debug)]
pub(crate) struct Difference {
    /// Where.
    pub path: Vec<u8>,
    /// The baseline's entry when the scan compared; `None` = not known. The taker looks again if its entry
    /// is another one by now.
    pub old: Option<Entry>,
    /// The state now; `None` = gone.
    pub new: Option<FileState>,
    /// When the look at it began: what to write as [`Entry::read`].
    pub read: Timestamp,
    /// Why a part of `new` is missing (its sums are `None` then; the old ones are still the last known).
    pub unread: Option<Unread>,
}

/// Why a path was not looked at.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotScanned {
    /// The system refused.
    #[error("cannot {operation} it")]
    Refused {
        /// What was tried: "open", "list".
        operation: &'static str,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The baseline did not answer.
    #[error("cannot read the baseline")]
    Baseline(#[source] StoreError),
    /// `<skip_nfs>`.
    #[error("network filesystem ({0})")]
    NetworkFilesystem(&'static str),
    /// Files made up by the kernel.
    #[error("virtual filesystem of the kernel ({0})")]
    PseudoFilesystem(&'static str),
    /// Deeper than any path that can be used.
    #[error("path longer than {limit_bytes} bytes")]
    TooDeep {
        /// Most bytes.
        limit_bytes: usize,
    },
}

/// How much was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Totals {
    /// Everything but directories.
    pub files: u64,
    /// Directories.
    pub directories: u64,
    /// Bytes of content read.
    pub bytes: u64,
}

/// A scan that has ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct ScanReport {
    /// Whether it came to its end; else it was stopped.
    pub complete: bool,
    /// What it looked at.
    pub totals: Totals,
    /// How many differences it told.
    pub differences: u64,
    /// How many paths could not be looked at.
    pub not_scanned: u64,
    /// How long it took.
    pub duration: Duration,
}
