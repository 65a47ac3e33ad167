//! dpkg: `/var/lib/dpkg/info/*.md5sums`, configuration files in `status`, diversions.
//!
//! Formats: deb-md5sums(5), deb-control(5), dpkg-divert(1); written down from those manuals and from
//! the databases of Debian 12 and 13.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use hids_core::model::Timestamp;

use super::index::from_hex;
use super::listing::{Listing, Source};
use super::{Package, PackageDigest, Packages};

/// The largest file that is read; the status file of a large desktop has 10 MiB.
const MOST_BYTES: u64 = 256 << 20;
const MD5_DIGITS: usize = 32;

/// A package in `status`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Stanza {
    pub(super) name: Vec<u8>,
    pub(super) architecture: Vec<u8>,
    pub(super) version: Vec<u8>,
    pub(super) conffiles: Vec<(Vec<u8>, Vec<u8>)>,
}

/// A path that one package took from the others: what they have for it lies elsewhere.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Diversion {
    to: Vec<u8>,
    by: Vec<u8>,
}

pub(super) fn read(root: &Path, packages: &mut Packages) {
    let directory = root.join("var/lib/dpkg");
    let (status, written) = match read_file(&directory.join("status")) {
        Ok(status) => status,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return,
        Err(error) => {
            packages.problems.push(format!("dpkg's status file cannot be read: {error}"));
            return;
        }
    };
    let diversions =
        read_file(&directory.join("diversions")).map_or_else(|_| HashMap::new(), |(text, _)| parse_diversions(&text));
    let (mut unreadable, mut first) = (0, None);
    for stanza in parse_status(&status) {
        let sums = match sums_of(&directory.join("info"), &stanza) {
            Ok(sums) => sums,
            Err(error) => {
                unreadable += 1;
                first = first.or(Some(error));
                None
            }
        };
        add(packages, &stanza, sums, written, &diversions);
    }
    if let Some(error) = first {
        packages.problems.push(format!("{unreadable} lists of dpkg cannot be read: {error}"));
    }
}

/// Adds the paths of all packages that are there: `info/NAME.list`.
pub(super) fn read_paths(root: &Path, owned: &mut impl Listing) {
    let directory = root.join("var/lib/dpkg");
    let (status, written) = match read_file(&directory.join("status")) {
        Ok(status) => status,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return,
        Err(_) => return owned.miss(),
    };
    owned.written(Source::Dpkg, written);
    let diversions =
        read_file(&directory.join("diversions")).map_or_else(|_| HashMap::new(), |(text, _)| parse_diversions(&text));
    for stanza in parse_status(&status) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        owned.add_package(text(&stanza.name), text(&stanza.version), Source::Dpkg);
        // Every package has a list, if only of the root directory.
        let Ok(Some((list, _))) = info_of(&directory.join("info"), &stanza, b".list") else {
            owned.miss();
            continue;
        };
        for path in list.split(|&byte| byte == b'\n').filter(|path| path.starts_with(b"/")) {
            match diversions.get(path) {
                Some(diversion) if diversion.by != stanza.name => owned.add_path(&diversion.to),
                _ => owned.add_path(path),
            }
        }
        stanza.conffiles.iter().for_each(|(path, _)| owned.add_path(path));
    }
}

/// Adds a package with its files.
fn add(
    packages: &mut Packages,
    stanza: &Stanza,
    sums: Option<(Vec<u8>, Timestamp)>,
    written: Timestamp,
    diversions: &HashMap<Vec<u8>, Diversion>,
) {
    let number = packages.packages.len() as u32;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let recorded = sums.as_ref().map_or(written, |(_, recorded)| *recorded);
    packages.packages.push(Package { name: text(&stanza.name), version: text(&stanza.version), recorded });
    let place = |path: Vec<u8>| match diversions.get(&path) {
        Some(diversion) if diversion.by != stanza.name => diversion.to.clone(),
        _ => path,
    };
    let listed = sums.as_ref().map_or_else(Vec::new, |(text, _)| parse_sums(text));
    for (path, sum) in listed.into_iter().chain(stanza.conffiles.iter().cloned()) {
        packages.index.add(&place(path), number, PackageDigest::Md5, &sum);
    }
}

/// The package's sums; a package without files has none.
fn sums_of(info: &Path, stanza: &Stanza) -> io::Result<Option<(Vec<u8>, Timestamp)>> {
    info_of(info, stanza, b".md5sums")
}

/// `info/NAME.KIND`, or `info/NAME:ARCHITECTURE.KIND`.
fn info_of(info: &Path, stanza: &Stanza, kind: &[u8]) -> io::Result<Option<(Vec<u8>, Timestamp)>> {
    if !is_name(&stanza.name) || !is_name(&stanza.architecture) {
        return Ok(None);
    }
    let plain = [stanza.name.as_slice(), kind].concat();
    let with = [stanza.name.as_slice(), b":", &stanza.architecture, kind].concat();
    for name in [with, plain] {
        match read_file(&info.join(std::ffi::OsStr::from_bytes(&name))) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => return other.map(Some),
        }
    }
    Ok(None)
}

