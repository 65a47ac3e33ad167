//! What a database tells about the paths of its packages.

use hids_core::model::Timestamp;

/// Where a package is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Dpkg,
    Rpm,
}

/// Takes the packages of a database with their paths.
pub(super) trait Listing {
    /// A package; its paths follow.
    fn add_package(&mut self, name: String, version: String, source: Source);

    /// A path of the package added last.
    fn add_path(&mut self, path: &[u8]);

    /// When a file of the database was written.
    fn written(&mut self, source: Source, at: Timestamp);

    /// Something cannot be read.
    fn miss(&mut self);
}
