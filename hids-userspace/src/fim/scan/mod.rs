//! Goes through watched trees and tells where they differ from the baseline.
//!
//! Owns a pool of threads, its speed and its progress. Only tells: the baseline is written by whoever takes
//! the [`Found`]s, and a difference is a hint, since the file may have changed again since.
//!
//! The tree is walked depth first, a range of a directory's names at a time, so that what is remembered
//! grows with the depth and the longest directory, not with the number of files. Each directory is opened
//! anew by its whole path, through no symbolic link: whoever moves directories about meanwhile cannot lead
//! the scan out of the watched tree.

mod control;
mod deleted;
mod directory;
mod item;
mod known_range;
mod listing;
mod messages;
mod mounts;
mod pace;
mod plan;
mod pool;
mod request;
mod resume;
mod sender;
mod start;
#[cfg(test)]
mod tests;
mod work;
mod worker;

pub(crate) use control::ScanControl;
pub(crate) use messages::{Difference, Found, NotScanned, ScanReport, Totals};
pub(crate) use request::{ScanDepth, ScanOptions, ScanRequest};
pub(crate) use resume::ResumePoint;
pub(crate) use start::{ScanHandle, start};
