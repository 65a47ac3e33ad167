//! Readers of the dpkg and rpm databases; no program is run.
//!
//! A file that changed because its package was updated has the digest that the database has for it.
//! That is no proof: who is root can write the database as well. dpkg keeps MD5 alone, so a forged
//! file with the same sum is even possible without touching it. Therefore a match is taken for a
//! package's update only if the database was written after the baseline knew the file, and if
//! nothing but the content changed ([`Packages::explains`]); and what is accepted is told in any
//! case, as one summary.

mod aliases;
mod damage;
mod digest;
mod dpkg;
mod index;
mod listing;
mod owned;
mod rpm;
mod sqlite;
mod wal;

use std::path::Path;

use hids_core::model::{FileKind, FileState, Timestamp};

use aliases::Aliases;
pub(crate) use digest::PackageDigest;
use index::{Index, Record};
pub(crate) use owned::Owned;

use crate::fim::Entry;

/// A file is as a package has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PackageMatch {
    /// The package's name.
    pub package: String,
    /// Its version, as the database writes it.
    pub version: String,
    /// What was compared.
    pub digest: PackageDigest,
    /// When the database last wrote what it has of this package: the kernel's time for dpkg's file,
    /// the time of installation for rpm.
    pub recorded: Timestamp,
}

/// A package as its database describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Package {
    name: String,
    version: String,
    recorded: Timestamp,
}

/// The databases of one system, as they were when they were opened.
#[derive(Debug, Default)]
pub(crate) struct Packages {
    packages: Vec<Package>,
    index: Index,
    aliases: Aliases,
    problems: Vec<String>,
}

impl Packages {
    /// Reads the databases below `root` (`/` but in tests). One that is not there is none; one that
    /// cannot be read is told by [`problems`](Self::problems).
    ///
    /// Takes a fraction of a second and about 50 bytes for each file of the system; meant to be
    /// dropped after use.
    pub(crate) fn open(root: &Path) -> Self {
        let mut packages = Self { aliases: Aliases::read(root), ..Self::default() };
        dpkg::read(root, &mut packages);
        rpm::read(root, &mut packages);
        packages.index.finish();
        packages
    }

    /// Databases, or parts of them, that could not be read, for the admin.
    pub(crate) fn problems(&self) -> &[String] {
        &self.problems
    }

    #[cfg(test)]
    /// How many packages there are.
    pub(crate) fn count(&self) -> usize {
        self.packages.len()
    }

    /// The package that has this file with this content. `digest` gives sums of the file; one that is
    /// not known cannot match.
    pub(crate) fn owner_of(
        &self,
        path: &[u8],
        mut digest: impl FnMut(PackageDigest) -> Option<Vec<u8>>,
    ) -> Option<PackageMatch> {
        let names = self.aliases.of(path);
        let records = names.iter().flat_map(|name| self.index.records(name));
        let mut known: Vec<(PackageDigest, Option<Vec<u8>>)> = Vec::new();
        for record in records {
            let sum = match known.iter().find(|(kind, _)| *kind == record.digest) {
                Some((_, sum)) => sum.clone(),
                None => {
                    let sum = digest(record.digest);
                    known.push((record.digest, sum.clone()));
                    sum
                }
            };
            if sum.is_some_and(|sum| sum == record.sum) {
                return self.describe(&record);
            }
        }
        None
    }

    /// Whether an update of a package is why `path` is as it is now, so that it need not be alerted
    /// on its own.
    ///
    /// `old` is what the baseline had. Only a regular file whose content is the package's, according
    /// to a database written after the baseline last read the file, and of which nothing else
    /// changed: neither mode, owner, group nor extended attributes. A file that was not known must be
    /// root's, with neither set-uid nor set-gid nor write permission for others, without attributes.
    pub(crate) fn explains(
        &self,
        path: &[u8],
        old: Option<&Entry>,
        new: &FileState,
        mut digest: impl FnMut(PackageDigest) -> Option<Vec<u8>>,
    ) -> Option<PackageMatch> {
        if new.kind != FileKind::Regular || !is_plain_change(old.and_then(|old| old.state.as_ref()), new) {
            return None;
        }
        let known = |kind: PackageDigest| kind.of(&new.digests).map(<[u8]>::to_vec);
        let found = self.owner_of(path, |kind| known(kind).or_else(|| digest(kind)))?;
        let is_newer = old.is_none_or(|old| found.recorded >= old.read);
        is_newer.then_some(found)
    }

    fn describe(&self, record: &Record) -> Option<PackageMatch> {
        let package = self.packages.get(record.package as usize)?;
        Some(PackageMatch {
            package: package.name.clone(),
            version: package.version.clone(),
            digest: record.digest,
            recorded: package.recorded,
        })
    }
}

/// Whether the content is all that matters in this change.
fn is_plain_change(old: Option<&FileState>, new: &FileState) -> bool {
    match old {
        Some(old) => {
            (old.kind, old.mode, old.uid, old.gid) == (new.kind, new.mode, new.uid, new.gid) && old.xattrs == new.xattrs
        }
        None => (new.uid, new.gid) == (0, 0) && new.mode & 0o7022 == 0 && new.xattrs.is_empty(),
    }
}

#[cfg(test)]
mod rpm_tests;
#[cfg(test)]
mod tests;
