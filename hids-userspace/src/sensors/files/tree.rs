//! Directories that carry a mark of their own: where each is, by its handle.
//!
//! Needed where handles do not lead back to files (overlayfs), so that the kernel cannot be asked.

use std::collections::HashMap;

use super::file_handle::Handle;
use super::paths::join;

/// Deepest chain that is followed; a longer one can only be a circle of ours.
const MOST_LEVELS: usize = 100_000;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Tree {
    nodes: Vec<Option<Node>>,
    by_handle: HashMap<Handle, u32>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Node {
    handle: Handle,
    /// The directory above, if that is marked as well.
    parent: Option<u32>,
    /// Name in it; the whole real path when there is none above.
    name: Box<[u8]>,
}

impl Tree {
    /// How many directories are in it.
    pub(super) fn len(&self) -> usize {
        self.by_handle.len()
    }

    pub(super) fn knows(&self, handle: &[u8]) -> bool {
        self.by_handle.contains_key(handle)
    }

    /// The real path of a marked directory.
    pub(super) fn path(&self, handle: &[u8]) -> Option<Vec<Vec<u8>>> {
        let mut names: Vec<&[u8]> = Vec::new();
        let mut at = Some(*self.by_handle.get(handle)?);
        while let Some(node) = at.and_then(|number| self.nodes.get(number as usize)?.as_ref()) {
            names.push(&node.name);
            at = node.parent;
            if names.len() > MOST_LEVELS {
                return None;
            }
        }
        let top = names.pop()?.to_vec();
        Some(vec![names.iter().rev().fold(top, |path, name| join(&path, name))])
    }

    /// Adds a directory at the real path `path`, below `parent` if that is known. One that is there
    /// already has moved to here.
    pub(super) fn insert(&mut self, handle: &[u8], parent: Option<&[u8]>, path: &[u8]) {
        let parent = parent.and_then(|parent| self.by_handle.get(parent).copied());
        let name = match parent {
            Some(_) => super::paths::split(path).map_or(path, |(_, name)| name),
            None => path,
        };
        let node = Node { handle: handle.into(), parent, name: name.into() };
        if let Some(&number) = self.by_handle.get(handle) {
            if parent != Some(number)
                && let Some(slot) = self.nodes.get_mut(number as usize)
            {
                *slot = Some(node);
            }
            return;
        }
        let number = match self.free.pop() {
            Some(number) => {
                self.nodes[number as usize] = Some(node);
                number
            }
            None => {
                self.nodes.push(Some(node));
                u32::try_from(self.nodes.len() - 1).unwrap_or(u32::MAX)
            }
        };
        self.by_handle.insert(handle.into(), number);
    }

    /// Takes a directory out, with everything below it.
    pub(super) fn remove(&mut self, handle: &[u8]) {
        let Some(&top) = self.by_handle.get(handle) else { return };
        let doomed: Vec<u32> = (0..u32::try_from(self.nodes.len()).unwrap_or(u32::MAX))
            .filter(|&number| self.is_below(number, top))
            .collect();
        for number in doomed {
            if let Some(node) = self.nodes.get_mut(number as usize).and_then(Option::take) {
                self.by_handle.remove(&node.handle);
                self.free.push(number);
            }
        }
    }

    /// Takes everything out.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The directory `name` in `parent`. Looks at all: only kernels that do not report the object need it.
    pub(super) fn child(&self, parent: &[u8], name: &[u8]) -> Option<Handle> {
        let parent = Some(*self.by_handle.get(parent)?);
        let node = self.nodes.iter().flatten().find(|node| node.parent == parent && *node.name == *name)?;
        Some(node.handle.clone())
    }

    fn is_below(&self, number: u32, top: u32) -> bool {
        let mut at = Some(number);
        for _ in 0..MOST_LEVELS {
            let Some(here) = at else { return false };
            let Some(node) = self.nodes.get(here as usize).and_then(Option::as_ref) else { return false };
            if here == top {
                return true;
            }
            at = node.parent;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renamed_directory_takes_what_is_below_it_along() {
        let mut tree = Tree::default();
        tree.insert(b"1", None, b"/srv");
        tree.insert(b"2", Some(b"1"), b"/srv/a");
        tree.insert(b"3", Some(b"2"), b"/srv/a/b");
        tree.insert(b"2", Some(b"1"), b"/srv/z");
        assert_eq!(tree.path(b"3"), Some(vec![b"/srv/z/b".to_vec()]));
        tree.remove(b"2");
        assert_eq!((tree.path(b"3"), tree.len()), (None, 1));
        tree.insert(b"4", Some(b"1"), b"/srv/c");
        assert_eq!(tree.path(b"4"), Some(vec![b"/srv/c".to_vec()]));
    }
}
