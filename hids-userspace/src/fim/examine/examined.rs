//! One path looked at.

use std::io;
use std::sync::Arc;

use hids_core::model::{FileState, Timestamp};

use super::prefilter::Prefilter;
use super::tree::Tree;

/// How a file is looked at, beyond what is checked.
#[derive(Clone, Debug, Default)]
pub(crate) struct ExamineOptions {
    /// A program whose output stands for the content in MD5 and SHA-1 (`<prefilter_cmd>`).
    pub prefilter: Option<Arc<Prefilter>>,
    /// What becomes of the memory that holds what was read.
    pub page_cache: PageCache,
    /// What stands for `/`; `None` = `/` itself.
    pub tree: Option<Arc<Tree>>,
}

/// What reading leaves in the kernel's page cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum PageCache {
    /// As it was: pages that were not there before are given back.
    #[default]
    AsBefore,
    /// Whatever the kernel wants to keep.
    Fill,
}

/// What was found at a path.
#[derive(Debug)]
pub(crate) struct Examined {
    /// Everything about it. Sums that could not be taken are `None`.
    pub state: FileState,
    /// When the look began: what changed after that may not be in `state`.
    pub began: Timestamp,
    /// Why a part of `state` is missing or may be wrong.
    pub unread: Option<Unread>,
}

/// Why a part of a file's state is missing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unread {
    /// Its content is closed to the daemon.
    #[error("cannot open the file")]
    Open(#[source] io::Error),
    /// The content could not be read to its end.
    #[error("cannot read the file")]
    Read(#[source] io::Error),
    /// Extended attributes are missing.
    #[error("cannot read the extended attributes")]
    Attributes(#[source] io::Error),
    /// The sums are of a content that somebody wrote to at the same time.
    #[error("file changed during all {attempts} read attempts")]
    Unsteady {
        /// How often it was read.
        attempts: u32,
    },
    /// `prefilter_cmd` gave no output to take sums of.
    #[error("the prefilter command produced no output")]
    Prefilter(#[source] io::Error),
}
