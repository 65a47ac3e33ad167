//! Filesystems in a file, attached through a loop device: of a kind of which the machine may have none.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::require;

/// A filesystem to try things on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// In memory.
    Tmpfs,
    /// On a loop device, as all that follow.
    Ext4,
    /// With subvolumes.
    Btrfs,
    /// As ext4.
    Xfs,
}

impl Kind {
    /// The kernel's word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tmpfs => "tmpfs",
            Self::Ext4 => "ext4",
            Self::Btrfs => "btrfs",
            Self::Xfs => "xfs",
        }
    }

    /// The program that makes one, with its arguments; none is needed for one in memory.
    fn maker(self) -> Option<(&'static str, &'static [&'static str])> {
        match self {
            Self::Tmpfs => None,
            Self::Ext4 => Some(("mke2fs", &["-q", "-t", "ext4"])),
            Self::Btrfs => Some(("mkfs.btrfs", &["-q"])),
            Self::Xfs => Some(("mkfs.xfs", &["-q"])),
        }
    }

    /// The least that its program makes; the file has holes.
    const fn size_bytes(self) -> u64 {
        match self {
            Self::Tmpfs | Self::Ext4 => 64 << 20,
            Self::Btrfs => 256 << 20,
            Self::Xfs => 320 << 20,
        }
    }

    /// Whether this kernel has it, and the machine the program to make one; otherwise says that the test
    /// is skipped.
    ///
    /// # Panics
    /// When one is missing and `HIDS_REQUIRE` names `filesystems`.
    pub fn is_possible(self) -> bool {
        let is_known = || {
            let known = std::fs::read_to_string("/proc/filesystems").unwrap_or_default();
            known.lines().any(|line| line.split_whitespace().next_back() == Some(self.name()))
        };
        // It may be a module that nobody has needed yet.
        if !is_known() && Command::new("modprobe").arg(self.name()).output().is_err() || !is_known() {
            require::skip("filesystems", &format!("this kernel has no {}", self.name()));
            return false;
        }
        self.maker().is_none_or(|(program, _)| require::programs("filesystems", &[program]))
    }
}

/// A mounted filesystem, taken away when it is dropped. A test should have mounts of its own.
#[derive(Debug)]
pub struct Mounted(PathBuf);

impl Mounted {
    /// Makes an empty filesystem in `image` and mounts it at `point`.
    ///
    /// # Panics
    /// When that cannot be done.
    pub fn new(kind: Kind, image: &Path, point: &Path) -> Self {
        if let Some((program, arguments)) = kind.maker() {
            File::create(image).and_then(|file| file.set_len(kind.size_bytes())).expect("an image");
            run(Command::new(program).args(arguments).arg(image));
        }
        Self::mount(kind, image, point, "")
    }

    /// Mounts the filesystem in `image` at `point`, with further `options` of its own kind.
    ///
    /// # Panics
    /// When that cannot be done.
    pub fn mount(kind: Kind, image: &Path, point: &Path, options: &str) -> Self {
        let how = if kind == Kind::Tmpfs { "rw" } else { "loop" };
        let options = if options.is_empty() { how.to_owned() } else { format!("{how},{options}") };
        // The guests' busybox knows the same arguments.
        run(Command::new("mount").args(["-t", kind.name(), "-o", &options]).arg(image).arg(point));
        Self(point.to_owned())
    }

    /// Mounts the same filesystem once more, at `point`. The image itself would not do: not every `mount` sees
    /// that it has a loop device already, and with a second one it is another filesystem to the kernel.
    ///
    /// # Panics
    /// When that cannot be done.
    pub fn again(&self, kind: Kind, point: &Path, options: &str) -> Self {
        let table = std::fs::read_to_string("/proc/thread-self/mounts").expect("the table of mounts");
        // As paths: one may end with a slash.
        let is_own = |line: &&str| line.split(' ').nth(1).is_some_and(|point| Path::new(point) == self.0);
        let line = table.lines().rfind(is_own).expect("it is mounted");
        let device = line.split(' ').next().unwrap_or_default();
        run(Command::new("mount").args(["-t", kind.name(), "-o", options, device]).arg(point));
        Self(point.to_owned())
    }

    /// Takes it away and waits until it is.
    ///
    /// # Panics
    /// When something still uses it.
    pub fn unmount(self) {
        rustix::mount::unmount(&self.0, rustix::mount::UnmountFlags::empty()).expect("nothing uses it any more");
        std::mem::forget(self);
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Whatever still uses it keeps it until it ends; without a mount there is nothing to do.
        let _ = rustix::mount::unmount(&self.0, rustix::mount::UnmountFlags::DETACH);
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} cannot be run: {error}"));
    assert!(output.status.success(), "{command:?}: {output:?}");
}
