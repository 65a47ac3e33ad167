//! rpm: one header for each package in `rpmdb.sqlite`.
//!
//! Format of headers and numbers of tags: rpm's own documentation, "RPM V4 Package file format" and
//! "Tags". Berkeley DB and ndb, which older distributions used, are not read; that is told.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use hids_core::model::Timestamp;

use super::index::from_hex;
use super::listing::{Listing, Source};
use super::sqlite::{Column, Database};
use super::{Package, PackageDigest, Packages};

const DIRECTORIES: [&str; 2] = ["usr/lib/sysimage/rpm", "var/lib/rpm"];
const OLDER: [&str; 2] = ["Packages", "Packages.db"];

mod tag {
    pub(super) const NAME: u32 = 1000;
    pub(super) const VERSION: u32 = 1001;
    pub(super) const RELEASE: u32 = 1002;
    pub(super) const EPOCH: u32 = 1003;
    pub(super) const INSTALL_TIME: u32 = 1008;
    pub(super) const FILE_STATES: u32 = 1029;
    pub(super) const FILE_DIGESTS: u32 = 1035;
    pub(super) const FILE_FLAGS: u32 = 1037;
    pub(super) const DIRECTORY_NUMBERS: u32 = 1116;
    pub(super) const BASE_NAMES: u32 = 1117;
    pub(super) const DIRECTORY_NAMES: u32 = 1118;
    pub(super) const DIGEST_ALGORITHM: u32 = 5011;
}

/// Kinds of values in a header.
mod kind {
    pub(super) const INT8: u32 = 2;
    pub(super) const CHAR: u32 = 1;
    pub(super) const INT32: u32 = 4;
    pub(super) const STRING: u32 = 6;
    pub(super) const STRINGS: u32 = 8;
    pub(super) const TRANSLATED: u32 = 9;
}

/// `%ghost`: the package owns the name, not the content.
const GHOST: u32 = 1 << 6;

/// Adds the paths of all packages that are there.
pub(super) fn read_paths(root: &Path, owned: &mut impl Listing) {
    for directory in DIRECTORIES {
        let path = root.join(directory).join("rpmdb.sqlite");
        let mut database = match Database::open(&path) {
            Ok(database) => database,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(_) => return owned.miss(),
        };
        // What was written last may stand beside it.
        for name in ["rpmdb.sqlite", "rpmdb.sqlite-wal"] {
            if let Ok(metadata) = std::fs::metadata(root.join(directory).join(name)) {
                let nanos = metadata.ctime().saturating_mul(1_000_000_000).saturating_add(metadata.ctime_nsec());
                owned.written(Source::Rpm, Timestamp::from_unix_nanos(nanos));
            }
        }
        let mut unreadable = false;
        let done = database.each_row(b"Packages", &mut |columns| {
            let header = match columns {
                [_, Column::Bytes(blob), ..] => Header::parse(blob),
                _ => None,
            };
            unreadable |= header.and_then(|header| add_paths(owned, &header)).is_none();
        });
        if done.is_err() || unreadable {
            owned.miss();
        }
        return;
    }
}

/// `None` if the header does not say where its files are.
pub(super) fn add_paths(owned: &mut impl Listing, header: &Header<'_>) -> Option<()> {
    let text = |tag| header.string(tag).map(|text| String::from_utf8_lossy(text).into_owned());
    let version = format!("{}-{}", text(tag::VERSION)?, text(tag::RELEASE)?);
    owned.add_package(text(tag::NAME)?, version, Source::Rpm);
    let Some(names) = header.strings(tag::BASE_NAMES) else { return Some(()) };
    let (directories, numbers) = (header.strings(tag::DIRECTORY_NAMES)?, header.numbers(tag::DIRECTORY_NUMBERS)?);
    for (place, name) in names.iter().enumerate() {
        let directory = directories.get(*numbers.get(place)? as usize)?;
        owned.add_path(&[*directory, *name].concat());
    }
    Some(())
}

pub(super) fn read(root: &Path, packages: &mut Packages) {
    for directory in DIRECTORIES {
        let directory = root.join(directory);
        let path = directory.join("rpmdb.sqlite");
        match Database::open(&path) {
            Ok(database) => return read_all(database, packages),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if OLDER.iter().any(|name| directory.join(name).exists()) {
                    packages.problems.push(format!(
                        "the rpm database in {} uses an older format than rpmdb.sqlite and is not supported",
                        directory.display()
                    ));
                    return;
                }
            }
            Err(error) => {
                packages.problems.push(format!("rpm's database {} cannot be read: {error}", path.display()));
                return;
            }
        }
    }
}

fn read_all(mut database: Database, packages: &mut Packages) {
    let (mut unreadable, mut unknown) = (0_u64, 0_u64);
    let done = database.each_row(b"Packages", &mut |columns| {
        let header = match columns {
            [_, Column::Bytes(blob), ..] => Header::parse(blob),
            _ => None,
        };
        match header.and_then(|header| add(packages, &header)) {
            Some(Known::Digests) => {}
            Some(Known::NoDigests) => unknown += 1,
            None => unreadable += 1,
        }
    });
    if let Err(error) = done {
        packages.problems.push(format!("rpm's database cannot be read to its end: {error}"));
    }
    if unreadable > 0 {
        packages.problems.push(format!("cannot read {unreadable} packages of the rpm database"));
    }
    if unknown > 0 {
        packages.problems.push(format!("{unknown} packages of the rpm database have unknown digest types"));
    }
}

