//! All sums of a content in one pass.

use hids_core::fim::Checks;
use hids_core::model::Digests;
use md5::{Digest as _, Md5};
use sha1::Sha1;
use sha2::Sha256;

/// Sums under way.
#[derive(Default)]
pub(super) struct Sums {
    md5: Option<Md5>,
    sha1: Option<Sha1>,
    sha256: Option<Sha256>,
    blake3: Option<Box<blake3::Hasher>>,
}

impl Sums {
    /// Those that `checks` wants.
    pub(super) fn new(checks: Checks) -> Self {
        Self {
            md5: checks.md5.then(Md5::default),
            sha1: checks.sha1.then(Sha1::default),
            sha256: checks.sha256.then(Sha256::default),
            blake3: checks.blake3.then(Box::default),
        }
    }

    /// The next part of the content.
    pub(super) fn update(&mut self, part: &[u8]) {
        // In pieces that stay in the first-level cache while one sum after the other goes over them.
        for piece in part.chunks(16 * 1024) {
            if let Some(md5) = &mut self.md5 {
                md5.update(piece);
            }
            if let Some(sha1) = &mut self.sha1 {
                sha1.update(piece);
            }
            if let Some(sha256) = &mut self.sha256 {
                sha256.update(piece);
            }
        }
        if let Some(blake3) = &mut self.blake3 {
            blake3.update(part);
        }
    }

    /// The sums.
    pub(super) fn finish(self) -> Digests {
        Digests {
            md5: self.md5.map(|sum| sum.finalize().into()),
            sha1: self.sha1.map(|sum| sum.finalize().into()),
            sha256: self.sha256.map(|sum| sum.finalize().into()),
            blake3: self.blake3.map(|sum| *sum.finalize().as_bytes()),
        }
    }
}
