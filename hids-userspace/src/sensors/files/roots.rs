//! The roots of the policy, as they lie on this machine.
//!
//! The kernel reports real paths; a root may be reached through links (`/bin` is `/usr/bin` today) or
//! may not exist yet. Here a real directory becomes the paths that the policy knows it by.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

use hids_core::fim::{PathKind, Policy, Watch};

use super::paths::{below, join, split};

/// Every root that is watched as it changes, and the names that lead to one.
#[derive(Debug)]
pub(super) struct Roots {
    pub(super) policy: Arc<Policy>,
    pub(super) list: Vec<Root>,
    /// Real paths of everything on the way to a root: if one is replaced, the root is another one.
    ways: BTreeSet<Vec<u8>>,
}

/// One root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Root {
    /// As the policy has it.
    pub(super) path: Vec<u8>,
    /// Without links. Of a root that is not there, where it would be.
    pub(super) real: Vec<u8>,
    /// The deepest directory on the way that is there; the root itself if that is.
    pub(super) anchor: Vec<u8>,
    /// Device and inode number, if it is a directory. (A file may be replaced by each save: an event
    /// reports that.)
    pub(super) identity: Option<(u64, u64)>,
}

/// What the policy says of one real directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Directory {
    /// The paths that it is watched by; none if it is not watched.
    pub(super) paths: Vec<Vec<u8>>,
    /// Roots directly in it: name, and path that the policy has.
    pub(super) roots: Vec<(Vec<u8>, Vec<u8>)>,
    /// Names in it that are on the way to a root.
    pub(super) ways: Vec<Vec<u8>>,
}

impl Directory {
    /// Whether events in it can matter.
    pub(super) fn matters(&self) -> bool {
        !self.paths.is_empty() || !self.ways.is_empty()
    }

    /// Adds what another path of the same directory is.
    pub(super) fn join(&mut self, other: Self) {
        for path in other.paths {
            if !self.paths.contains(&path) {
                self.paths.push(path);
            }
        }
        self.roots.extend(other.roots);
        self.ways.extend(other.ways);
    }
}

/// Whether changes below `watch` are to be seen as they happen.
pub(super) fn is_live(watch: &Watch) -> bool {
    watch.realtime || watch.who
}

impl Roots {
    /// Looks where the roots of `policy` are now.
    pub(super) fn find(policy: Arc<Policy>) -> Self {
        let list: Vec<Root> =
            policy.watches().iter().filter(|watch| is_live(watch)).map(|watch| Root::find(&watch.root)).collect();
        let mut ways = BTreeSet::new();
        for root in &list {
            ways_to(&root.path, &mut ways);
            ways_to(&root.real, &mut ways);
        }
        Self { policy, list, ways }
    }

    /// What the policy says of the directory with the real path `real`.
    pub(super) fn directory(&self, real: &[u8]) -> Directory {
        let mut found = Directory::default();
        for root in &self.list {
            if let Some(rest) = below(&root.real, real) {
                let path = join(&root.path, rest);
                if self.policy.enters(&path) && !found.paths.contains(&path) {
                    found.paths.push(path);
                }
            }
            if let Some((directory, name)) = split(&root.real)
                && directory == real
            {
                found.roots.push((name.to_vec(), root.path.clone()));
            }
        }
        found.ways = self.ways_in(real);
        found
    }

    /// The watched paths of `name` in `directory`.
    pub(super) fn watched<'a>(
        &'a self,
        directory: &'a Directory,
        name: &'a [u8],
        kind: PathKind,
    ) -> impl Iterator<Item = (Vec<u8>, &'a Watch)> + 'a {
        let inside = directory.paths.iter().map(move |path| join(path, name));
        let roots = directory.roots.iter().filter(move |(own, _)| own == name).map(|(_, path)| path.clone());
        let fresh = roots.filter(move |path| !directory.paths.iter().any(|parent| below(parent, path) == Some(name)));
        inside.chain(fresh).filter_map(move |path| {
            let watch = self.policy.watch_of(&path, kind).filter(|watch| is_live(watch))?;
            Some((path, watch))
        })
    }

    /// The real paths of the directories that hold a name on the way to a root.
    pub(super) fn way_directories(&self) -> impl Iterator<Item = Vec<u8>> + '_ {
        let all: BTreeSet<&[u8]> = self.ways.iter().filter_map(|way| split(way)).map(|(parent, _)| parent).collect();
        all.into_iter().map(<[u8]>::to_vec)
    }

    fn ways_in(&self, real: &[u8]) -> Vec<Vec<u8>> {
        let ways = self.ways.iter().filter_map(|way| split(way));
        ways.filter(|(directory, _)| *directory == real).map(|(_, name)| name.to_vec()).collect()
    }
}