enum Known {
    Digests,
    NoDigests,
}

fn add(packages: &mut Packages, header: &Header<'_>) -> Option<Known> {
    let text = |tag| header.string(tag).map(|text| String::from_utf8_lossy(text).into_owned());
    let epoch = header.numbers(tag::EPOCH).and_then(|numbers| numbers.first().copied());
    let epoch = epoch.map_or_else(String::new, |epoch| format!("{epoch}:"));
    let version = format!("{epoch}{}-{}", text(tag::VERSION)?, text(tag::RELEASE)?);
    let installed = header.numbers(tag::INSTALL_TIME).and_then(|numbers| numbers.first().copied());
    let recorded = Timestamp::from_unix_seconds(installed.unwrap_or(0).into());
    let number = packages.packages.len() as u32;
    packages.packages.push(Package { name: text(tag::NAME)?, version, recorded });
    let Some(names) = header.strings(tag::BASE_NAMES) else { return Some(Known::Digests) };
    let algorithm = header.numbers(tag::DIGEST_ALGORITHM).and_then(|numbers| numbers.first().copied());
    let digest = match algorithm {
        None | Some(1) => PackageDigest::Md5,
        Some(2) => PackageDigest::Sha1,
        Some(8) => PackageDigest::Sha256,
        Some(_) => return Some(Known::NoDigests),
    };
    let directories = header.strings(tag::DIRECTORY_NAMES)?;
    let numbers = header.numbers(tag::DIRECTORY_NUMBERS)?;
    let digests = header.strings(tag::FILE_DIGESTS)?;
    let flags = header.numbers(tag::FILE_FLAGS).unwrap_or_default();
    let states = header.bytes(tag::FILE_STATES).unwrap_or_default();
    for (place, name) in names.iter().enumerate() {
        let is_there = states.get(place).is_none_or(|state| *state == 0);
        let is_ghost = flags.get(place).is_some_and(|flags| flags & GHOST != 0);
        let directory = directories.get(*numbers.get(place)? as usize)?;
        // Directories and links have no digest.
        let sum = from_hex(digests.get(place)?).unwrap_or_default();
        if is_there && !is_ghost && !sum.is_empty() {
            packages.index.add(&[*directory, *name].concat(), number, digest, &sum);
        }
    }
    Some(Known::Digests)
}

/// Index and values of a header.
pub(super) struct Header<'b> {
    index: &'b [u8],
    data: &'b [u8],
}

impl<'b> Header<'b> {
    /// Number of tags, bytes of values, tags of 16 bytes, values; all numbers big-endian.
    pub(super) fn parse(blob: &'b [u8]) -> Option<Self> {
        let tags = u32::from_be_bytes(*blob.first_chunk()?) as usize;
        let bytes = u32::from_be_bytes(*blob.get(4..)?.first_chunk()?) as usize;
        let index = blob.get(8..8_usize.checked_add(tags.checked_mul(16)?)?)?;
        let data = blob.get(8 + index.len()..)?.get(..bytes)?;
        Some(Self { index, data })
    }

    /// Kind, number and bytes of a tag's values.
    fn find(&self, wanted: u32) -> Option<(u32, usize, &'b [u8])> {
        let word = |entry: &[u8], at: usize| entry.get(at..)?.first_chunk().map(|word| u32::from_be_bytes(*word));
        let entry = self.index.chunks_exact(16).find(|entry| word(entry, 0) == Some(wanted))?;
        let data = self.data.get(word(entry, 8)? as usize..)?;
        Some((word(entry, 4)?, word(entry, 12)? as usize, data))
    }

    pub(super) fn strings(&self, tag: u32) -> Option<Vec<&'b [u8]>> {
        let (kind, count, mut data) = self.find(tag)?;
        if !matches!(kind, kind::STRING | kind::STRINGS | kind::TRANSLATED) || count > data.len() {
            return None;
        }
        let mut strings = Vec::with_capacity(count);
        for _ in 0..count {
            let end = memchr::memchr(0, data)?;
            strings.push(&data[..end]);
            data = &data[end + 1..];
        }
        Some(strings)
    }

    fn string(&self, tag: u32) -> Option<&'b [u8]> {
        self.strings(tag)?.first().copied()
    }

    pub(super) fn numbers(&self, tag: u32) -> Option<Vec<u32>> {
        let (kind, count, data) = self.find(tag)?;
        let bytes = data.get(..count.checked_mul(4)?).filter(|_| kind == kind::INT32)?;
        let number = |bytes: &[u8]| bytes.first_chunk().map(|bytes| u32::from_be_bytes(*bytes));
        bytes.chunks_exact(4).map(number).collect()
    }

    fn bytes(&self, tag: u32) -> Option<&'b [u8]> {
        let (kind, count, data) = self.find(tag)?;
        data.get(..count).filter(|_| matches!(kind, kind::INT8 | kind::CHAR))
    }
}
