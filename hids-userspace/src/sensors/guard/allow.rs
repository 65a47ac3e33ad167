//! Executables that may change protected files: found by path, checked by digest, loaded into the kernel
//! by inode.
//!
//! They are protected themselves, so only one of them can replace one of them. A program without a
//! fixed digest is taken as it is found; one with a digest only as long as its content has it.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use hids_common::guard::{DIGEST_FIXED, FileKey};
use sha2::{Digest as _, Sha256};

use super::mounts::Mounts;

/// One executable of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedProgram {
    /// Where it is.
    pub path: PathBuf,
    /// The SHA-256 sum that its content must have; without one, whatever is found there.
    pub sha256: Option<[u8; 32]>,
}

/// What became of one executable of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowance {
    /// It may.
    Allowed,
    /// It may not: its content has another digest.
    WrongDigest,
    /// It may not: somebody else than root can write it, or it is no executable file.
    Unsafe,
    /// There is none, which is how it is for other distributions' programs.
    Missing,
    /// It may not: it could not be read.
    Unreadable(String),
}

/// The list, with what was found at the last look.
#[derive(Debug)]
pub(super) struct AllowList(Vec<Entry>);

#[derive(Debug)]
struct Entry {
    program: AllowedProgram,
    stamp: Option<Stamp>,
    allowance: Allowance,
}

/// What changes whenever the file does; only the kernel sets the change time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    changed: (i64, i64),
}

/// An executable that may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Allowed {
    /// Which file.
    pub key: FileKey,
    /// For the kernel's map.
    pub flags: u32,
    /// Its path without symbolic links.
    pub path: PathBuf,
}

impl AllowList {
    /// A list that was not looked at yet.
    pub(super) fn new(programs: Vec<AllowedProgram>) -> Self {
        let entry = |program| Entry { program, stamp: None, allowance: Allowance::Missing };
        Self(programs.into_iter().map(entry).collect())
    }

    /// Looks at every file, reads those that changed, and returns those that may.
    pub(super) fn refresh(&mut self, mounts: &Mounts) -> Vec<Allowed> {
        let mut allowed = Vec::new();
        for entry in &mut self.0 {
            let found = entry.refresh(mounts).unwrap_or_else(|error| {
                entry.stamp = None;
                entry.allowance = match error.kind() {
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Allowance::Missing,
                    _ => Allowance::Unreadable(error.to_string()),
                };
                None
            });
            allowed.extend(found);
        }
        allowed
    }

    /// Each executable and what became of it at the last look.
    pub(super) fn allowances(&self) -> impl Iterator<Item = (&AllowedProgram, &Allowance)> {
        self.0.iter().map(|entry| (&entry.program, &entry.allowance))
    }
}

impl Entry {
    fn refresh(&mut self, mounts: &Mounts) -> io::Result<Option<Allowed>> {
        let path = std::fs::canonicalize(&self.program.path)?;
        let mut file = File::open(&path)?;
        let metadata = file.metadata()?;
        let stamp = Stamp {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        };
        if self.stamp != Some(stamp) {
            let is_safe = metadata.is_file() && metadata.uid() == 0 && metadata.mode() & 0o022 == 0;
            self.allowance = match self.program.sha256 {
                _ if !is_safe || metadata.mode() & 0o111 == 0 => Allowance::Unsafe,
                Some(wanted) if digest(&mut file)? != wanted => Allowance::WrongDigest,
                _ => Allowance::Allowed,
            };
            self.stamp = Some(stamp);
        }
        if self.allowance != Allowance::Allowed {
            return Ok(None);
        }
        let (key, mount) = mounts.locate(&path)?;
        if key.inode != metadata.ino() || !mounts.tells_files_apart(mount) {
            return Err(io::Error::other(format!("recently replaced, or located on {}", mount.kind)));
        }
        let flags = if self.program.sha256.is_some() { DIGEST_FIXED } else { 0 };
        Ok(Some(Allowed { key, flags, path }))
    }
}

fn digest(file: &mut File) -> io::Result<[u8; 32]> {
    let mut sum = Sha256::new();
    let mut part = vec![0; 128 * 1024];
    loop {
        let read = file.read(&mut part)?;
        if read == 0 {
            return Ok(sum.finalize().into());
        }
        sum.update(&part[..read]);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn look(list: &mut AllowList) -> (usize, Allowance) {
        let allowed = list.refresh(&Mounts::now(false).expect("the table"));
        (allowed.len(), list.0[0].allowance.clone())
    }

    #[test]
    fn program_is_allowed_as_long_as_its_content_has_the_digest() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("tool");
        fs::write(&path, "content").expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
        if fs::metadata(&path).expect("a file").uid() != 0 {
            return;
        }
        let sha256 = Some(Sha256::digest(b"content").into());
        let mut list = AllowList::new(vec![AllowedProgram { path: path.clone(), sha256 }]);
        assert_eq!(look(&mut list), (1, Allowance::Allowed));
        fs::write(&path, "other content").expect("a write");
        assert_eq!(look(&mut list), (0, Allowance::WrongDigest));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).expect("writable for all");
        assert_eq!(look(&mut list), (0, Allowance::Unsafe));
        fs::remove_file(&path).expect("removed");
        assert_eq!(look(&mut list), (0, Allowance::Missing));
    }
}
