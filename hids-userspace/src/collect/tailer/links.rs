//! Symbolic links: the paths that they lead through.

use std::fs;
use std::path::{Component, Path, PathBuf};

/// Longest chain of symbolic links that is watched.
const MAX_LINKS: usize = 16;

/// The paths that the symbolic link at `path` leads through, up to the file itself.
pub(super) fn link_hops(path: &Path) -> Vec<PathBuf> {
    let mut hops = Vec::new();
    let mut at = path.to_owned();
    while hops.len() < MAX_LINKS
        && fs::symlink_metadata(&at).is_ok_and(|meta| meta.file_type().is_symlink())
        && let Ok(target) = fs::read_link(&at)
        && let Some(parent) = at.parent()
    {
        // The parent may itself be a link: `..` in the target counts from where it leads.
        let parent = fs::canonicalize(parent).unwrap_or_else(|_| parent.to_owned());
        at = normalised(&parent.join(target));
        hops.push(at.clone());
    }
    hops
}

fn normalised(path: &Path) -> PathBuf {
    let mut out = PathBuf::from("/");
    for component in path.components() {
        match component {
            Component::ParentDir => {
                out.pop();
            }
            Component::Normal(name) => out.push(name),
            _ => {}
        }
    }
    out
}
