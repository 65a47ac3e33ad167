//! Maps paths to the keys that the kernel protects: inode number and filesystem.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use hids_common::guard::{ANCESTOR, FileKey, PROTECTED_SLOTS, TREE};
use rustix::fs::{Mode, OFlags, open, openat};

use super::mounts::{Mount, Mounts};
use crate::sensors::subvolumes;

/// Most files with more than one hard link that are protected by themselves: they share the kernel's
/// map with directories and with links to come.
const MOST_LINKED: usize = PROTECTED_SLOTS as usize / 4 * 3;

/// Filesystems without files of their own; one of them below a tree is left alone.
const PSEUDO: &[&str] = &[
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "devtmpfs",
    "efivarfs",
    "fusectl",
    "hugetlbfs",
    "mqueue",
    "nsfs",
    "proc",
    "pstore",
    "rpc_pipefs",
    "securityfs",
    "selinuxfs",
    "sysfs",
    "tracefs",
];

/// One entry of the kernel's map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// [`TREE`], [`ANCESTOR`].
    pub flags: u32,
    /// Its path when it was found.
    pub path: PathBuf,
}

/// What is to be protected, and what of it cannot be.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    /// By file.
    pub entries: BTreeMap<FileKey, Place>,
    /// Each with its reason, for administrators.
    pub problems: Vec<String>,
}

impl Places {
    /// The part of it that the kernel wants.
    pub(super) fn flags(&self) -> BTreeMap<FileKey, u32> {
        self.entries.iter().map(|(key, place)| (*key, place.flags)).collect()
    }

    /// Trees as they are now: the directories, those above them, mounts inside of them and the layers
    /// of overlayfs below them.
    pub(super) fn survey(trees: &[PathBuf], mounts: &Mounts) -> Self {
        let mut places = Self::default();
        for tree in trees {
            if let Err(problem) = places.add_tree(tree, mounts) {
                places.problems.push(format!("{} is not protected: {problem}", tree.display()));
            }
        }
        places
    }

    /// Protects one file or directory with everything below it, and the way to it.
    pub(super) fn add_tree(&mut self, tree: &Path, mounts: &Mounts) -> io::Result<()> {
        let real = fs::canonicalize(tree)?;
        let (key, mount) = mounts.locate(&real)?;
        if !mounts.tells_files_apart(mount) {
            let why = format!(
                "inode numbers of {} are ambiguous across subvolumes, and the kernel did not provide subvolume \
                 information when the guard was loaded (run hidsctl fim unlock and restart hidsd to reload it)",
                mount.kind
            );
            return Err(io::Error::other(why));
        }
        self.add(key, TREE, &real);
        self.add_above(mount);
        self.add_ancestors(&real, mounts);
        if real != tree {
            // The symbolic link itself, so that the name cannot be made to lead elsewhere.
            let (link, _) = mounts.locate(tree)?;
            self.add(link, TREE, tree);
            self.add_ancestors(tree, mounts);
        }
        self.add_layers(&real, mounts);
        for inner in mounts.below(&real).filter(|mount| !PSEUDO.contains(&mount.kind.as_str())) {
            match mounts.locate(&inner.point) {
                Ok((key, mount)) if mounts.tells_files_apart(mount) => self.add(key, TREE, &inner.point),
                Ok((_, mount)) => {
                    let text = format!("{} is not protected: mount point of {}", inner.point.display(), mount.kind);
                    self.problems.push(text);
                }
                Err(error) => self.problems.push(format!("{} is not protected: {error}", inner.point.display())),
            }
        }
        Ok(())
    }

    /// Protects files that have a further hard link, which may be anywhere.
    pub(super) fn add_linked(&mut self, tree: &Path, mounts: &Mounts) {
        let Ok((key, _)) = mounts.locate(tree) else { return };
        let mut waiting = vec![tree.to_path_buf()];
        let device = fs::symlink_metadata(tree).map(|tree| tree.dev()).unwrap_or_default();
        while let Some(directory) = waiting.pop() {
            // What disappears meanwhile needs no protection.
            let Ok(entries) = fs::read_dir(&directory) else { continue };
            for entry in entries.filter_map(Result::ok) {
                let Ok(metadata) = entry.metadata() else { continue };
                if metadata.dev() != device {
                    continue;
                }
                if metadata.is_dir() {
                    waiting.push(entry.path());
                } else if metadata.nlink() > 1 {
                    if self.entries.len() >= MOST_LINKED {
                        let text =
                            format!("only {MOST_LINKED} files with several hard links are protected individually");
                        return self.problems.push(text);
                    }
                    self.add(FileKey { inode: metadata.ino(), ..key }, TREE, &entry.path());
                }
            }
        }
    }

    fn add_ancestors(&mut self, path: &Path, mounts: &Mounts) {
        for directory in path.ancestors().skip(1).filter(|directory| !directory.as_os_str().is_empty()) {
            match mounts.locate(directory) {
                Ok((key, _)) => self.add(key, ANCESTOR, directory),
                Err(error) => {
                    self.problems.push(format!("{} may be renamed or mounted over: {error}", directory.display()));
                }
            }
        }
    }

