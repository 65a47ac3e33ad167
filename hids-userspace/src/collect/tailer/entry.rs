//! One path that is tailed, and the files that are or were at it.

use std::path::PathBuf;
use std::sync::Arc;

use hids_core::model::LogSource;

use super::ids::{FileId, SourceId};
use super::position::{FileIdentity, FilePosition};
use crate::collect::report::SourceStats;
use crate::config::LogFormat;

/// A path.
#[derive(Debug)]
pub(super) struct Entry {
    pub path: PathBuf,
    /// The source that asks for it.
    pub origin: SourceId,
    /// Name of its position.
    pub key: Arc<str>,
    pub source: Arc<LogSource>,
    pub format: LogFormat,
    pub stats: Arc<SourceStats>,
    /// The file at the path.
    pub current: Option<FileId>,
    /// Files that were at the path before and may still grow, oldest first.
    pub rotated: Vec<FileId>,
    /// The file at the path when another entry reads it already.
    pub same_as: Option<FileIdentity>,
    /// Where the next file found at the path is read from.
    pub start: Start,
    /// Whether the configuration still asks for it (used while reloading).
    pub wanted: bool,
}

/// Where a file is read from when it is first seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// From its first byte.
    Beginning,
    /// From its end: it was there before the program looked for the first time.
    End,
    /// From where the last run stopped, if it is one of these files; else from its first byte.
    Positions(Vec<FilePosition>),
}

impl Start {
    /// Positions of the last run whose file has not been begun in this one.
    pub(super) fn waiting(&self) -> &[FilePosition] {
        match self {
            Self::Positions(positions) => positions,
            Self::Beginning | Self::End => &[],
        }
    }
}