/// Names become parts of paths.
fn is_name(name: &[u8]) -> bool {
    let is_fine = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
    !name.is_empty() && !name.starts_with(b".") && name.iter().all(is_fine)
}

/// The text, and when the kernel last saw the file change.
fn read_file(path: &Path) -> io::Result<(Vec<u8>, Timestamp)> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.len() > MOST_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "not a file, or too large"));
    }
    let mut text = Vec::with_capacity(metadata.len() as usize);
    file.take(MOST_BYTES).read_to_end(&mut text)?;
    let nanos = metadata.ctime().saturating_mul(1_000_000_000).saturating_add(metadata.ctime_nsec());
    Ok((text, Timestamp::from_unix_nanos(nanos)))
}

/// Packages whose files are there, in whatever state of an update.
pub(super) fn parse_status(text: &[u8]) -> Vec<Stanza> {
    let mut stanzas = Vec::new();
    let (mut stanza, mut is_there, mut in_conffiles) = (Stanza::default(), false, false);
    for line in text.split(|&byte| byte == b'\n').chain([b"".as_slice()]) {
        if line.is_empty() {
            let done = std::mem::take(&mut stanza);
            if std::mem::take(&mut is_there) && !done.name.is_empty() {
                stanzas.push(done);
            }
            in_conffiles = false;
        } else if let Some(continued) = line.strip_prefix(b" ") {
            if in_conffiles {
                stanza.conffiles.extend(parse_conffile(continued));
            }
        } else if let Some((field, value)) = split_field(line) {
            in_conffiles = field.eq_ignore_ascii_case(b"Conffiles");
            match field.to_ascii_lowercase().as_slice() {
                b"package" => stanza.name = value.to_vec(),
                b"version" => stanza.version = value.to_vec(),
                b"architecture" => stanza.architecture = value.to_vec(),
                b"status" => is_there = is_installed(value),
                _ => {}
            }
        }
    }
    stanzas
}

fn split_field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr::memchr(b':', line)?;
    Some((&line[..colon], line[colon + 1..].trim_ascii()))
}

/// The third word of `Status:`.
fn is_installed(status: &[u8]) -> bool {
    let word = status.split(|&byte| byte == b' ').next_back().unwrap_or_default();
    !matches!(word, b"not-installed" | b"config-files" | b"half-installed")
}

/// `PATH MD5`, perhaps followed by `obsolete` or `remove-on-upgrade`.
fn parse_conffile(line: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut rest = line.trim_ascii();
    for word in [b" obsolete".as_slice(), b" remove-on-upgrade"] {
        rest = rest.strip_suffix(word).unwrap_or(rest);
    }
    let space = memchr::memrchr(b' ', rest)?;
    let (path, digits) = (&rest[..space], &rest[space + 1..]);
    let sum = if digits.len() == MD5_DIGITS { from_hex(digits)? } else { return None };
    path.starts_with(b"/").then(|| (path.to_vec(), sum))
}

/// `MD5  PATH` a line, the path without its first slash.
pub(super) fn parse_sums(text: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let parse = |line: &[u8]| {
        // md5sum marks a line in which it had to write a newline or backslash as two characters.
        let (line, is_escaped) = line.strip_prefix(b"\\").map_or((line, false), |line| (line, true));
        let (digits, rest) = line.split_at_checked(MD5_DIGITS)?;
        let name = rest.strip_prefix(b"  ").or_else(|| rest.strip_prefix(b" *"))?;
        let name = name.strip_prefix(b"./").unwrap_or(name);
        let name = if is_escaped { unescape(name) } else { name.to_vec() };
        let sum = from_hex(digits)?;
        (!name.is_empty()).then(|| ([b"/", name.as_slice()].concat(), sum))
    };
    text.split(|&byte| byte == b'\n').filter_map(parse).collect()
}

fn unescape(name: &[u8]) -> Vec<u8> {
    let (mut plain, mut bytes) = (Vec::with_capacity(name.len()), name.iter());
    while let Some(&byte) = bytes.next() {
        match (byte, byte == b'\\') {
            (_, true) => match bytes.next() {
                Some(b'n') => plain.push(b'\n'),
                Some(b'r') => plain.push(b'\r'),
                Some(&other) => plain.push(other),
                None => plain.push(b'\\'),
            },
            (byte, false) => plain.push(byte),
        }
    }
    plain
}

/// Three lines each: the path, where others' files go, the package that has it (`:` = the admin).
pub(super) fn parse_diversions(text: &[u8]) -> HashMap<Vec<u8>, Diversion> {
    let lines: Vec<&[u8]> = text.split(|&byte| byte == b'\n').collect();
    let diversion = |lines: &[&[u8]]| (lines[0].to_vec(), Diversion { to: lines[1].to_vec(), by: lines[2].to_vec() });
    lines.chunks_exact(3).map(diversion).collect()
}
