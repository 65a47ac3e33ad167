//! The operations that a sensor has to detect, and how the self-test performs them.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};

use hids_core::model::Operation;
use rustix::fs::{XattrFlags, setxattr};
use serde::Serialize;

use crate::sys::file_operations::{write_by_ring, write_mapped};

/// The file that most operations change.
const FILE: &str = "file";

/// One way to change a file or a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OperationUnderTest {
    /// A new file.
    Create,
    /// Overwriting content.
    Write,
    /// Adding to the end.
    Append,
    /// Making it shorter.
    Truncate,
    /// Writing through a shared mapping.
    MappedWrite,
    /// Writing through an io_uring.
    RingWrite,
    /// Writing through a hard link outside of the watched tree.
    LinkedWrite,
    /// Permissions.
    Chmod,
    /// Owner.
    Chown,
    /// An extended attribute.
    Setxattr,
    /// Moving a file into the tree.
    RenameIn,
    /// Moving a file out of the tree.
    RenameOut,
    /// Replacing a file, as editors save.
    RenameOver,
    /// A hard link in the tree to a file outside.
    HardLink,
    /// A symbolic link.
    Symlink,
    /// A new directory.
    Mkdir,
    /// Removing a file.
    Unlink,
    /// Removing a directory.
    Rmdir,
}

impl OperationUnderTest {
    /// Every operation, in the order of tables.
    pub const ALL: [Self; 18] = [
        Self::Create,
        Self::Write,
        Self::Append,
        Self::Truncate,
        Self::MappedWrite,
        Self::RingWrite,
        Self::LinkedWrite,
        Self::Chmod,
        Self::Chown,
        Self::Setxattr,
        Self::RenameIn,
        Self::RenameOut,
        Self::RenameOver,
        Self::HardLink,
        Self::Symlink,
        Self::Mkdir,
        Self::Unlink,
        Self::Rmdir,
    ];

