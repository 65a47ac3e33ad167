//! Symbolic links: what they lead through is watched as well.

use std::fs;
use std::path::{Component, Path, PathBuf};

use super::event_loop::FileTailer;
use super::routes::{Step, Target};

/// Longest chain of symbolic links that is watched.
const MAX_LINKS: usize = 16;

impl FileTailer {
    /// Watches the directories that the symbolic link at `path` leads through.
    pub(super) fn follow_links(&mut self, id: usize, path: &Path) {
        let hops = link_hops(path);
        let Some(entry) = self.entries.get_mut(&id) else { return };
        if entry.links.iter().map(|(hop, _)| hop).eq(hops.iter()) {
            return;
        }
        let old = std::mem::take(&mut entry.links);
        let routes: Vec<(PathBuf, usize)> = hops
            .into_iter()
            .filter_map(|hop| Some((hop.clone(), self.routes.add_route(&hop, false, Target::LinkOf(id))?)))
            .collect();
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.links.clone_from(&routes);
        }
        for (_, route) in routes {
            self.visit(Path::new("/"), Step { route, depth: 0 });
        }
        for (_, route) in old {
            self.routes.remove_route(route);
        }
    }
}

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
