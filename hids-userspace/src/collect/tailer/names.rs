//! Names of log files: strftime parts, wildcards, and what rotated files are called.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// Whether a path component holds wildcards.
pub(super) fn has_wildcard(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// A location with its strftime parts replaced for the moment `now`, or why that cannot be done.
pub(super) fn expand_time(pattern: &str, now: &jiff::Zoned) -> Result<String, jiff::Error> {
    if !pattern.contains('%') {
        return Ok(pattern.to_owned());
    }
    jiff::fmt::strtime::format(pattern, now)
}

/// The name that a rotated file had before: `access_log` for `access_log.1`, `access_log-20261124`,
/// `access_log.2.gz`.
pub(super) fn name_before_rotation(name: &OsStr) -> Option<&OsStr> {
    let bytes = name.as_bytes();
    let bytes = without_compression(bytes);
    let stem =
        bytes.iter().rposition(|byte| !(byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_' | b'T' | b':')));
    let mark = stem.map_or(0, |at| at + 1);
    let suffix = &bytes[mark..];
    let rotated =
        mark > 0 && suffix.len() >= 2 && matches!(suffix[0], b'.' | b'-' | b'_') && suffix[1].is_ascii_digit();
    rotated.then(|| OsStr::from_bytes(&bytes[..mark]))
}

/// Whether `path` is what a rotation makes of the name of one of `logs`.
pub(super) fn is_rotated_name_of(path: &Path, logs: &[PathBuf]) -> bool {
    let before = path.file_name().filter(|name| !is_compressed(name)).and_then(name_before_rotation);
    before.is_some() && logs.iter().any(|log| log.file_name() == before && log.parent() == path.parent())
}

/// Whether the name is that of a compressed file, which is never read as a log.
pub(super) fn is_compressed(name: &OsStr) -> bool {
    without_compression(name.as_bytes()).len() != name.len()
}

fn without_compression(name: &[u8]) -> &[u8] {
    [&b".gz"[..], b".bz2", b".xz", b".zst", b".Z", b".lz4"]
        .iter()
        .find_map(|ending| name.strip_suffix(*ending))
        .unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotated_names_lead_to_the_name_before() {
        for (rotated, before) in [
            ("access_log.1", Some("access_log")),
            ("access_log-20261124", Some("access_log")),
            ("syslog.2.gz", Some("syslog")),
            ("a.log.2026-11-24T01", Some("a.log")),
            ("access_log", None),
            ("20261124", None),
            ("app2", None),
            ("app-", None),
        ] {
            assert_eq!(name_before_rotation(OsStr::new(rotated)), before.map(OsStr::new), "{rotated}");
        }
    }

    #[test]
    fn time_parts_are_replaced() {
        let now: jiff::Zoned = "2026-11-25T01:02:03[UTC]".parse().expect("valid");
        assert_eq!(expand_time("/l/a-%Y-%m-%d.log", &now).expect("known parts"), "/l/a-2026-11-25.log");
        assert!(expand_time("/l/%", &now).is_err());
    }
}
