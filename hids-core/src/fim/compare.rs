//! Differences between two states of a path.

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
        inode: checks.inode && (old.inode != new.inode || is_on_another_device(old.device, new.device)),
        modified: checks.modified && holds_content && old.modified != new.modified,
    }
}

/// Read, write, execute, set-id and sticky bits of `st_mode`.
const PERMISSION_BITS: u32 = 0o7777;

/// Whether two numbers of devices (`st_dev`) are those of two disks.
///
/// Filesystems without a disk of their own, each subvolume of btrfs among them, are given a number with the
/// major part 0 when they are mounted, another one each time: a difference says nothing.
const fn is_on_another_device(old: u64, new: u64) -> bool {
    old != new && major(old) != 0 && major(new) != 0
}

/// As `major` in `sys/sysmacros.h`.
const fn major(device: u64) -> u64 {
    device >> 8 & 0xfff | device >> 32 & !0xfff
}

fn differ<T: PartialEq>(old: Option<T>, new: Option<T>) -> bool {
    matches!((old, new), (Some(old), Some(new)) if old != new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Digests;

    const NONE: Checks = Checks::all(false);

    #[test]
    fn only_what_is_asked_for_counts() {
        let old = FileState { mode: 0o100_644, ..FileState::default() };
        let new = FileState { size_bytes: 1, mode: 0o100_600, uid: 1, gid: 1, inode: 1, ..old.clone() };
        assert!(compare(&old, &new, NONE).is_empty());
        let found = compare(&old, &new, Checks { size: true, group: true, ..NONE });
        assert_eq!(found, Differences { size: true, group: true, ..Differences::default() });
        assert!(compare(&old, &new, Checks { inode: true, ..NONE }).inode);
        assert!(!compare(&old, &new, Checks::all(true)).inode);
    }

    #[test]
    fn another_disk_is_a_difference_and_another_number_of_a_filesystem_without_one_is_none() {
        let on = |device| FileState { inode: 7, device, ..FileState::default() };
        let found = |old, new| compare(&on(old), &on(new), Checks { inode: true, ..NONE }).inode;
        assert!(found(0x801, 0x802) && found(0x801, 0x10_0801));
        assert!(!found(0x2a, 0x2b) && !found(0x10_0001, 0x2a) && !found(0x801, 0x801));
    }

    #[test]
    fn an_unknown_sum_is_no_difference() {
        let with =
            |md5, sha256| FileState { digests: Digests { md5, sha256, ..Digests::default() }, ..FileState::default() };
        let all = Checks::all(true);
        assert!(compare(&with(Some([1; 16]), None), &with(None, Some([2; 32])), all).is_empty());
        let found = compare(&with(Some([1; 16]), None), &with(Some([2; 16]), None), all);
        assert!(found.md5 && found.content() && !found.sha256);
    }

    #[test]
    fn a_file_replaced_by_something_else_is_a_difference_whatever_is_checked() {
        let old = FileState::default();
        let fifo = FileState { kind: FileKind::Fifo, ..FileState::default() };
        let sums_only = Checks { sha256: true, extended: true, ..NONE };
        assert!(compare(&old, &fifo, sums_only).kind);
        // As OSSEC in the strict mode: the type is a part of the mode.
        assert!(compare(&old, &fifo, Checks { extended: false, ..sums_only }).is_empty());
        assert!(compare(&old, &fifo, Checks { permissions: true, ..NONE }).kind);
    }

    #[test]
    fn links_and_attributes_count_but_in_the_strict_mode() {
        let old = FileState { kind: FileKind::Symlink, link_target: Some(b"a".to_vec()), ..FileState::default() };
        let link = FileState { link_target: Some(b"b".to_vec()), ..old.clone() };
        let xattrs = [(b"security.capability".to_vec(), vec![1])].into();
        let capable = FileState { xattrs, ..old.clone() };
        let all = Checks::all(true);
        assert!(compare(&old, &link, all).link_target && compare(&old, &capable, all).xattrs);
        let strict = Checks { extended: false, ..all };
        assert!(compare(&old, &link, strict).is_empty() && compare(&old, &capable, strict).is_empty());
    }

    #[test]
    fn entries_that_come_and_go_do_not_change_a_directory() {
        let old = FileState { kind: FileKind::Directory, size_bytes: 4096, ..FileState::default() };
        let new =
            FileState { size_bytes: 8192, modified: crate::model::Timestamp::from_unix_seconds(9), ..old.clone() };
        let checks = Checks { modified: true, ..Checks::all(true) };
        assert!(compare(&old, &new, checks).is_empty());
        assert!(compare(&old, &FileState { mode: 0o777, ..new }, checks).permissions);
    }
}
