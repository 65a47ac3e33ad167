//! The look at a path.

use std::io;
use std::os::fd::AsFd as _;

use hids_core::fim::Checks;

use super::content::Unhindered;
use super::examined::{ExamineOptions, Examined};
use super::examiner::{Examiner, Hint, Look};
use super::place::{Name, is_gone, open_directory, split};

/// Looks at `path`, an absolute path of any length; `None` when nothing is there.
///
/// As `lstat`: of a symbolic link its own state, with the sums of the regular file that it leads to. When a
/// directory on the way is a symbolic link, nothing is there: whoever watches a tree does not watch what
/// links in it lead to.
///
/// An error means that it is not known whether something is there.
pub(crate) fn examine(path: &[u8], checks: Checks, options: &ExamineOptions) -> io::Result<Option<Examined>> {
    let (directory, name) = split(path);
    let directory = match open_directory(directory, options.tree.as_deref()) {
        Ok(directory) => directory,
        Err(error) if is_gone(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    let Some(name) = Name::new(name) else { return Ok(None) };
    let look =
        Examiner::new(options, &Unhindered).examine(directory.as_fd(), name.as_c_str(), path, Hint::Unknown, checks)?;
    Ok(match look {
        Look::Seen(examined) => Some(*examined),
        Look::Nothing | Look::Stopped => None,
    })
}