    /// Directories of a btrfs above the subvolume that is mounted: it could be renamed or deleted in them.
    fn add_above(&mut self, mount: &Mount) {
        let names: Vec<_> = mount.root.iter().skip(1).collect();
        if mount.kind != subvolumes::KIND || names.is_empty() {
            return;
        }
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut path = PathBuf::from("/");
        let mut add = || -> io::Result<()> {
            // Handles are only taken by a descriptor that is really open.
            let here = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let mut directory = subvolumes::open_top(open(&mount.point, here, Mode::empty())?.as_fd())?;
            for name in &names {
                let file = fs::File::from(directory.try_clone()?);
                self.add(mount.key_of(&file)?, ANCESTOR, &path);
                directory = openat(&directory, *name, flags, Mode::empty())?;
                path.push(name);
            }
            Ok(())
        };
        if let Err(error) = add() {
            let text = format!("the subvolume of {} may be renamed or deleted: {error}", mount.point.display());
            self.problems.push(text);
        }
    }

    /// What overlayfs shows lies in directories of other filesystems, which are as good a way in.
    fn add_layers(&mut self, tree: &Path, mounts: &Mounts) {
        let Ok((_, mount)) = mounts.locate(tree) else { return };
        let below = tree.strip_prefix(&mount.point).unwrap_or(tree);
        let inside = mount.root.strip_prefix("/").unwrap_or(&mount.root).join(below);
        for (place, layer) in mount.layers().into_iter().enumerate() {
            // Layers that were mounted before the root was changed (containers) have no path here.
            let directory = layer.join(&inside);
            match mounts.locate(&directory) {
                Ok((key, layer_mount)) if mounts.tells_files_apart(layer_mount) => {
                    self.add(key, TREE, &directory);
                    self.add_ancestors(&directory, mounts);
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound && place > 0 => {}
                Ok(_) | Err(_) => {
                    let text = format!(
                        "{} can be modified through {}, an overlayfs layer without a copy of it or not accessible",
                        tree.display(),
                        layer.display(),
                    );
                    self.problems.push(text);
                }
            }
        }
    }

    fn add(&mut self, key: FileKey, flags: u32, path: &Path) {
        let place = self.entries.entry(key).or_insert_with(|| Place { flags: 0, path: path.to_path_buf() });
        if flags & TREE != 0 && place.flags & TREE == 0 {
            path.clone_into(&mut place.path);
        }
        place.flags |= flags;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tree_brings_the_directories_above_and_its_linked_files() {
        let directory = tempfile::tempdir().expect("a directory");
        let base = fs::canonicalize(directory.path()).expect("its path");
        let tree = base.join("a/tree");
        fs::create_dir_all(tree.join("inner")).expect("a tree");
        fs::write(tree.join("inner/one"), "").expect("a file");
        fs::hard_link(tree.join("inner/one"), base.join("outside")).expect("a link");
        fs::write(tree.join("single"), "").expect("a file");
        let mounts = Mounts::now(false).expect("the table");
        let mut places = Places::survey(std::slice::from_ref(&tree), &mounts);
        places.add_linked(&tree, &mounts);
        let flags = |path: &Path| {
            let (key, _) = mounts.locate(path).expect("a place");
            places.entries.get(&key).map_or(0, |place| place.flags)
        };
        assert_eq!(flags(&tree), TREE);
        assert_eq!(flags(&base.join("a")), ANCESTOR);
        assert_eq!(flags(Path::new("/")), ANCESTOR);
        assert_eq!(flags(&base.join("outside")), TREE);
        assert_eq!(flags(&tree.join("single")), 0);
        assert!(places.problems.is_empty(), "{:?}", places.problems);
    }

    #[test]
    fn tree_behind_a_symbolic_link_is_protected_with_the_link() {
        let directory = tempfile::tempdir().expect("a directory");
        let base = fs::canonicalize(directory.path()).expect("its path");
        fs::create_dir(base.join("real")).expect("a tree");
        std::os::unix::fs::symlink("real", base.join("link")).expect("a link");
        let mounts = Mounts::now(false).expect("the table");
        let places = Places::survey(&[base.join("link")], &mounts);
        for name in ["real", "link"] {
            let (key, _) = mounts.locate(&base.join(name)).expect("a place");
            assert_eq!(places.entries.get(&key).map(|place| place.flags), Some(TREE), "{name}");
        }
    }

    #[test]
    fn missing_tree_is_a_problem_that_names_it() {
        let places = Places::survey(&[PathBuf::from("/no/such/tree")], &Mounts::now(false).expect("the table"));
        assert!(places.entries.is_empty());
        assert!(places.problems[0].starts_with("/no/such/tree is not protected"), "{:?}", places.problems);
    }
}
