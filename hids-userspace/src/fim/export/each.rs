//! The entries of an export, one after the other.

use std::fs::File;
use std::io::{Seek as _, SeekFrom};

use super::read::{Rows, check};
use super::{ExportError, ExportReport, PublicKey};

/// Checks an export, then hands each key and entry to `take`, in the store's order.
///
/// # Errors
/// As [`check`], and what `take` returns; in the first case nothing was handed on. When the file changes after the
/// check, what was handed on is not to be believed.
pub(crate) fn each(
    mut file: &File,
    trusted: &PublicKey,
    mut take: impl FnMut(&[u8], &[u8]) -> Result<(), ExportError>,
) -> Result<ExportReport, ExportError> {
    check(file, trusted)?;
    file.seek(SeekFrom::Start(0)).map_err(ExportError::Read)?;
    let mut rows = Rows::begin(file, trusted)?;
    while rows.next()? {
        take(&rows.key, &rows.entry)?;
    }
    Ok(rows.report())
}
