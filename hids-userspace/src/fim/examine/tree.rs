//! A directory that stands for `/`: the file system of an image, or of a machine that a rescue system has mounted.
//!
//! Whoever made the image chose every link in it. Paths are therefore walked name by name, each name opened through no
//! link; a link is read, and its target walked in the same way, an absolute one from the tree's own top. `..` goes back
//! on the way that was walked and never above the top. So no path leads out of the tree, also while somebody changes
//! it, and no kernel newer than 2.6.39 is needed.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};
use std::path::Path;

use hids_core::model::FileKind;
use rustix::fs::{CWD, Mode, OFlags, openat, readlinkat};
use rustix::io::Errno;

use super::stat::stat_of;

/// Links on one way, as many as the kernel follows.
const MOST_LINKS: usize = 40;
/// Names on one way. Far more than any path that is used; a bound for links that lead into depth.
const MOST_NAMES: usize = 8192;

/// The top of such a tree.
#[derive(Debug)]
pub(crate) struct Tree {
    top: OwnedFd,
}

/// Where a path in a tree leads.
#[derive(Debug)]
pub(crate) struct Resolved {
    /// The path without links, from the top of the tree.
    pub path: Vec<u8>,
    /// What is there, opened with `O_PATH`: nothing of it is read, no device acts.
    pub found: OwnedFd,
}

/// What becomes of a link at the end of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LastLink {
    /// Its target is looked for.
    Follow,
    /// It is what is looked for.
    Keep,
}

impl Tree {
    /// Opens the directory that stands for `/`. Links on the way to it are followed: it is named by the administrator.
    ///
    /// # Errors
    /// When there is no such directory, or it may not be searched.
    pub(crate) fn open(directory: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self { top: openat(CWD, directory, flags, Mode::empty())? })
    }

    /// The top.
    pub(super) fn top(&self) -> BorrowedFd<'_> {
        self.top.as_fd()
    }

    /// Where `path` leads.
    ///
    /// # Errors
    /// `ENOENT` and `ENOTDIR` when nothing is there, `ELOOP` for too many links.
    pub(crate) fn resolve(&self, path: &[u8], last: LastLink) -> io::Result<Resolved> {
        let mut rest: VecDeque<Vec<u8>> = names(path).collect();
        // The directories walked so far, the last one last; none is the top.
        let mut walked: Vec<(Vec<u8>, OwnedFd)> = Vec::new();
        let (mut links, mut steps) = (0, 0);
        while let Some(name) = rest.pop_front() {
            steps += 1;
            if steps > MOST_NAMES {
                return Err(Errno::NAMETOOLONG.into());
            }
            if name == b".." {
                walked.pop();
                continue;
            }
            let directory = walked.last().map_or(self.top.as_fd(), |(_, directory)| directory.as_fd());
            let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let found = openat(directory, name.as_slice(), flags, Mode::empty())?;
            let is_link = stat_of(found.as_fd())?.0.kind == FileKind::Symlink;
            if !is_link || (rest.is_empty() && last == LastLink::Keep) {
                walked.push((name, found));
                continue;
            }
            links += 1;
            if links > MOST_LINKS {
                return Err(Errno::LOOP.into());
            }
            let target = readlinkat(&found, c"", Vec::new())?.into_bytes();
            if target.starts_with(b"/") {
                walked.clear();
            }
            names(&target).rev().for_each(|name| rest.push_front(name));
        }
        let mut path = Vec::new();
        for (name, _) in &walked {
            path.push(b'/');
            path.extend_from_slice(name);
        }
        match walked.pop() {
            Some((_, found)) => Ok(Resolved { path, found }),
            None => Ok(Resolved { path: b"/".to_vec(), found: self.top.try_clone()? }),
        }
    }

    /// Opens the regular file that `path` leads to; an error for anything else.
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve); `EINVAL` for what is no regular file.
    pub(crate) fn open_file(&self, path: &[u8]) -> io::Result<File> {
        let found = self.resolve(path, LastLink::Follow)?.found;
        if stat_of(found.as_fd())?.0.kind != FileKind::Regular {
            return Err(Errno::INVAL.into());
        }
        Ok(reopen(found.as_fd())?.into())
    }

    /// The content of the regular file that `path` leads to, if it is not longer than `limit_bytes`.
    ///
    /// # Errors
    /// As [`open_file`](Self::open_file); `EFBIG` for a longer one.
    pub(crate) fn read(&self, path: &[u8], limit_bytes: u64) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        self.open_file(path)?.take(limit_bytes + 1).read_to_end(&mut content)?;
        if content.len() as u64 > limit_bytes { Err(Errno::FBIG.into()) } else { Ok(content) }
    }

    /// Names in the directory that `path` leads to, at most `most` of them, without `.` and `..`.
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve), and when it cannot be listed.
    pub(crate) fn names(&self, path: &[u8], most: usize) -> io::Result<Vec<Vec<u8>>> {
        let found = self.resolve(path, LastLink::Follow)?.found;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = openat(&found, c".", flags, Mode::empty())?;
        let mut listed = Vec::new();
        for entry in rustix::fs::Dir::new(directory)?.take(most) {
            let name = entry?.file_name().to_bytes().to_vec();
            if name != b"." && name != b".." {
                listed.push(name);
            }
        }
        Ok(listed)
    }

    /// Whether `path` leads to something.
    pub(crate) fn has(&self, path: &[u8], last: LastLink) -> bool {
        self.resolve(path, last).is_ok()
    }

    /// Whether `path` leads to a directory.
    pub(crate) fn has_directory(&self, path: &[u8]) -> bool {
        let found = self.resolve(path, LastLink::Follow);
        found.and_then(|found| stat_of(found.found.as_fd())).is_ok_and(|stat| stat.0.kind == FileKind::Directory)
    }
}

