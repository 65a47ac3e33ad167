//! Asks the kernel what it offers, by trying it or by reading its own report; never by its version.

use std::fs;
use std::io;

use fanotify::low_level::{
    FAN_CLASS_CONTENT, FAN_CLASS_NOTIF, FAN_CLOEXEC, FAN_NONBLOCK, FAN_REPORT_DIR_FID, FAN_REPORT_FID, FAN_REPORT_NAME,
    FAN_UNLIMITED_MARKS, O_CLOEXEC, O_RDONLY, close_fd, fanotify_init,
};
use libc::{FAN_REPORT_PIDFD, FAN_REPORT_TARGET_FID};

use super::Degradation;

/// How much a fanotify group can tell, best last. With less than names the file sensor can do nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FanotifyLevel {
    /// Directory and name of each object (`FAN_REPORT_DFID_NAME`, Linux 5.9).
    Names,
    /// Also the object itself and a handle on the process (`FAN_REPORT_TARGET_FID`, `FAN_REPORT_PIDFD`).
    NamesTargetsProcesses,
}

impl FanotifyLevel {
    /// What events tell, for administrators.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Names => "events report directory and name",
            Self::NamesTargetsProcesses => "events report directory, name, file and process",
        }
    }

    /// The flags of `fanotify_init(2)` that this level asks for. Unlimited marks are what only a privileged
    /// process is granted: the groups of others tell nothing of whole filesystems, nor of processes.
    const fn flags(self) -> u32 {
        let names = FAN_UNLIMITED_MARKS | FAN_REPORT_DIR_FID | FAN_REPORT_NAME;
        match self {
            Self::Names => names,
            // A target needs FAN_REPORT_FID as well as directory and name.
            Self::NamesTargetsProcesses => names | FAN_REPORT_FID | FAN_REPORT_TARGET_FID | FAN_REPORT_PIDFD,
        }
    }
}

/// The best group the kernel gives.
pub(super) fn fanotify() -> Result<FanotifyLevel, Degradation> {
    let mut refusal = io::Error::from(io::ErrorKind::Unsupported);
    for level in [FanotifyLevel::NamesTargetsProcesses, FanotifyLevel::Names] {
        match try_group(FAN_CLASS_NOTIF | level.flags()) {
            Ok(()) => return Ok(level),
            Err(error) => refusal = error,
        }
    }
    Err(Degradation::Fanotify(refusal))
}

/// Whether the kernel lets a group decide about opens (`CONFIG_FANOTIFY_ACCESS_PERMISSIONS`).
pub(super) fn fanotify_permission_events() -> bool {
    try_group(FAN_CLASS_CONTENT).is_ok()
}

fn try_group(flags: u32) -> io::Result<()> {
    let group = fanotify_init(flags | FAN_CLOEXEC | FAN_NONBLOCK, (O_RDONLY | O_CLOEXEC).unsigned_abs())?;
    close_fd(group);
    Ok(())
}

/// The active security modules, comma-separated; none if the kernel does not tell (securityfs is not
/// mounted).
pub(super) fn active_security_modules() -> Option<String> {
    fs::read_to_string("/sys/kernel/security/lsm").ok().map(|list| list.trim().to_owned())
}

/// The lockdown mode in force, if there is one (`kernel_lockdown(7)`: `none [integrity] confidentiality`).
pub(super) fn lockdown() -> Option<String> {
    let text = fs::read_to_string("/sys/kernel/security/lockdown").ok()?;
    lockdown_mode(&text)
}

fn lockdown_mode(text: &str) -> Option<String> {
    let chosen = text.split_whitespace().find_map(|word| word.strip_prefix('[')?.strip_suffix(']'));
    chosen.filter(|mode| *mode != "none").map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lockdown_mode_is_the_word_in_brackets_unless_it_is_none() {
        assert_eq!(lockdown_mode("none [integrity] confidentiality\n").as_deref(), Some("integrity"));
        assert_eq!(lockdown_mode("[none] integrity confidentiality\n"), None);
        assert_eq!(lockdown_mode(""), None);
    }
}
