//! Resume point of an interrupted scan.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Directories that are done, with everything below them. The caller adds each
/// [`Found::Done`](super::Found::Done) once it has written what came before it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ResumePoint {
    done: BTreeSet<Vec<u8>>,
}

impl ResumePoint {
    /// Most directories that are remembered. Of more the deepest are forgotten, and scanned again.
    pub(crate) const MOST: usize = 4096;

    /// Adds a directory, in place of all below it.
    pub(crate) fn add(&mut self, directory: Vec<u8>) {
        if self.covers(&directory) {
            return;
        }
        let mut below = directory.clone();
        if below != b"/" {
            below.push(b'/');
        }
        let inside: Vec<_> =
            self.done.range(below.clone()..).take_while(|path| path.starts_with(&below)).cloned().collect();
        for path in inside {
            self.done.remove(&path);
        }
        self.done.insert(directory);
        if self.done.len() > Self::MOST {
            let deepest =
                self.done.iter().max_by_key(|path| path.iter().filter(|&&byte| byte == b'/').count()).cloned();
            deepest.map(|path| self.done.remove(&path));
        }
    }

    /// Without the directories that hold one of `paths`: what is known of those is not written yet.
    pub(crate) fn without(&self, paths: &[Vec<u8>]) -> Self {
        let mut rest = self.clone();
        for path in paths {
            let above = path.iter().enumerate().filter(|&(_, &byte)| byte == b'/').map(|(at, _)| &path[..at.max(1)]);
            above.for_each(|directory| _ = rest.done.remove(directory));
            rest.done.remove(path);
        }
        rest
    }

    /// Whether `directory` or one above it is done.
    pub(crate) fn covers(&self, directory: &[u8]) -> bool {
        if self.done.is_empty() {
            return false;
        }
        let slashes =
            directory.iter().enumerate().filter(|&(_, &byte)| byte == b'/').map(|(at, _)| &directory[..at.max(1)]);
        self.done.contains(directory) || slashes.into_iter().any(|above| self.done.contains(above))
    }

    #[cfg(test)]
    /// Whether nothing is done.
    pub(crate) fn is_empty(&self) -> bool {
        self.done.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_a_path_that_is_not_written_yet_is_not_done() {
        let point = |directories: &[&str]| {
            let mut point = ResumePoint::default();
            directories.iter().for_each(|directory| point.add(directory.as_bytes().to_vec()));
            point
        };
        let done = point(&["/etc", "/etcetera", "/usr/bin", "/usr/lib"]);
        assert_eq!(done.without(&[]), done);
        let rest = done.without(&[b"/etc/ssh/sshd_config".to_vec(), b"/usr/lib".to_vec(), b"/usr/x".to_vec()]);
        assert_eq!(rest, point(&["/etcetera", "/usr/bin"]));
        assert!(point(&["/"]).without(&[b"/x".to_vec()]).is_empty());
    }
}
