//! File integrity and rootkit checks.

use std::path::PathBuf;
use std::time::Duration;

pub use hids_core::fim::{Checks, PathPattern, Watch};

/// `<syscheck>`.
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
    /// `<directories>`, one entry per path; roots are as written, wildcards included.
    pub directories: Vec<Watch>,
    /// `<ignore>`.
    pub ignore: Vec<PathPattern>,
    /// `<nodiff>`.
    pub no_diff: Vec<PathPattern>,
    /// `<skip_nfs>`.
    pub skip_nfs: bool,
    /// `<auto_ignore>`.
    pub auto_ignore: bool,
    /// `<alert_new_files>`; where it is not given, yes in the default mode, no in the strict one.
    pub alert_new_files: bool,
    /// `<prefilter_cmd>` split into words.
    pub prefilter: Vec<String>,
    /// `<package_updates>` (not in OSSEC): whether files that a package's update explains are told as one.
    pub summarise_updates: bool,
    /// `<protect_mode>` (not in OSSEC): whether the kernel refuses writes under `protect="yes"`.
    pub protect_mode: ProtectMode,
    /// `<protect_allow>` (not in OSSEC): programs that may write there all the same.
    pub protect_allow: Vec<ProtectAllow>,
    /// `<scan_rate>` (not in OSSEC): most MiB a second that scheduled scans read; `None` = no limit.
    pub scan_rate_mib: Option<u32>,
    /// `<process_priority>` (Wazuh's): nice value of the scanning threads, -20 to 19.
    pub scan_nice: i8,
    /// `<diff_size_limit>` (not in OSSEC): largest file in bytes whose text is kept for `report_changes`.
    pub diff_size_limit: u64,
}

/// What becomes of a write below a protected directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProtectMode {
    /// It happens and is reported.
    #[default]
    Monitor,
    /// It is refused and reported.
    Enforce,
}

/// A program that may write to protected directories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtectAllow {
    /// Absolute path of the executable.
    pub path: PathBuf,
    /// `sha256="…"`: only while the executable has this sum.
    pub sha256: Option<[u8; 32]>,
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
