//! Files of all packages by a sum over their paths: a system may have a million.

use super::digest::PackageDigest;

const NAME: usize = 16;

/// What a database has for one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// Place in `Packages::packages`.
    pub package: u32,
    pub digest: PackageDigest,
    pub sum: Vec<u8>,
}

/// One file of one package.
#[derive(Debug)]
struct Row {
    name: [u8; NAME],
    package: u32,
    digest: PackageDigest,
    /// Shorter digests are filled with zeros.
    sum: [u8; 32],
}

/// Rows in the order of names once it is finished.
#[derive(Debug, Default)]
pub(super) struct Index(Vec<Row>);

impl Index {
    /// Adds a file; a digest of another length than its kind has is left out.
    pub(super) fn add(&mut self, path: &[u8], package: u32, digest: PackageDigest, sum: &[u8]) {
        if sum.len() == length(digest) {
            let mut row = Row { name: name(path), package, digest, sum: [0; 32] };
            row.sum[..sum.len()].copy_from_slice(sum);
            self.0.push(row);
        }
    }

    pub(super) fn finish(&mut self) {
        self.0.sort_by_key(|row| row.name);
        self.0.shrink_to_fit();
    }

    /// What packages have for a path; several may have it.
    pub(super) fn records(&self, path: &[u8]) -> Vec<Record> {
        let name = name(path);
        let first = self.0.partition_point(|row| row.name < name);
        let record = |row: &Row| Record {
            package: row.package,
            digest: row.digest,
            sum: row.sum[..length(row.digest)].to_vec(),
        };
        self.0[first..].iter().take_while(|row| row.name == name).map(record).collect()
    }
}

const fn length(digest: PackageDigest) -> usize {
    match digest {
        PackageDigest::Md5 => 16,
        PackageDigest::Sha1 => 20,
        PackageDigest::Sha256 => 32,
    }
}

fn name(path: &[u8]) -> [u8; NAME] {
    let mut name = [0; NAME];
    blake3::Hasher::new().update(path).finalize_xof().fill(&mut name);
    name
}

/// Bytes of hexadecimal digits.
pub(super) fn from_hex(digits: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pair = |pair: &[u8]| Some((digit(pair[0])? << 4 | digit(pair[1])?) as u8);
    if digits.len().is_multiple_of(2) { digits.chunks_exact(2).map(pair).collect() } else { None }
}
