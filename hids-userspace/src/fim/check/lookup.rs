//! Paths of a configuration in a tree that stands for `/`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::fim::examine::{LastLink, Tree};
use crate::fim::policy::Lookup;
use crate::wildcard::MOST_MATCHES;

/// Names of one directory that a wildcard is compared with.
const MOST_NAMES: usize = 100_000;

impl Lookup for Tree {
    fn has(&self, path: &Path) -> bool {
        self.has(path.as_os_str().as_bytes(), LastLink::Keep)
    }

    fn matches(&self, pattern: &str) -> Vec<PathBuf> {
        let mut found = vec![PathBuf::from("/")];
        for part in pattern.split('/').filter(|part| !part.is_empty()) {
            let mut next = Vec::new();
            for directory in found {
                match glob::Pattern::new(part) {
                    Ok(wanted) if part.contains(['*', '?', '[']) => next.extend(fitting(self, &directory, &wanted)),
                    _ => next.push(directory.join(part)),
                }
                if next.len() >= MOST_MATCHES {
                    break;
                }
            }
            next.truncate(MOST_MATCHES);
            found = next;
        }
        found.retain(|path| Lookup::has(self, path));
        found
    }

    fn resolved(&self, path: &Path) -> PathBuf {
        let bytes = path.as_os_str().as_bytes();
        let last = if self.has_directory(bytes) { LastLink::Follow } else { LastLink::Keep };
        match self.resolve(bytes, last) {
            Ok(resolved) => PathBuf::from(OsStr::from_bytes(&resolved.path)),
            // Nothing is there: as it would be inside, without a way up.
            Err(_) => plain(path),
        }
    }
}

fn fitting(tree: &Tree, directory: &Path, wanted: &glob::Pattern) -> Vec<PathBuf> {
    let mut names = tree.names(directory.as_os_str().as_bytes(), MOST_NAMES).unwrap_or_default();
    names.sort();
    let fits = |name: &Vec<u8>| std::str::from_utf8(name).is_ok_and(|name| wanted.matches(name));
    names.into_iter().filter(fits).map(|name| directory.join(OsStr::from_bytes(&name))).collect()
}

/// A path without `.` and `..`, from the top.
pub(super) fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::from("/");
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => _ = plain.pop(),
            std::path::Component::Normal(name) => plain.push(name),
            _ => {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn wildcards_and_links_stand_for_what_is_inside_the_tree() {
        let place = tempfile::tempdir().expect("a directory");
        let top = place.path().join("top");
        for name in ["home/a/www", "home/b/www", "home/c", "usr/bin"] {
            fs::create_dir_all(top.join(name)).expect("a directory");
        }
        symlink("/usr/bin", top.join("bin")).expect("a link");
        symlink(place.path(), top.join("home/d")).expect("a link");
        fs::create_dir(place.path().join("www")).expect("a directory");
        let tree = Tree::open(&top).expect("a tree");
        assert_eq!(Lookup::matches(&tree, "/home/*/www"), ["/home/a/www", "/home/b/www"].map(PathBuf::from));
        assert_eq!(tree.resolved(Path::new("/bin")), Path::new("/usr/bin"));
        assert_eq!(tree.resolved(Path::new("/missing/../../x")), Path::new("/x"));
        assert_eq!(tree.resolved(Path::new("/home/d")), Path::new("/home/d"), "it leads to nothing inside");
    }
}
