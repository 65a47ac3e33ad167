//! Looks at one file: what it is, who owns it, the sums of its content.
//!
//! Owns the way to a file (no symbolic link is ever followed on it) and to its content. Named pipes,
//! sockets and devices are never opened. Compares nothing and keeps nothing.

mod attributes;
mod content;
mod examined;
mod examiner;
mod path;
mod place;
mod prefilter;
mod stat;
mod sums;
#[cfg(test)]
mod tests;
mod tree;

pub(crate) use examined::{ExamineOptions, Examined, PageCache, Unread};
pub(crate) use path::examine;
pub(crate) use prefilter::Prefilter;
pub(crate) use tree::{LastLink, Tree};

pub(super) use content::Pace;
pub(super) use examiner::{Examiner, Hint, Look};
pub(super) use place::{LONGEST_PATH_BYTES, Name, is_gone, open_directory, split};
pub(super) use stat::{Stat, stat_at, stat_behind, stat_of};
