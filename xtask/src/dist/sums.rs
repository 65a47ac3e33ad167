//! SHA-256 sums, in the form of `sha256sum --check`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::exec::{command, output};

/// Writes the sums of `files`, which lie beside the list.
///
/// # Errors
/// When a file cannot be read or the list cannot be written.
pub(super) fn write(list: &Path, files: &[&PathBuf]) -> Result<()> {
    let directory = list.parent().context("the list has no directory")?;
    let mut sum = command("sha256sum");
    sum.current_dir(directory);
    for file in files {
        sum.arg(file.file_name().context("a file has no name")?);
    }
    fs::write(list, output(&mut sum)?).with_context(|| format!("cannot write {}", list.display()))
}
