//! One open daily file.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use super::error::RecordError;
use super::journal::FileMark;
use super::root::{Missing, Root};

/// A file that is appended to, and how much of it is committed in the journal.
#[derive(Debug)]
pub(super) struct OutputFile {
    /// Relative to `logs`.
    pub path: PathBuf,
    shown: PathBuf,
    file: File,
    device: u64,
    inode: u64,
    /// Bytes appended.
    length: u64,
    /// Bytes committed; what follows is cut away when the commit fails.
    committed: u64,
    tail: (u64, u32),
}

impl OutputFile {
    /// Opens or makes `path` under `root`. What is there counts as committed.
    ///
    /// A last line without its end (another program was killed while writing) gets one, so that our
    /// first record starts on a line of its own.
    pub(super) fn open(root: &Root, path: PathBuf) -> Result<Self, RecordError> {
        let file = root.append(&path, Missing::Create)?;
        let shown = root.path.join(&path);
        let fail = |source: io::Error| RecordError::Open { path: shown.clone(), source };
        let metadata = file.metadata().map_err(fail)?;
        let mut length = metadata.len();
        let mut last = [b'\n'];
        if length > 0 {
            file.read_exact_at(&mut last, length - 1).map_err(fail)?;
        }
        if last != *b"\n" {
            (&file).write_all(b"\n").map_err(fail)?;
            length += 1;
        }
        let (device, inode) = (metadata.dev(), metadata.ino());
        Ok(Self { path, shown, file, device, inode, length, committed: length, tail: (0, 0) })
    }

    /// Appends whole lines in one write.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), RecordError> {
        if bytes.is_empty() {
            return Ok(());
        }
        // Someone may have truncated the file by hand (`> alerts.log`).
        let fail = |source: io::Error| RecordError::Write { path: self.shown.clone(), source };
        let present = self.file.metadata().map_err(fail)?.len();
        if present < self.length {
            self.committed = self.committed.min(present);
            self.length = present;
        } else if present > self.length {
            // Left by a failed batch that could not be taken back at once.
            self.file.set_len(self.length).map_err(fail)?;
        }
        (&self.file).write_all(bytes).map_err(fail)?;
        self.length += bytes.len() as u64;
        self.tail = (bytes.len() as u64, crc32fast::hash(bytes));
        Ok(())
    }

    /// Cuts away what is not committed.
    pub(super) fn undo(&mut self) -> Result<(), RecordError> {
        let fail = |source: io::Error| RecordError::Cut { path: self.shown.clone(), length: self.committed, source };
        if self.file.metadata().map_err(fail)?.len() > self.committed {
            self.file.set_len(self.committed).map_err(fail)?;
        }
        self.length = self.committed;
        self.tail = (0, 0);
        Ok(())
    }

    /// Whether there is something to commit.
    pub(super) fn is_changed(&self) -> bool {
        self.length != self.committed
    }

    /// What the journal says of it.
    pub(super) fn mark(&self) -> FileMark {
        FileMark {
            path: self.path.clone(),
            device: self.device,
            inode: self.inode,
            length: self.length,
            tail_bytes: self.tail.0,
            tail_crc: self.tail.1,
        }
    }

    /// The journal holds [`Self::mark`].
    pub(super) fn commit(&mut self) {
        self.committed = self.length;
    }

    /// Whether nothing was ever written.
    pub(super) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Whether the path still leads to this file.
    pub(super) fn is_in_place(&self, root: &Root) -> bool {
        root.identity(&self.path).is_ok_and(|identity| identity == (self.device, self.inode))
    }

    /// Makes it durable.
    pub(super) fn sync(&self) -> Result<(), RecordError> {
        self.file.sync_data().map_err(|source| RecordError::Write { path: self.shown.clone(), source })
    }
}

/// Whether `mark` is true of the file that is there: same file, long enough, last write whole.
pub(super) fn holds(root: &Root, mark: &FileMark) -> bool {
    let Some(file) = same_file(root, &mark.path, mark) else { return true };
    let Some(start) = mark.length.checked_sub(mark.tail_bytes) else { return false };
    let mut tail = vec![0; usize::try_from(mark.tail_bytes).unwrap_or(0)];
    file.read_exact_at(&mut tail, start).is_ok()
        && (mark.tail_bytes == 0 || crc32fast::hash(&tail) == mark.tail_crc)
        && file.metadata().is_ok_and(|metadata| metadata.len() >= mark.length)
}

/// The file named by `mark`, unless it was replaced or removed meanwhile.
pub(super) fn same_file(root: &Root, path: &Path, mark: &FileMark) -> Option<File> {
    let file = root.append(path, Missing::Fail).ok()?;
    let metadata = file.metadata().ok()?;
    ((metadata.dev(), metadata.ino()) == (mark.device, mark.inode)).then_some(file)
}
