//! File properties to compare.

/// The parts of a [`FileState`](crate::model::FileState) that count.
///
/// The first seven are OSSEC's; the others are compared besides, since an attacker changes them too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Checks {
    /// MD5 sum.
    pub md5: bool,
    /// SHA-1 sum.
    pub sha1: bool,
    /// SHA-256 sum.
    pub sha256: bool,
    /// BLAKE3 sum (`check_blake3`, not in OSSEC).
    pub blake3: bool,
    /// Size.
    pub size: bool,
    /// Owner.
    pub owner: bool,
    /// Group.
    pub group: bool,
    /// Permissions.
    pub permissions: bool,
    /// What OSSEC does not compare and an attacker changes too: what kind of thing it is, where a link
    /// leads, extended attributes (ACLs, capabilities, the SELinux label). Off in strict mode only.
    pub extended: bool,
    /// Inode number (`check_inode`, Wazuh's).
    pub inode: bool,
    /// Time of the last change of the content (`check_mtime`, Wazuh's).
    pub modified: bool,
}

impl Checks {
    /// OSSEC's `check_all`, on or off.
    pub const fn all(on: bool) -> Self {
        Self {
            md5: on,
            sha1: on,
            sha256: on,
            blake3: false,
            size: on,
            owner: on,
            group: on,
            permissions: on,
            extended: on,
            inode: false,
            modified: false,
        }
    }

    /// What either asks for.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self {
            md5: self.md5 || other.md5,
            sha1: self.sha1 || other.sha1,
            sha256: self.sha256 || other.sha256,
            blake3: self.blake3 || other.blake3,
            size: self.size || other.size,
            owner: self.owner || other.owner,
            group: self.group || other.group,
            permissions: self.permissions || other.permissions,
            extended: self.extended || other.extended,
            inode: self.inode || other.inode,
            modified: self.modified || other.modified,
        }
    }

    /// Whether the content has to be read.
    pub const fn reads_content(self) -> bool {
        self.md5 || self.sha1 || self.sha256 || self.blake3
    }
}
