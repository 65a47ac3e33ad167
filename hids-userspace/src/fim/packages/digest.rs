//! The sums that databases of packages have.

use hids_core::model::Digests;

/// A digest that a database records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum PackageDigest {
    /// All that dpkg has.
    Md5,
    /// Old rpm packages.
    Sha1,
    /// rpm packages since about 2010.
    Sha256,
}

impl PackageDigest {
    /// That digest of a file, as far as it is known.
    pub(super) fn of(self, digests: &Digests) -> Option<&[u8]> {
        match self {
            Self::Md5 => digests.md5.as_ref().map(<[u8; 16]>::as_slice),
            Self::Sha1 => digests.sha1.as_ref().map(<[u8; 20]>::as_slice),
            Self::Sha256 => digests.sha256.as_ref().map(<[u8; 32]>::as_slice),
        }
    }
}
