//! Differences of text for `report_changes`.

use std::io::{self, Read as _};

use hids_core::fim::{DiffLimits, NO_DIFF, PathKind, diff};
use hids_core::model::{FileKind, FileState};
use rustix::fs::{Mode, OFlags, openat};

use super::event_loop::Monitor;
use crate::fim::examine::{Name, open_directory, split};

impl Monitor {
    /// Whether the content of `path` is to be kept as text: then it is looked at by itself.
    pub(super) fn wants_text(&self, path: &[u8], state: Option<&FileState>) -> bool {
        let Some(state) = state.filter(|state| state.kind == FileKind::Regular) else { return false };
        state.size_bytes <= self.text_limit
            && self.policy.watch_of(path, PathKind::Other).is_some_and(|watch| watch.report_changes)
            && self.policy.shows_diff(path)
    }

    /// What is told of a changed content.
    pub(super) fn difference_of_text(&self, shown: bool, old: Option<&[u8]>, new: Option<&[u8]>) -> Option<String> {
        if !shown {
            return Some(NO_DIFF.to_owned());
        }
        let limits = if self.policy.is_strict() { DiffLimits::STRICT } else { DiffLimits::default() };
        Some(diff(old?, new?, limits)).filter(|diff| !diff.is_empty())
    }
}

/// The content of a regular file of at most `limit` bytes; nothing when it is something else or longer.
pub(super) fn read(path: &[u8], limit: u64) -> io::Result<Option<Vec<u8>>> {
    let (directory, name) = split(path);
    let directory = open_directory(directory)?;
    let Some(name) = Name::new(name) else { return Ok(None) };
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = std::fs::File::from(openat(&directory, name.as_c_str(), flags, Mode::empty())?);
    if !file.metadata()?.is_file() {
        return Ok(None);
    }
    let mut content = Vec::new();
    file.take(limit + 1).read_to_end(&mut content)?;
    Ok((content.len() as u64 <= limit).then_some(content))
}
