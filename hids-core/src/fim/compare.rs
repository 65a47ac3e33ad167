//! What differs between two states of one path.

use super::Checks;
use crate::model::{FileKind, FileState};

/// The parts of a [`FileState`] that differ and count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Differences {
    /// It is something else now: a link where a file was.
    pub kind: bool,
    /// Size.
    pub size: bool,
    /// Permissions.
    pub permissions: bool,
    /// Owner.
    pub owner: bool,
    /// Group.
    pub group: bool,
    /// MD5 sum.
    pub md5: bool,
    /// SHA-1 sum.
    pub sha1: bool,
    /// SHA-256 sum.
    pub sha256: bool,
    /// BLAKE3 sum.
    pub blake3: bool,
    /// Where a symbolic link leads.
    pub link_target: bool,
    /// Extended attributes: capabilities, ACLs, the SELinux label.
    pub xattrs: bool,
    /// Inode number or filesystem.
    pub inode: bool,
    /// Time of the last change of the content.
    pub modified: bool,
}

impl Differences {
    /// Whether nothing differs.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// Whether a sum of the content differs.
    pub const fn content(self) -> bool {
        self.md5 || self.sha1 || self.sha256 || self.blake3
    }
}

/// What differs between `old` and `new` of what `checks` wants compared.
///
/// As in OSSEC a sum that is not known on one side (not asked for, not readable) is no difference. Size and
/// time of a directory are not compared: they tell only that an entry came or went, which has an alert of
/// its own. The kind also counts with the permissions, since OSSEC compares the whole `st_mode`.
pub fn compare(old: &FileState, new: &FileState, checks: Checks) -> Differences {
    let holds_content = old.kind != FileKind::Directory && new.kind != FileKind::Directory;
    let (before, after) = (&old.digests, &new.digests);
    Differences {
        kind: (checks.extended || checks.permissions) && old.kind != new.kind,
        size: checks.size && holds_content && old.size_bytes != new.size_bytes,
        permissions: checks.permissions && (old.mode ^ new.mode) & PERMISSION_BITS != 0,
        owner: checks.owner && old.uid != new.uid,
        group: checks.group && old.gid != new.gid,
        md5: checks.md5 && differ(before.md5, after.md5),
        sha1: checks.sha1 && differ(before.sha1, after.sha1),
        sha256: checks.sha256 && differ(before.sha256, after.sha256),
        blake3: checks.blake3 && differ(before.blake3, after.blake3),
        link_target: checks.extended && old.link_target != new.link_target,
        xattrs: checks.extended && old.xattrs != new.xattrs,
        inode: checks.inode && (old.inode, old.device) != (new.inode, new.device),
        modified: checks.modified && holds_content && old.modified != new.modified,
    }
}

/// Read, write, execute, set-id and sticky bits of `st_mode`.
const PERMISSION_BITS: u32 = 0o7777;

fn differ<T: PartialEq>(old: Option<T>, new: Option<T>) -> bool {
    matches!((old, new), (Some(old), Some(new)) if old != new)
}