/// Opens for reading what was opened with `O_PATH` and is known to be a regular file.
pub(super) fn reopen(found: BorrowedFd<'_>) -> rustix::io::Result<OwnedFd> {
    let path = format!("/proc/self/fd/{}", found.as_raw_fd());
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    match openat(CWD, path.as_str(), flags | OFlags::NOATIME, Mode::empty()) {
        // Only its owner and CAP_FOWNER may leave the access time as it is.
        Err(Errno::PERM) => openat(CWD, path.as_str(), flags, Mode::empty()),
        other => other,
    }
}

fn names(path: &[u8]) -> impl DoubleEndedIterator<Item = Vec<u8>> + '_ {
    let names = path.split(|&byte| byte == b'/').filter(|name| !name.is_empty() && *name != b".");
    names.map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    /// A tree `top` beside a file `secret` that its links try to reach.
    fn hostile() -> (tempfile::TempDir, Tree) {
        let place = tempfile::tempdir().expect("a directory");
        let top = place.path().join("top");
        fs::create_dir_all(top.join("etc/deep/er")).expect("directories");
        fs::write(place.path().join("secret"), "outside").expect("a file");
        fs::write(top.join("secret"), "inside").expect("a file");
        fs::write(top.join("etc/conf"), "conf").expect("a file");
        let outside = place.path().join("secret");
        symlink(&outside, top.join("etc/absolute")).expect("a link");
        symlink("../../../../../secret", top.join("etc/relative")).expect("a link");
        symlink("/secret", top.join("etc/own")).expect("a link");
        symlink("..", top.join("etc/up")).expect("a link");
        symlink("/etc/deep/er", top.join("etc/down")).expect("a link");
        symlink("loop", top.join("etc/loop")).expect("a link");
        let tree = Tree::open(&top).expect("a tree");
        (place, tree)
    }

    #[test]
    fn no_link_leads_out_of_the_tree() {
        let (_place, tree) = hostile();
        let error = tree.read(b"/etc/absolute", 99).expect_err("nothing is there inside");
        assert_eq!(Errno::from_io_error(&error), Some(Errno::NOENT));
        for path in ["/etc/relative", "/etc/own", "/../../secret", "/etc/up/../../secret", "/etc/down/../../../secret"]
        {
            assert_eq!(tree.read(path.as_bytes(), 99).expect(path), b"inside", "{path}");
        }
        assert_eq!(
            tree.resolve(b"/etc/up/etc/down/../x/../../conf", LastLink::Keep).unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
        assert_eq!(tree.resolve(b"/etc/down/../../conf", LastLink::Keep).expect("there").path, b"/etc/conf");
        assert_eq!(tree.resolve(b"/etc/own", LastLink::Keep).expect("there").path, b"/etc/own");
        assert_eq!(tree.resolve(b"/", LastLink::Keep).expect("there").path, b"/");
        let error = tree.resolve(b"/etc/loop", LastLink::Follow).expect_err("a loop");
        assert_eq!(Errno::from_io_error(&error), Some(Errno::LOOP));
    }

    #[test]
    fn pipes_devices_and_long_files_are_not_read() {
        let (place, tree) = hostile();
        rustix::fs::mkfifoat(CWD, place.path().join("top/pipe"), Mode::RUSR).expect("a pipe");
        assert!(tree.read(b"/pipe", 99).is_err() && tree.read(b"/etc", 99).is_err());
        assert!(tree.read(b"/secret", 5).is_err() && tree.read(b"/secret", 6).is_ok());
        assert_eq!(tree.names(b"/etc/up/etc/deep", 99).expect("listed"), [b"er".to_vec()]);
        assert!(tree.has_directory(b"/etc/down") && !tree.has_directory(b"/secret"));
        assert!(tree.has(b"/etc/loop", LastLink::Keep) && !tree.has(b"/etc/loop", LastLink::Follow));
    }
}
