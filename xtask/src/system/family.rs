//! Which kind of Linux this is.

use anyhow::{Context as _, Result};

use crate::exec::command;

/// The kinds that differ in how packages are named and installed.
pub(super) enum Family {
    /// Debian, Ubuntu and what is made from them: apt.
    Debian,
    /// Rocky, Alma, RHEL, CentOS, Fedora: dnf.
    RedHat,
    /// Anything else, by the name it gives itself.
    Other(String),
}

impl Family {
    /// Reads `/etc/os-release` (`os-release(5)`).
    pub(super) fn detect() -> Result<Self> {
        let text = std::fs::read_to_string("/etc/os-release").context("cannot read /etc/os-release")?;
        Ok(Self::from_os_release(&text))
    }

    fn from_os_release(text: &str) -> Self {
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            line.unwrap_or_default().trim_matches('"').to_owned()
        };
        let ids = format!("{} {}", value("ID"), value("ID_LIKE"));
        let is = |names: &[&str]| ids.split_whitespace().any(|id| names.contains(&id));
        if is(&["debian", "ubuntu"]) {
            Self::Debian
        } else if is(&["rhel", "fedora", "centos", "rocky"]) {
            Self::RedHat
        } else {
            Self::Other(value("PRETTY_NAME"))
        }
    }
}

/// Those of `packages` that rpm does not know as installed.
pub(super) fn rpm_missing(packages: &[&'static str]) -> Result<Vec<&'static str>> {
    let mut missing = Vec::new();
    for package in packages {
        let output = command("rpm").args(["-q", "--whatprovides", package]).output().context("cannot start rpm")?;
        if !output.status.success() {
            missing.push(*package);
        }
    }
    Ok(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rocky_counts_as_red_hat_and_ubuntu_as_debian() {
        let rocky = "NAME=\"Rocky Linux\"\nID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n";
        assert!(matches!(Family::from_os_release(rocky), Family::RedHat));
        let ubuntu = "ID=ubuntu\nID_LIKE=debian\nPRETTY_NAME=\"Ubuntu 24.04 LTS\"\n";
        assert!(matches!(Family::from_os_release(ubuntu), Family::Debian));
        let other = "ID=arch\nPRETTY_NAME=\"Arch Linux\"\n";
        assert!(matches!(Family::from_os_release(other), Family::Other(name) if name == "Arch Linux"));
    }
}
