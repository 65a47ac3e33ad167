//! `fim.head`: the number and MAC of the last synced commit, outside of the database.
//!
//! An older copy of `fim.redb` put back is whole in itself; only something that was not put back
//! with it can tell. Who puts both back, or holds the key, is not found out here: that is what
//! signed exports on another machine are for.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::head::Head;
use super::{StoreError, StoreKey};

const MAGIC: [u8; 8] = *b"HIDSHEAD";
const BYTES: usize = 80;

/// The open file.
#[derive(Debug)]
pub(super) struct Anchor {
    file: File,
    key: [u8; 32],
}

/// What the file says.
enum Anchored {
    Nothing,
    Altered,
    Commit(u64, [u8; 32]),
}

/// Where it lies: beside the database.
pub(super) fn path_for(database: &Path) -> PathBuf {
    database.with_extension("head")
}

impl Anchor {
    /// Opens the file or makes an empty one.
    pub(super) fn open(database: &Path, key: &StoreKey) -> Result<Self, StoreError> {
        let path = path_for(database);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC)
            .open(&path)
            .map_err(|source| StoreError::Open { path, source })?;
        Ok(Self { file, key: key.derive("hids fim store v1: fim.head") })
    }

    /// What is wrong, given the head that the database has; `is_new` = there was no database.
    pub(super) fn check(&self, head: &Head, is_new: bool) -> Result<Option<String>, StoreError> {
        let anchored = self.read().map_err(|error| StoreError::Read(Box::new(redb::Error::Io(error))))?;
        Ok(match anchored {
            // A crash in the very beginning leaves a database with its first commit and no word of it.
            Anchored::Nothing if is_new || head.commit <= 1 => None,
            Anchored::Nothing => Some("fim.head is missing: cannot verify that the baseline is the latest".to_owned()),
            Anchored::Altered => Some("MAC mismatch in fim.head".to_owned()),
            Anchored::Commit(commit, _) if is_new => {
                Some(format!("baseline missing (last commit {commit}); creating a new one"))
            }
            Anchored::Commit(commit, _) if commit > head.commit => Some(format!(
                "baseline rolled back: commit {} instead of {commit}; an older copy was restored",
                head.commit
            )),
            Anchored::Commit(commit, mac) if commit == head.commit && mac != head.mac => {
                Some(format!("commit {commit} of the baseline differs from the recorded one"))
            }
            Anchored::Commit(..) => None,
        })
    }

    /// Remembers a synced commit. Not synced itself: after a power loss it may be older than the
    /// database, never newer.
    pub(super) fn write(&self, head: &Head) -> io::Result<()> {
        self.file.write_all_at(&self.encode(head.commit, &head.mac), 0)
    }

    fn read(&self) -> io::Result<Anchored> {
        let mut bytes = [0; BYTES];
        match self.file.read_exact_at(&mut bytes, 0) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                let is_empty = self.file.metadata()?.len() == 0;
                return Ok(if is_empty { Anchored::Nothing } else { Anchored::Altered });
            }
            Err(error) => return Err(error),
        }
        let (mut number, mut mac) = ([0; 8], [0; 32]);
        number.copy_from_slice(&bytes[8..16]);
        mac.copy_from_slice(&bytes[16..48]);
        let commit = u64::from_le_bytes(number);
        let is_right = self.encode(commit, &mac) == bytes;
        Ok(if is_right { Anchored::Commit(commit, mac) } else { Anchored::Altered })
    }

    fn encode(&self, commit: u64, mac: &[u8; 32]) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..16].copy_from_slice(&commit.to_le_bytes());
        bytes[16..48].copy_from_slice(mac);
        let own = blake3::keyed_hash(&self.key, &bytes[..48]);
        bytes[48..].copy_from_slice(own.as_bytes());
        bytes
    }
}
