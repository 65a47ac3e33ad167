//! Mount table for the guard: the kernel's number of the filesystem under a
//! path, mounts below a tree, the layers of overlayfs (`/proc/self/mountinfo`,
//! `Documentation/filesystems/proc.rst`).

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use hids_common::guard::FileKey;
use rustix::fs::{Mode, OFlags, open};

use crate::platform::mountinfo::{self, MountLine};
use crate::sensors::subvolumes;

/// One mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    id: u64,
    /// The kernel's `s_dev`.
    pub device: u32,
    /// Which directory of the filesystem is mounted.
    pub root: PathBuf,
    /// Where.
    pub point: PathBuf,
    /// For example `ext4`.
    pub kind: String,
    /// Options of the filesystem.
    options: Vec<u8>,
}

/// The table of mounts at one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Mounts {
    mounts: Vec<Mount>,
    /// Whether keys tell subvolumes of btrfs apart, as the kernel's programs do if they can.
    tells_subvolumes: bool,
}

impl Mounts {
    /// The mounts of this process' namespace as they are now.
    pub(super) fn now(tells_subvolumes: bool) -> io::Result<Self> {
        let mounts = Self::parse(&fs::read("/proc/self/mountinfo")?);
        Ok(Self { tells_subvolumes, ..mounts })
    }

    fn parse(text: &[u8]) -> Self {
        let mounts = mountinfo::parse(text).map(Mount::from).collect();
        Self { mounts, tells_subvolumes: false }
    }

    /// Whether keys tell the files of `mount` apart. Each subvolume of btrfs counts its own inodes, and so
    /// does one of bcachefs.
    pub(super) fn tells_files_apart(&self, mount: &Mount) -> bool {
        (mount.kind != subvolumes::KIND || self.tells_subvolumes) && mount.kind != "bcachefs"
    }

    /// Those that are mounted at or below `directory`, itself excluded.
    pub(super) fn below<'a>(&'a self, directory: &'a Path) -> impl Iterator<Item = &'a Mount> {
        self.mounts.iter().filter(move |mount| mount.point != directory && mount.point.starts_with(directory))
    }

    /// The mount that holds `path`, and the path's key. A symbolic link is not followed.
    pub(super) fn locate(&self, path: &Path) -> io::Result<(FileKey, &Mount)> {
        let file = open(path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
        let file = fs::File::from(file);
        let id = mountinfo::mount_id(&file)?;
        let mount = self.mounts.iter().find(|mount| mount.id == id);
        let mount = mount.ok_or_else(|| io::Error::other("mount not found in /proc/self/mountinfo"))?;
        Ok((mount.key_of(&file)?, mount))
    }

    /// The path of `names` (from the root of a filesystem) as this process sees it; without a mount of
    /// that filesystem as they are.
    pub(super) fn path_of(&self, device: u32, names: &Path) -> PathBuf {
        let absolute = Path::new("/").join(names);
        let holds = |mount: &&Mount| mount.device == device && absolute.starts_with(&mount.root);
        // A whole filesystem or a large part of it rather than the bind mount of a file.
        let mount = self.mounts.iter().filter(holds).min_by_key(|mount| mount.root.as_os_str().len());
        let below = mount.and_then(|mount| Some((mount, absolute.strip_prefix(&mount.root).ok()?)));
        match below {
            Some((mount, below)) if below.as_os_str().is_empty() => mount.point.clone(),
            Some((mount, below)) => mount.point.join(below),
            None => absolute,
        }
    }
}

impl From<MountLine> for Mount {
    fn from(line: MountLine) -> Self {
        let (major, minor) = line.device;
        Self {
            id: line.id,
            device: major << 20 | minor,
            root: line.root_path(),
            point: line.point_path(),
            kind: String::from_utf8_lossy(&line.kind).into_owned(),
            options: line.options,
        }
    }
}

impl Mount {
    /// The key of an open file on it.
    pub(super) fn key_of(&self, file: &fs::File) -> io::Result<FileKey> {
        let number = if self.kind == subvolumes::KIND { subvolumes::number_of(file.as_fd())? } else { 0 };
        // The lower half, as the kernel's programs take it.
        let subvolume = (number & u64::from(u32::MAX)) as u32;
        Ok(FileKey { inode: file.metadata()?.ino(), device: self.device, subvolume })
    }

