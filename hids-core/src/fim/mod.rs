//! File integrity: which paths count, what a difference is, what is said about it.
//!
//! Owns no file and no store: states come in, changes and texts go out.

mod checks;
mod compare;
mod diff;
mod findings;
mod package_managers;
mod policy;
mod repeat;
#[cfg(test)]
pub(crate) mod samples;
mod schedule;
mod text;
mod window;

pub use checks::Checks;
pub use compare::{Differences, compare};
pub use diff::{DiffLimits, NO_DIFF, NOT_TEXT, diff, is_text};
pub use findings::{FindingKind, Names, Property, judge, lacks_sums, mode, named, properties};
pub use package_managers::{PACKAGE_MANAGERS, is_package_manager};
pub use policy::{PathKind, PathPattern, Policy, PolicyDef, Watch};
pub use repeat::{DECODERS, decoder};
pub use schedule::{LastScan, Schedule};
pub use text::{TextStyle, subject, text};
pub use window::{LONGEST_WINDOW, Members, Moment, ProcessId, WINDOW_TIME, Window, WindowChange};
