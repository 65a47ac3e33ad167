//! Making an export.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use hids_core::model::Timestamp;

use super::accepted::{States, accepted};
use super::{END, ENTRY, ExportError, ExportHeader, ExportKey, MAGIC};
use crate::fim::StoreView;
use crate::platform::atomic_file::Replacement;

/// What was exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ExportSummary {
    /// Entries written.
    pub entries: u64,
    /// Number of the commit.
    pub commit: u64,
}

/// Writes one moment of the baseline, signed. Memory does not grow with it.
///
/// # Errors
/// When the baseline cannot be read or the output cannot be written.
pub(crate) fn write(
    view: &StoreView,
    out: impl Write,
    key: &ExportKey,
    host: &[u8],
    created: Timestamp,
    states: States,
) -> Result<ExportSummary, ExportError> {
    let snapshot = view.snapshot()?;
    let header = ExportHeader {
        host: host.to_vec(),
        created,
        commit: snapshot.commit(),
        head: *snapshot.head(),
        public_key: key.public().0,
    };
    let mut out = Hashed { out: BufWriter::with_capacity(1 << 16, out), hasher: blake3::Hasher::new() };
    out.write_all(MAGIC).map_err(ExportError::Write)?;
    // Plain data in memory: encoding it cannot fail.
    out.string(&postcard::to_stdvec(&header).unwrap_or_default()).map_err(ExportError::Write)?;
    let mut entries = 0_u64;
    let mut last = Vec::new();
    for row in snapshot.entries()? {
        let (key, mut entry) = row?;
        if states == States::Accepted {
            match accepted(view, &key, entry)? {
                Some(accepted) => entry = accepted,
                None => continue,
            }
        }
        let shared = last.iter().zip(&key).take_while(|(last, next)| last == next).count();
        out.write_all(&[ENTRY]).map_err(ExportError::Write)?;
        out.number(shared as u64).map_err(ExportError::Write)?;
        out.string(&key[shared..]).map_err(ExportError::Write)?;
        out.string(&entry).map_err(ExportError::Write)?;
        last = key;
        entries += 1;
    }
    out.write_all(&[END]).map_err(ExportError::Write)?;
    out.write_all(&entries.to_le_bytes()).map_err(ExportError::Write)?;
    let sum = *out.hasher.finalize().as_bytes();
    let mut out = out.out;
    out.write_all(&sum).map_err(ExportError::Write)?;
    out.write_all(&key.sign(&sum)).map_err(ExportError::Write)?;
    out.flush().map_err(ExportError::Write)?;
    Ok(ExportSummary { entries, commit: header.commit })
}

/// As [`write()`], into a file that is there whole or not at all. An existing one is replaced.
///
/// # Errors
/// As [`write()`], and when the file cannot be made.
pub(crate) fn write_file(
    view: &StoreView,
    path: &Path,
    key: &ExportKey,
    host: &[u8],
    created: Timestamp,
    states: States,
) -> Result<ExportSummary, ExportError> {
    let open = |source| ExportError::Open { path: path.to_owned(), source };
    let new = Replacement::begin(path, 0o600).map_err(open)?;
    let summary = write(view, new.file(), key, host, created, states)?;
    new.commit().map_err(open)?;
    Ok(summary)
}

struct Hashed<W: Write> {
    out: BufWriter<W>,
    hasher: blake3::Hasher,
}

impl<W: Write> Hashed<W> {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.out.write_all(bytes)
    }

    fn number(&mut self, mut number: u64) -> io::Result<()> {
        let (mut bytes, mut length) = ([0; 10], 0);
        loop {
            let more = number >= 0x80;
            bytes[length] = (number as u8 & 0x7f) | u8::from(more) << 7;
            length += 1;
            number >>= 7;
            if !more {
                return self.write_all(&bytes[..length]);
            }
        }
    }

    fn string(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.number(bytes.len() as u64)?;
        self.write_all(bytes)
    }
}
