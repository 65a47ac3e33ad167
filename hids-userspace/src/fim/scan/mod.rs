//! Goes through watched trees and tells where they differ from the baseline.
//!
//! Owns a pool of threads, its speed and its progress. Only tells: the baseline is written by whoever takes
//! the [`Found`]s, and a difference is a hint, since the file may have changed again since.

mod control;
mod found;
mod request;
mod resume;
mod start;

pub use control::{ScanControl, ScanProgress};
pub use found::{Difference, Found, NotScanned, ScanReport, Totals};
pub use request::{ScanDepth, ScanOptions, ScanRequest};
pub use resume::ResumePoint;
pub use start::{ScanHandle, start};
