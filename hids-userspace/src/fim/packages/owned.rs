//! Paths owned by packages, including directories and links, to explain deletions.
//!
//! A package that is removed takes its list of files with it, so the lists are read while it is there.
//! One sum of eight bytes is kept for each path and no name; a wrong package would be named once in
//! 2^64, of a path that is gone from all packages.

use std::path::Path;

use hids_core::model::Timestamp;

use super::aliases::Aliases;
use super::listing::{Listing, Source};
use super::{dpkg, rpm};

/// A package at the time of reading.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Owner {
    name: String,
    version: String,
    source: Source,
}

/// The paths of all packages.
#[derive(Debug, Default)]
pub(crate) struct Owned {
    /// Sums of paths with the place of their package; sorted when complete.
    paths: Vec<(u64, u16)>,
    owners: Vec<Owner>,
    aliases: Aliases,
    /// When each database was last written.
    dpkg_written: Option<Timestamp>,
    rpm_written: Option<Timestamp>,
    /// Something could not be read: what is missing here may be there.
    is_incomplete: bool,
}

impl Owned {
    /// Reads the databases below `root` (`/` but in tests): a fraction of a second, 16 bytes a path.
    pub(crate) fn read(root: &Path) -> Self {
        let mut owned = Self { aliases: Aliases::read(root), ..Self::default() };
        dpkg::read_paths(root, &mut owned);
        rpm::read_paths(root, &mut owned);
        owned.paths.sort_unstable();
        owned.paths.dedup();
        owned.paths.shrink_to_fit();
        owned
    }

    /// Why `path`, which is gone, went away, if a package had it then and none has it `now`: its removal,
    /// or its update to a version without it. `read` is when the baseline last saw the path: the
    /// database must have been written after that.
    pub(crate) fn reason_of_removal(&self, now: &Self, path: &[u8], read: Timestamp) -> Option<String> {
        if now.is_incomplete || now.owner_of(path).is_some() {
            return None;
        }
        let Owner { name, version, source } = self.owner_of(path)?;
        let written = match source {
            Source::Dpkg => now.dpkg_written,
            Source::Rpm => now.rpm_written,
        };
        if written? < read {
            return None;
        }
        let is_it = |owner: &&Owner| owner.name == *name && owner.source == *source;
        Some(match now.owners.iter().find(is_it) {
            Some(newer) => format!("package {name} {}", newer.version),
            None => format!("removal of package {name} {version}"),
        })
    }

    fn owner_of(&self, path: &[u8]) -> Option<&Owner> {
        let of = |name: &Vec<u8>| {
            let sum = sum(name);
            let at = self.paths.partition_point(|(known, _)| *known < sum);
            let (_, owner) = self.paths.get(at).filter(|(known, _)| *known == sum)?;
            self.owners.get(usize::from(*owner))
        };
        self.aliases.of(path).iter().find_map(of)
    }
}

impl Listing for Owned {
    fn add_package(&mut self, name: String, version: String, source: Source) {
        self.is_incomplete |= self.owners.len() > usize::from(u16::MAX);
        self.owners.push(Owner { name, version, source });
    }

    fn add_path(&mut self, path: &[u8]) {
        if let Ok(owner) = u16::try_from(self.owners.len().saturating_sub(1)) {
            self.paths.push((sum(path), owner));
        }
    }

    fn written(&mut self, source: Source, at: Timestamp) {
        let written = match source {
            Source::Dpkg => &mut self.dpkg_written,
            Source::Rpm => &mut self.rpm_written,
        };
        *written = (*written).max(Some(at));
    }

    fn miss(&mut self) {
        self.is_incomplete = true;
    }
}

fn sum(path: &[u8]) -> u64 {
    let mut sum = [0; 8];
    blake3::Hasher::new().update(path).finalize_xof().fill(&mut sum);
    u64::from_le_bytes(sum)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn database(root: &Path, packages: &[(&str, &str, &[&str])]) {
        let dpkg = root.join("var/lib/dpkg");
        let _ = fs::remove_dir_all(&dpkg);
        fs::create_dir_all(dpkg.join("info")).expect("directories");
        let mut status = String::new();
        for (name, version, paths) in packages {
            status.push_str(&format!(
                "Package: {name}\nStatus: install ok installed\nArchitecture: all\nVersion: {version}\n\n"
            ));
            fs::write(dpkg.join(format!("info/{name}.list")), paths.join("\n") + "\n").expect("written");
        }
        fs::write(dpkg.join("status"), status).expect("written");
    }

    // O-B11
    #[test]
    fn what_no_package_has_any_more_went_with_its_package() {
        let root = tempfile::tempdir().expect("tempdir");
        let big: &[&str] = &["/.", "/usr", "/usr/bin", "/usr/bin/big", "/usr/share/doc/big", "/usr/bin/both"];
        database(root.path(), &[("big", "2", big), ("new", "1", &["/usr/bin/old", "/usr"]), ("other", "1", &["/usr"])]);
        let before = Owned::read(root.path());
        database(root.path(), &[("new", "2", &["/usr", "/usr/bin/both"]), ("other", "1", &["/usr"])]);
        let now = Owned::read(root.path());
        let reason = |path: &str| before.reason_of_removal(&now, path.as_bytes(), Timestamp::default());
        assert_eq!(reason("/usr/bin/big").as_deref(), Some("removal of package big 2"));
        assert_eq!(reason("/usr/share/doc/big").as_deref(), Some("removal of package big 2"), "a directory");
        assert_eq!(reason("/usr/bin/old").as_deref(), Some("package new 2"));
        assert_eq!(reason("/usr/bin/both"), None, "another package has it");
        assert_eq!(reason("/usr/bin/unknown"), None);
        let future = Timestamp::from_unix_seconds(4_000_000_000);
        assert_eq!(before.reason_of_removal(&now, b"/usr/bin/big", future), None, "the database is older");
    }

    #[test]
    fn a_database_that_cannot_be_read_explains_nothing() {
        let root = tempfile::tempdir().expect("tempdir");
        database(root.path(), &[("big", "2", &["/usr/bin/big"]), ("other", "1", &["/usr/bin/other"])]);
        let before = Owned::read(root.path());
        fs::remove_file(root.path().join("var/lib/dpkg/info/big.list")).expect("removed");
        let now = Owned::read(root.path());
        assert_eq!(before.reason_of_removal(&now, b"/usr/bin/big", Timestamp::default()), None);
        fs::remove_dir_all(root.path().join("var")).expect("removed");
        let now = Owned::read(root.path());
        assert_eq!(before.reason_of_removal(&now, b"/usr/bin/big", Timestamp::default()), None);
    }
}
