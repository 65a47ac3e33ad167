//! One path looked at.

use std::io;

use hids_core::fim::Checks;
use hids_core::model::{FileState, Timestamp};

/// How a file is looked at, beyond what is checked.
#[derive(Clone, Debug, Default)]
pub struct ExamineOptions {}

/// What was found at a path.
#[derive(Debug)]
pub struct Examined {
    /// Everything about it. Sums that could not be taken are `None`.
    pub state: FileState,
    /// When the look began: what changed after that may not be in `state`.
    pub began: Timestamp,
    /// Why a part of `state` is missing or may be wrong.
    pub unread: Option<Unread>,
}

/// Why a part of a file's state is missing.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    /// Its content is closed to the daemon.
    #[error("cannot open it")]
    Open(#[source] io::Error),
    /// The content could not be read to its end.
    #[error("cannot read it")]
    Read(#[source] io::Error),
    /// Extended attributes are missing.
    #[error("cannot read its extended attributes")]
    Attributes(#[source] io::Error),
    /// The sums are of a content that somebody wrote to at the same time.
    #[error("it changed each of the {attempts} times that it was read")]
    Unsteady {
        /// How often it was read.
        attempts: u32,
    },
    /// `prefilter_cmd` gave no output to take sums of.
    #[error("the prefilter command failed: {0}")]
    Prefilter(String),
}

/// Looks at `path`, an absolute path of any length; `None` when nothing is there.
///
/// As `lstat`: of a symbolic link its own state, with the sums of the regular file that it leads to. When a
/// directory on the way is a symbolic link, nothing is there: whoever watches a tree does not watch what
/// links in it lead to.
///
/// An error means that it is not known whether something is there.
pub fn examine(path: &[u8], checks: Checks, options: &ExamineOptions) -> io::Result<Option<Examined>> {
    let _ = (path, checks, options);
    Err(io::ErrorKind::Unsupported.into())
}