    /// The word in tables and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Write => "write",
            Self::Append => "append",
            Self::Truncate => "truncate",
            Self::MappedWrite => "mapped-write",
            Self::RingWrite => "ring-write",
            Self::LinkedWrite => "linked-write",
            Self::Chmod => "chmod",
            Self::Chown => "chown",
            Self::Setxattr => "setxattr",
            Self::RenameIn => "rename-in",
            Self::RenameOut => "rename-out",
            Self::RenameOver => "rename-over",
            Self::HardLink => "hard-link",
            Self::Symlink => "symlink",
            Self::Mkdir => "mkdir",
            Self::Unlink => "unlink",
            Self::Rmdir => "rmdir",
        }
    }

    /// The changes that a sensor misses when it does not detect this operation.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Create => "file creation",
            Self::Write => "writes",
            Self::Append => "appended data",
            Self::Truncate => "truncation",
            Self::MappedWrite => "writes through a shared mapping",
            Self::RingWrite => "writes through io_uring",
            Self::LinkedWrite => "writes through an outside hard link",
            Self::Chmod => "permission changes",
            Self::Chown => "ownership changes",
            Self::Setxattr => "extended attribute changes",
            Self::RenameIn => "files moved in",
            Self::RenameOut => "files moved out",
            Self::RenameOver => "files replaced by rename",
            Self::HardLink => "hard link creation",
            Self::Symlink => "symbolic link creation",
            Self::Mkdir => "directory creation",
            Self::Unlink => "file deletion",
            Self::Rmdir => "directory deletion",
        }
    }

    /// The operation with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.name() == name)
    }

    /// The path in the watched tree that it is seen on, and as what.
    pub(super) fn expected(self, place: &Place) -> (PathBuf, Operation) {
        let (name, operation) = match self {
            Self::Create | Self::HardLink | Self::Symlink | Self::Mkdir => ("new", Operation::Create),
            Self::Write | Self::Append | Self::Truncate | Self::RingWrite => (FILE, Operation::Write),
            // The kernel does not tell of the write itself, but of its end.
            Self::MappedWrite | Self::LinkedWrite => (FILE, Operation::CloseWrite),
            Self::Chmod | Self::Chown | Self::Setxattr => (FILE, Operation::Attributes),
            Self::RenameIn => ("new", Operation::RenamedTo),
            Self::RenameOut => (FILE, Operation::RenamedFrom),
            Self::RenameOver => (FILE, Operation::RenamedTo),
            Self::Unlink => (FILE, Operation::Delete),
            Self::Rmdir => ("directory", Operation::Delete),
        };
        (place.watched.join(name), operation)
    }

    /// Makes what the operation needs.
    pub(super) fn prepare(self, place: &Place) -> io::Result<()> {
        fs::create_dir_all(&place.watched)?;
        fs::create_dir_all(&place.outside)?;
        fs::write(place.watched.join(FILE), "old content\n")?;
        fs::write(place.outside.join(FILE), "old content\n")?;
        match self {
            Self::LinkedWrite => fs::hard_link(place.watched.join(FILE), place.outside.join("link")),
            Self::Rmdir => fs::create_dir(place.watched.join("directory")),
            _ => Ok(()),
        }
    }

    /// Does it. An error of kind `Unsupported` means that it cannot be done here at all.
    pub(super) fn act(self, place: &Place) -> io::Result<()> {
        let (file, new, outside) = (place.watched.join(FILE), place.watched.join("new"), place.outside.join(FILE));
        match self {
            Self::Create => File::create_new(new).map(drop),
            Self::Write => OpenOptions::new().write(true).open(file)?.write_all(b"new"),
            Self::Append => OpenOptions::new().append(true).open(file)?.write_all(b"new"),
            Self::Truncate => OpenOptions::new().write(true).open(file)?.set_len(3),
            Self::MappedWrite => write_mapped(&OpenOptions::new().read(true).write(true).open(file)?, b"new"),
            Self::RingWrite => write_by_ring(&OpenOptions::new().write(true).open(file)?, b"new").map_err(unsupported),
            Self::LinkedWrite => OpenOptions::new().write(true).open(place.outside.join("link"))?.write_all(b"new"),
            Self::Chmod => fs::set_permissions(file, Permissions::from_mode(0o640)),
            Self::Chown => chown(file, Some(1), Some(1)),
            Self::Setxattr => setxattr(&file, "user.hids", b"1", XattrFlags::empty())
                .or_else(|_| setxattr(&file, "trusted.hids", b"1", XattrFlags::empty()))
                .map_err(|error| unsupported(error.into())),
            Self::RenameIn => fs::rename(outside, new),
            Self::RenameOut => fs::rename(file, place.outside.join("moved")),
            Self::RenameOver => fs::rename(outside, file),
            Self::HardLink => fs::hard_link(outside, new),
            Self::Symlink => symlink("nowhere", new),
            Self::Mkdir => fs::create_dir(new),
            Self::Unlink => fs::remove_file(file),
            Self::Rmdir => fs::remove_dir(place.watched.join("directory")),
        }
    }
}

/// Errors that say "not on this kernel or filesystem".
fn unsupported(error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(libc::ENOSYS | libc::EOPNOTSUPP | libc::EPERM) => io::Error::new(io::ErrorKind::Unsupported, error),
        _ => error,
    }
}

/// Where an operation is tried: a watched and another directory on one filesystem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) watched: PathBuf,
    pub(super) outside: PathBuf,
}

impl Place {
    pub(super) fn of(operation: OperationUnderTest, directory: &Path) -> Self {
        let name = operation.name();
        Self { watched: watched_tree(directory).join(name), outside: directory.join("outside").join(name) }
    }
}

/// The tree that is watched during a self-test in `directory`.
pub(super) fn watched_tree(directory: &Path) -> PathBuf {
    directory.join("watched")
}
