//! Reads a file of the configuration into memory.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// Largest configuration file.
pub const CONFIG_SIZE_LIMIT_BYTES: u64 = 16 << 20;

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadProblem {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("not a regular file")]
    NotAFile,
    #[error("larger than {} MiB", CONFIG_SIZE_LIMIT_BYTES >> 20)]
    TooLarge,
}

/// The bytes of a regular file of sensible size.
pub(super) fn read_file(path: &Path) -> Result<Vec<u8>, ReadProblem> {
    // Looked at before opening: opening a named pipe would wait for a writer.
    if !path.metadata()?.is_file() {
        return Err(ReadProblem::NotAFile);
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(CONFIG_SIZE_LIMIT_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > CONFIG_SIZE_LIMIT_BYTES {
        return Err(ReadProblem::TooLarge);
    }
    Ok(bytes)
}
