//! Files: what is recorded of one, and how that changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Operations, Timestamp, Who};

/// What a path leads to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FileKind {
    /// A file with content.
    #[default]
    Regular,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A named pipe; never opened.
    Fifo,
    /// A Unix socket; never opened.
    Socket,
    /// A character device; never opened.
    CharacterDevice,
    /// A block device; never opened.
    BlockDevice,
}

impl FileKind {
    /// From the file type bits of `st_mode`; `None` for a type that Linux does not have.
    pub const fn from_mode(mode: u32) -> Option<Self> {
        Some(match mode & 0o170_000 {
            0o100_000 => Self::Regular,
            0o040_000 => Self::Directory,
            0o120_000 => Self::Symlink,
            0o010_000 => Self::Fifo,
            0o140_000 => Self::Socket,
            0o020_000 => Self::CharacterDevice,
            0o060_000 => Self::BlockDevice,
            _ => return None,
        })
    }

    /// The word that messages use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Regular => "file",
            Self::Directory => "directory",
            Self::Symlink => "symbolic link",
            Self::Fifo => "named pipe",
            Self::Socket => "socket",
            Self::CharacterDevice => "character device",
            Self::BlockDevice => "block device",
        }
    }
}

/// Sums over a file's content; `None` = not asked for, or the content could not be read.
///
/// Those of a symbolic link are of the regular file that it leads to, as in OSSEC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Digests {
    /// MD5.
    pub md5: Option<[u8; 16]>,
    /// SHA-1.
    pub sha1: Option<[u8; 20]>,
    /// SHA-256.
    pub sha256: Option<[u8; 32]>,
    /// BLAKE3.
    pub blake3: Option<[u8; 32]>,
}

/// Everything that the baseline holds of one path. Which parts count is [`Checks`](crate::fim::Checks).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileState {
    /// What it is.
    pub kind: FileKind,
    /// Bytes; of a link, the length of its target's name.
    pub size_bytes: u64,
    /// The whole `st_mode`, type bits included.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// The filesystem, `st_dev`.
    pub device: u64,
    /// Number on the filesystem.
    pub inode: u64,
    /// Number of hard links.
    pub links: u64,
    /// Last change of the content.
    pub modified: Timestamp,
    /// Last change of content or attributes; only the kernel sets it.
    pub changed: Timestamp,
    /// Sums of the content.
    pub digests: Digests,
    /// Where a symbolic link leads, as written.
    pub link_target: Option<Vec<u8>>,
    /// Extended attributes by name: capabilities, ACLs, the SELinux label, the user's own. A value
    /// longer than 256 bytes is held as `sha256:` and its sum in hexadecimal digits.
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ChangeKind {
    /// It is there and was not known.
    Added,
    /// It differs from the baseline.
    Modified,
    /// It is gone.
    Deleted,
    /// It is there again after a deletion.
    Readded,
}

impl ChangeKind {
    /// The word in JSON and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Modified => "modified",
            Self::Deleted => "deleted",
            Self::Readded => "readded",
        }
    }
}

/// One difference between the baseline and a file, as it is alerted, kept and shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChange {
    /// The whole path, any bytes but NUL.
    pub path: Vec<u8>,
    /// What became of it.
    pub kind: ChangeKind,
    /// The baseline's state, if there was one.
    pub old: Option<Box<FileState>>,
    /// The state now; `None` when it is gone.
    pub new: Option<Box<FileState>>,
    /// The how many-th change of this path since it was accepted, from 1.
    pub count: u32,
    /// Who did it, the last one last. Empty when nobody was seen (a scan found it).
    pub who: Vec<Arc<Who>>,
    /// What the kernel saw being done; empty when a scan found it.
    pub operations: Operations,
    /// A unified diff of the text, or why there is none.
    pub diff: Option<String>,
}