impl Root {
    fn find(path: &[u8]) -> Self {
        let mut anchor = path;
        let mut missing: Vec<&[u8]> = Vec::new();
        loop {
            if let Some(real_anchor) = canonical(anchor) {
                let real = missing.iter().rev().fold(real_anchor.clone(), |path, name| join(&path, name));
                let identity = missing.is_empty().then(|| identity(&real)).flatten();
                return Self { path: path.to_vec(), real, anchor: real_anchor, identity };
            }
            match split(anchor) {
                Some((parent, name)) => {
                    missing.push(name);
                    anchor = parent;
                }
                None => {
                    return Self { path: path.to_vec(), real: path.to_vec(), anchor: b"/".to_vec(), identity: None };
                }
            }
        }
    }
}

fn canonical(path: &[u8]) -> Option<Vec<u8>> {
    fs::canonicalize(as_path(path)).ok().map(|path| path.into_os_string().into_vec())
}

fn identity(path: &[u8]) -> Option<(u64, u64)> {
    let metadata = fs::symlink_metadata(as_path(path)).ok().filter(fs::Metadata::is_dir)?;
    Some((metadata.dev(), metadata.ino()))
}

/// Bytes as a path.
pub(super) fn as_path(path: &[u8]) -> &Path {
    Path::new(std::ffi::OsStr::from_bytes(path))
}

/// The real place of every name on the way to `path`, and the path itself.
fn ways_to(path: &[u8], ways: &mut BTreeSet<Vec<u8>>) {
    let mut rest = path;
    while let Some((parent, name)) = split(rest) {
        let parent_real = canonical(parent).unwrap_or_else(|| parent.to_vec());
        ways.insert(join(&parent_real, name));
        rest = parent;
    }
}

#[cfg(test)]
mod tests {
    use hids_core::fim::PolicyDef;

    use super::*;

    fn roots(paths: &[&Path]) -> Roots {
        let watch =
            |path: &&Path| Watch { root: path.as_os_str().as_bytes().to_vec(), realtime: true, ..Watch::default() };
        let def = PolicyDef { watches: paths.iter().map(watch).collect(), ..PolicyDef::default() };
        Roots::find(Arc::new(Policy::compile(def)))
    }

    #[test]
    fn a_root_behind_a_link_keeps_the_path_of_the_policy() {
        let place = tempfile::tempdir().unwrap();
        let base = place.path().canonicalize().unwrap();
        fs::create_dir_all(base.join("usr/bin/sub")).unwrap();
        std::os::unix::fs::symlink("usr/bin", base.join("bin")).unwrap();
        let roots = roots(&[&base.join("bin"), &base.join("usr/bin")]);
        let bytes = |path: &str| base.join(path).into_os_string().into_vec();
        let directory = roots.directory(&bytes("usr/bin/sub"));
        assert_eq!(directory.paths, [bytes("bin/sub"), bytes("usr/bin/sub")]);
        // Replacing the link, or the directory that it leads to, makes another root.
        assert_eq!(roots.directory(&bytes("")[..bytes("").len() - 1]).ways, [b"bin".to_vec(), b"usr".to_vec()]);
        assert_eq!(roots.directory(&bytes("usr")).ways, [b"bin".to_vec()]);
        assert!(!roots.directory(b"/proc").matters());
    }

    #[test]
    fn a_single_file_and_a_missing_root_are_seen_in_their_directory() {
        let place = tempfile::tempdir().unwrap();
        let base = place.path().canonicalize().unwrap();
        fs::write(base.join("file"), "x").unwrap();
        let roots = roots(&[&base.join("file"), &base.join("later/deep")]);
        let bytes = base.as_os_str().as_bytes();
        let directory = roots.directory(bytes);
        assert!(directory.paths.is_empty());
        let watched: Vec<_> = roots.watched(&directory, b"file", PathKind::Other).map(|(path, _)| path).collect();
        assert_eq!(watched, [join(bytes, b"file")]);
        assert_eq!(roots.watched(&directory, b"other", PathKind::Other).count(), 0);
        assert_eq!(roots.list[1].anchor, bytes);
        assert_eq!(roots.list[1].identity, None);
        assert_eq!(directory.ways, [b"file".to_vec(), b"later".to_vec()]);
    }
}
