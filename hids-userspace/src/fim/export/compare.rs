//! Comparison of the baseline with an export.

use std::cmp::Ordering;
use std::fs::File;
use std::io::{Seek as _, SeekFrom};
use std::path::Path;

use super::read::{Rows, check};
use super::{ExportError, ExportReport, PublicKey};
use crate::fim::store::{decode_entry, path_of};
use crate::fim::{Entry, StoreError, StoreView};

/// One path that is not the same in both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExportDifference {
    /// Which.
    pub path: Vec<u8>,
    /// In the export.
    pub exported: Option<Entry>,
    /// In the baseline.
    pub baseline: Option<Entry>,
}

/// Checks an export and tells `each` difference from the baseline, in the store's order; entries
/// whose state is the same are none, whatever else is remembered of them.
///
/// # Errors
/// As [`check`]; then nothing was told. When the file changes after that check, what was told is not
/// to be believed.
pub(crate) fn compare(
    path: &Path,
    trusted: &PublicKey,
    view: &StoreView,
    mut each: impl FnMut(ExportDifference),
) -> Result<ExportReport, ExportError> {
    let mut file = File::open(path).map_err(|source| ExportError::Open { path: path.to_owned(), source })?;
    check(&file, trusted)?;
    file.seek(SeekFrom::Start(0)).map_err(ExportError::Read)?;
    let mut exported = Rows::begin(&file, trusted)?;
    let snapshot = view.snapshot()?;
    let mut baseline = snapshot.entries()?;
    let (mut left, mut right) = (exported.next()?, baseline.next().transpose()?);
    loop {
        let order = match (left, &right) {
            (false, None) => return Ok(exported.report()),
            (true, None) => Ordering::Less,
            (false, Some(_)) => Ordering::Greater,
            (true, Some((key, _))) => exported.key.as_slice().cmp(key),
        };
        let old = if order == Ordering::Greater { None } else { Some(decode_entry(&exported.entry)?) };
        let new = match (&right, order) {
            (Some((_, entry)), Ordering::Equal | Ordering::Greater) => Some(decode_entry(entry)?),
            _ => None,
        };
        let key = if old.is_some() { Some(&exported.key) } else { right.as_ref().map(|(key, _)| key) };
        let is_same =
            old.as_ref().and_then(|old| old.state.as_ref()) == new.as_ref().and_then(|new| new.state.as_ref());
        if !is_same {
            let path = key.and_then(|key| path_of(key));
            let path = path.ok_or_else(|| StoreError::Damaged { what: "an entry has no path".to_owned() })?;
            each(ExportDifference { path, exported: old, baseline: new });
        }
        if order != Ordering::Greater {
            left = exported.next()?;
        }
        if order != Ordering::Less {
            right = baseline.next().transpose()?;
        }
    }
}
