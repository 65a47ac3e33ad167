//! Paths of control groups by the number that the kernel tells.
//!
//! The kernel tells of each group of the version 2 hierarchy when it is made; those that were there
//! before are found by walking the hierarchy, at most once a second.

use std::collections::HashMap;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirEntryExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::platform::mountinfo::{self, MountLine};

/// Groups remembered; all are forgotten when there are more, and found again by walking.
const MOST_GROUPS: usize = 16_384;

/// Directories looked at in one walk.
const MOST_WALKED: usize = 65_536;

/// How long a walk is the last word, in nanoseconds.
const WALK_INTERVAL: u64 = 1_000_000_000;

/// Known groups.
#[derive(Debug)]
pub(super) struct Cgroups {
    known: HashMap<u64, Arc<[u8]>>,
    mount: Option<PathBuf>,
    walked: Option<u64>,
}

impl Cgroups {
    /// None yet; `mount` is where the version 2 hierarchy is mounted.
    pub(super) fn new(mount: Option<PathBuf>) -> Self {
        Self { known: HashMap::new(), mount, walked: None }
    }

    /// Remembers a group that was made.
    pub(super) fn insert(&mut self, id: u64, path: &[u8]) {
        if self.known.len() >= MOST_GROUPS {
            self.known.clear();
        }
        self.known.insert(id, path.into());
    }

    /// The path of a group; empty when it is not known. `now` in nanoseconds of `CLOCK_MONOTONIC`.
    pub(super) fn path(&mut self, id: u64, now: u64) -> Vec<u8> {
        let is_old = self.walked.is_none_or(|walked| now.saturating_sub(walked) >= WALK_INTERVAL);
        if !self.known.contains_key(&id) && id != 0 && is_old {
            self.walked = Some(now);
            self.walk();
        }
        self.known.get(&id).map(|path| path.to_vec()).unwrap_or_default()
    }

    /// Finds the groups that are there. Their numbers are those of the directories on 64-bit machines.
    fn walk(&mut self) {
        let Some(mount) = self.mount.clone() else { return };
        let Ok(root) = fs::metadata(&mount) else { return };
        self.insert(root.ino(), b"/");
        let mut waiting = vec![mount.clone()];
        let mut walked = 0;
        while let Some(directory) = waiting.pop() {
            for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
                walked += 1;
                if walked > MOST_WALKED {
                    return;
                }
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    let path = entry.path();
                    let below = path.strip_prefix(&mount).unwrap_or(&path).as_os_str().as_bytes();
                    self.insert(entry.ino(), &[b"/", below].concat());
                    waiting.push(path);
                }
            }
        }
    }
}

/// Where the version 2 hierarchy is mounted, from `/proc/self/mountinfo` (proc_pid_mountinfo(5)).
pub(super) fn mount() -> Option<PathBuf> {
    parse_mounts(&fs::read(Path::new("/proc/self/mountinfo")).ok()?)
}

/// The mount of the hierarchy as a whole.
fn parse_mounts(text: &[u8]) -> Option<PathBuf> {
    let is_whole = |mount: &MountLine| mount.root == b"/" && mount.kind == b"cgroup2";
    mountinfo::parse(text).find(is_whole).map(|mount| mount.point_path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_point_of_version_2_is_found() {
        let text = b"30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - tmpfs tmpfs rw\n\
            31 30 0:27 /a /sys/fs/part rw - cgroup2 cgroup2 rw\n\
            32 30 0:27 / /sys/fs/cgroup/unified rw,nosuid shared:5 - cgroup2 cgroup2 rw\n";
        assert_eq!(parse_mounts(text), Some(PathBuf::from("/sys/fs/cgroup/unified")));
        assert_eq!(parse_mounts(b"1 2 3\n - cgroup2\n"), None);
    }

    #[test]
    fn groups_are_found_by_walking_and_by_being_told() {
        let tree = tempfile::tempdir().expect("a directory");
        let inner = tree.path().join("system.slice/x.service");
        fs::create_dir_all(&inner).expect("groups");
        let id = fs::metadata(&inner).expect("a group").ino();
        let mut groups = Cgroups::new(Some(tree.path().to_path_buf()));
        assert_eq!(groups.path(id, 1), b"/system.slice/x.service");
        assert_eq!(groups.path(fs::metadata(tree.path()).expect("the root").ino(), 1), b"/");
        assert_eq!(groups.path(u64::MAX, 2), b"");
        groups.insert(u64::MAX, b"/told");
        assert_eq!(groups.path(u64::MAX, 3), b"/told");
    }
}
