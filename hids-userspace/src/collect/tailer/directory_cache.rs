//! Finds files again that were renamed while they were not watched.

use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::ops::Bound;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirEntryExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::names::{is_compressed, name_before_rotation};
use super::position::FileIdentity;

/// How far the clock of a file system may be behind.
const CLOCK_STEP_MS: i64 = 12;

/// Contents of directories, each read once.
#[derive(Debug, Default)]
pub(super) struct DirectoryCache(HashMap<PathBuf, Listing>);

#[derive(Debug, Default)]
struct Listing {
    by_inode: HashMap<u64, OsString>,
    names: BTreeMap<OsString, u64>,
}

impl DirectoryCache {
    fn listing(&mut self, directory: &Path) -> &Listing {
        self.0.entry(directory.to_owned()).or_insert_with(|| {
            let mut listing = Listing::default();
            for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
                listing.by_inode.insert(entry.ino(), entry.file_name());
                listing.names.insert(entry.file_name(), entry.ino());
            }
            listing
        })
    }

    /// The name under which the file with this inode stands in the directory of `path`.
    pub(super) fn find_inode(&mut self, path: &Path, inode: u64) -> Option<PathBuf> {
        let directory = path.parent()?;
        let name = self.listing(directory).by_inode.get(&inode)?;
        Some(directory.join(name))
    }

    /// Rotated files of `path` that were made and written to after `moment` (milliseconds since 1970), oldest
    /// first.
    ///
    /// What was made after a position was sent cannot have been read before. File systems take
    /// their times from a clock that may be some milliseconds behind, so a little more is looked at.
    pub(super) fn created_after(&mut self, path: &Path, moment: i64) -> Vec<Created> {
        let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else { return Vec::new() };
        let range = (Bound::Excluded(name), Bound::Unbounded);
        let mut found: Vec<_> = self
            .listing(directory)
            .names
            .range::<OsStr, _>(range)
            .take_while(|(other, _)| other.as_bytes().starts_with(name.as_bytes()))
            .filter(|(other, _)| !is_compressed(other) && name_before_rotation(other) == Some(name))
            .filter_map(|(other, _)| made(&directory.join(other)))
            .filter(|found| found.made >= moment - CLOCK_STEP_MS)
            .collect();
        found.sort_by_key(|found| found.made);
        found
    }
}

/// A file in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Created {
    pub path: PathBuf,
    pub identity: FileIdentity,
    /// When it was made, in nanoseconds since 1970: together with `identity` no other file's.
    pub born: i64,
    /// When it was made or written to, whatever is earlier, in milliseconds since 1970.
    made: i64,
}

fn made(path: &Path) -> Option<Created> {
    let meta = fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file)?;
    let born = meta.created().ok()?.duration_since(UNIX_EPOCH).ok()?;
    // One put back from a backup with its old time holds nothing new, though it was made now.
    let written = meta.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    let made = i64::try_from(born.min(written).as_millis()).ok()?;
    let identity = FileIdentity { dev: meta.dev(), inode: meta.ino() };
    Some(Created { path: path.to_owned(), identity, born: i64::try_from(born.as_nanos()).ok()?, made })
}