    /// Directories below which overlayfs keeps what this mount shows, the writable one first.
    pub(super) fn layers(&self) -> Vec<PathBuf> {
        if self.kind != "overlay" {
            return Vec::new();
        }
        let mut layers = Vec::new();
        for (name, value) in split_escaped(&self.options, b',').iter().filter_map(|option| split_option(option)) {
            match name {
                b"upperdir" => layers.insert(0, value.to_vec()),
                b"lowerdir" | b"lowerdir+" => layers.extend(split_escaped(value, b':')),
                _ => {}
            }
        }
        layers.into_iter().map(|layer| PathBuf::from(OsString::from_vec(without_escapes(&layer)))).collect()
    }
}

/// Splits where `separator` has no backslash before it.
fn split_escaped(text: &[u8], separator: u8) -> Vec<Vec<u8>> {
    let mut parts = vec![Vec::new()];
    let mut is_escaped = false;
    for byte in text {
        if *byte == separator && !is_escaped {
            parts.push(Vec::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(*byte);
        }
        is_escaped = *byte == b'\\' && !is_escaped;
    }
    parts.retain(|part| !part.is_empty());
    parts
}

fn split_option(option: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = option.iter().position(|byte| *byte == b'=')?;
    Some((&option[..at], &option[at + 1..]))
}

fn without_escapes(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        bytes.push(if *byte == b'\\' { *rest.next().unwrap_or(byte) } else { *byte });
    }
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TABLE: &[u8] = b"22 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n\
        30 22 0:25 / /srv/a\\040b rw - overlay overlay rw,lowerdir=/low\\1341:/low2,upperdir=/up\\\\,x,workdir=/w\n\
        31 22 8:1 /data /mnt/data rw - ext4 /dev/sda1 rw\nrubbish\n";

    #[test]
    fn mount_table_is_read_with_its_escapes() {
        let Mounts { mounts, .. } = Mounts::parse(TABLE);
        assert_eq!(mounts.len(), 3);
        assert_eq!(mounts[0].device, 8 << 20 | 1);
        assert_eq!(mounts[1].point, Path::new("/srv/a b"));
        assert_eq!(mounts[2].root, Path::new("/data"));
    }

    #[test]
    fn layers_of_overlayfs_come_with_the_writable_one_first() {
        let line = b"30 22 0:25 / /m rw - overlay overlay rw,lowerdir=/l1:/l2\\134:x,upperdir=/up,workdir=/w\n";
        let Mounts { mounts, .. } = Mounts::parse(line);
        let layers: Vec<_> = mounts[0].layers();
        assert_eq!(layers, [Path::new("/up"), Path::new("/l1"), Path::new("/l2:x")]);
    }

    #[test]
    fn names_from_the_root_of_a_filesystem_become_a_path() {
        let mounts = Mounts::parse(TABLE);
        assert_eq!(mounts.path_of(8 << 20 | 1, Path::new("usr/bin/vi")), Path::new("/usr/bin/vi"));
        assert_eq!(mounts.path_of(8 << 20 | 1, Path::new("")), Path::new("/"));
        assert_eq!(mounts.path_of(25, Path::new("x")), Path::new("/srv/a b/x"));
        assert_eq!(mounts.path_of(99, Path::new("x")), Path::new("/x"));
    }

    #[test]
    fn this_machine_has_a_root() {
        let mounts = Mounts::now(false).expect("a table");
        let (key, _) = mounts.locate(Path::new("/")).expect("a root");
        assert_ne!(key.inode, 0);
    }

    proptest! {
        #[test]
        fn no_line_makes_the_parser_panic(line in proptest::collection::vec(any::<u8>(), 0..200)) {
            let Mounts { mounts, .. } = Mounts::parse(&line);
            for mount in mounts {
                mount.layers();
            }
        }
    }
}
