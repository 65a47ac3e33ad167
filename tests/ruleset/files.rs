//! The files of the shipped ruleset.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hids_core::diag::SourceFile;

/// `config/ruleset` of this repository.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the repository").join("config/ruleset")
}

/// The files of a subfolder that end so, by name, which is their load order.
pub(crate) fn list(subfolder: &str, extension: &str) -> Vec<PathBuf> {
    let folder = folder().join(subfolder);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry of a folder").path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} holds no .{extension} files", folder.display());
    paths
}

/// Those files, read.
pub(crate) fn sources(subfolder: &str) -> Vec<Arc<SourceFile>> {
    list(subfolder, "xml")
        .into_iter()
        .map(|path| {
            let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            SourceFile::new(path.display().to_string(), text)
        })
        .collect()
}
