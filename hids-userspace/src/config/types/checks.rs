//! File integrity and rootkit checks.

use std::path::PathBuf;
use std::time::Duration;

/// `<syscheck>`: kept whole; acted upon by the file-integrity stage.
#[derive(Clone, Debug, Default)]
pub struct SyscheckConfig {
    /// `<disabled>`.
    pub disabled: bool,
    /// `<frequency>`.
    pub frequency: Duration,
    /// `<scan_time>` as minutes after midnight.
    pub scan_time: Option<u16>,
    /// `<scan_day>` as days, Monday = bit 0.
    pub scan_days: Option<u8>,
    /// `<scan_on_start>`.
    pub scan_on_start: bool,
    /// `<directories>`, one entry per path.
    pub directories: Vec<WatchedDirectory>,
    /// `<ignore>`.
    pub ignore: Vec<PathPattern>,
    /// `<nodiff>`.
    pub no_diff: Vec<PathPattern>,
    /// `<skip_nfs>`.
    pub skip_nfs: bool,
    /// `<auto_ignore>`.
    pub auto_ignore: bool,
    /// `<alert_new_files>`.
    pub alert_new_files: bool,
    /// `<prefilter_cmd>` split into words.
    pub prefilter: Vec<String>,
}

/// A path under `<directories>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WatchedDirectory {
    /// Absolute path or wildcard pattern.
    pub path: PathBuf,
    /// What is compared.
    pub checks: Checks,
    /// `realtime`.
    pub realtime: bool,
    /// `report_changes`.
    pub report_changes: bool,
    /// `restrict`, os_match.
    pub restrict: Option<String>,
    /// `no_recurse`.
    pub no_recurse: bool,
}

/// What is compared of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checks {
    /// MD5 sum.
    pub md5: bool,
    /// SHA-1 sum.
    pub sha1: bool,
    /// SHA-256 sum.
    pub sha256: bool,
    /// Size.
    pub size: bool,
    /// Owner.
    pub owner: bool,
    /// Group.
    pub group: bool,
    /// Permissions.
    pub permissions: bool,
}

/// A path to leave out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathPattern {
    /// Case-insensitive prefix of the full path.
    Prefix(String),
    /// os_match on the full path.
    Sregex(String),
}

/// `<rootcheck>`: kept whole; acted upon by the rootcheck stage.
#[derive(Clone, Debug, Default)]
pub struct RootcheckConfig {
    /// `<disabled>`.
    pub disabled: bool,
    /// `<frequency>`.
    pub frequency: Duration,
    /// `<scanall>`.
    pub scan_all: bool,
    /// `<readall>`.
    pub read_all: bool,
    /// `<skip_nfs>`.
    pub skip_nfs: bool,
    /// `<base_directory>`.
    pub base_directory: PathBuf,
    /// `<rootkit_files>`.
    pub rootkit_files: Option<PathBuf>,
    /// `<rootkit_trojans>`.
    pub rootkit_trojans: Option<PathBuf>,
    /// `<system_audit>`.
    pub system_audit: Vec<PathBuf>,
    /// `<ignore>`.
    pub ignore: Vec<PathBuf>,
    /// Names of `check_*` options set to `no`.
    pub switched_off: Vec<String>,
}
