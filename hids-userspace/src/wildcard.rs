//! Paths with wildcards (`*`, `?`, `[`) under `<directories>`: what they stand for now.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// Paths that one wildcard may stand for: a university's homes. Each root costs a look at every change of paths.
pub(crate) const MOST_MATCHES: usize = 16_384;

/// Whether OSSEC takes the path as a pattern.
pub(crate) fn has_wildcard(path: &Path) -> bool {
    path.as_os_str().as_bytes().iter().any(|byte| b"*?[".contains(byte))
}

/// The path as a pattern, unless something is there that has the very name.
pub(crate) fn as_pattern(written: &Path) -> Option<&str> {
    written.to_str().filter(|_| has_wildcard(written) && written.symlink_metadata().is_err())
}

/// What fits the pattern now. One that cannot be read was an error in the configuration, and stands for nothing.
pub(crate) fn matches(pattern: &str) -> Vec<PathBuf> {
    glob::glob(pattern).map(|paths| paths.flatten().take(MOST_MATCHES).collect()).unwrap_or_default()
}
