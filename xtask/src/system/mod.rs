//! What the machine must have: finds out what is missing, says so and installs it.
//!
//! Debian and Ubuntu: installed with apt-get. Rocky, RHEL and Fedora: the `dnf install` line is
//! printed and the command stops. Services that come with test packages are never started.

mod apt;
mod bpf;
mod family;
pub(crate) mod tools;
pub(crate) mod zig;

use anyhow::{Result, bail};

pub(crate) use bpf::{bpf_toolchain, target as bpf_target};

use crate::exec::{find, say};
use family::Family;

/// A set of packages that one purpose needs.
pub(crate) struct Needs {
    /// The purpose, for messages.
    purpose: &'static str,
    /// Package names of Debian and Ubuntu.
    debian: &'static [&'static str],
    /// Package names of Rocky, RHEL and Fedora.
    red_hat: &'static [&'static str],
    /// Services that the packages bring and that must stay off.
    services: &'static [&'static str],
}

/// To build the daemon.
pub(crate) const BUILD: Needs = Needs {
    purpose: "building the daemon",
    debian: &["gcc", "libc6-dev", "pkg-config", "libmnl-dev", "libnftnl-dev"],
    red_hat: &["gcc", "glibc-devel", "pkgconf-pkg-config", "libmnl-devel", "libnftnl-devel"],
    services: &[],
};

/// To run the tests, the demo and the measurements: real servers, clients and tools in namespaces.
pub(crate) const LAB: Needs = Needs {
    purpose: "the laboratory of tests, demo and bench (nothing of it runs on the machine itself)",
    debian: &[
        "apache2",
        "btrfs-progs",
        "curl",
        "iproute2",
        "nftables",
        "nginx-light",
        "openssh-client",
        "openssh-server",
        "python3",
        "python3-aiosmtpd",
        "rpm",
        "rsyslog",
        "sshpass",
        "systemd-journal-remote",
        "util-linux",
        "xfsprogs",
    ],
    // Their kernels have no btrfs: its tests are reported as skipped.
    red_hat: &[
        "curl",
        "httpd",
        "iproute",
        "nftables",
        "nginx",
        "openssh-clients",
        "openssh-server",
        "python3",
        "python3-aiosmtpd",
        "rpm-build",
        "rsyslog",
        "sshpass",
        "systemd-journal-remote",
        "util-linux",
        "xfsprogs",
    ],
    services: &["apache2", "apache-htcacheclean", "nginx", "ssh", "rsyslog"],
};

/// To make and boot machines of other Debian releases.
pub(crate) const MACHINES: Needs = Needs {
    purpose: "machines with systemd to test on (they run in namespaces of their own)",
    debian: &[
        "iproute2",
        "mmdebstrap",
        "nftables",
        "openssh-client",
        "python3",
        "sshpass",
        "systemd-container",
        "xz-utils",
    ],
    // mmdebstrap is in Fedora only; without it the tests say that they are skipped.
    red_hat: &["iproute", "nftables", "openssh-clients", "python3", "sshpass", "systemd-container", "xz"],
    services: &[],
};

/// To make packages.
pub(crate) const DIST: Needs = Needs {
    purpose: "making packages",
    debian: &[
        "binutils",
        "gcc",
        "libc6-dev",
        "libmnl-dev",
        "libnftnl-dev",
        "pkg-config",
        "python3",
        "python3-pip",
        "tar",
        "xz-utils",
    ],
    red_hat: &[
        "binutils",
        "gcc",
        "libmnl-devel",
        "libnftnl-devel",
        "pkgconf-pkg-config",
        "python3",
        "python3-pip",
        "tar",
        "xz",
    ],
    services: &[],
};

/// To check packages.
pub(crate) const INSTALL: Needs = Needs {
    purpose: "checking packages",
    debian: &["apt-utils", "createrepo-c", "dpkg-dev", "gdb", "gpg", "lintian", "rpm", "rpmlint"],
    red_hat: &["apt", "createrepo_c", "dpkg", "gdb", "gnupg2", "rpm", "rpm-sign", "rpmlint"],
    services: &[],
};

/// To make a signed repository of them.
pub(crate) const REPOSITORY: Needs = Needs {
    purpose: "making a package repository",
    debian: &["apt-utils", "createrepo-c", "gpg", "gzip", "rpm"],
    red_hat: &["apt", "createrepo_c", "gnupg2", "gzip", "rpm-sign"],
    services: &[],
};

/// To measure file integrity beside other programs.
pub(crate) const YARDSTICKS: Needs = Needs {
    purpose: "measuring beside other programs",
    debian: &["aide", "openssl"],
    red_hat: &["aide", "openssl"],
    services: &[],
};

/// To run the kernel suite in other kernels. Those are downloaded by `vm/kernels.rs`, not installed.
pub(crate) const VM: Needs = Needs {
    purpose: "testing on other kernels under QEMU",
    debian: &[
        "binutils",
        "btrfs-progs",
        "busybox-static",
        "dpkg-dev",
        "e2fsprogs",
        "kmod",
        "libc-bin",
        "qemu-system-x86",
        "xfsprogs",
        "xz-utils",
    ],
    red_hat: &["binutils", "busybox", "e2fsprogs", "kmod", "qemu-system-x86-core", "xfsprogs", "xz"],
    services: &[],
};

/// Installs what is missing of each set.
///
/// # Errors
/// On a system other than Debian or Ubuntu when something is missing; when not root; when apt-get
/// fails.
pub(crate) fn ensure(sets: &[&Needs]) -> Result<()> {
    match Family::detect()? {
        Family::Debian => sets.iter().try_for_each(|needs| ensure_debian(needs)),
        Family::RedHat => ensure_red_hat(sets),
        Family::Other(name) => {
            say(&format!("{name} is not a system this knows: what is missing is for you to install"));
            Ok(())
        }
    }
}

fn ensure_debian(needs: &Needs) -> Result<()> {
    let missing = apt::missing(needs.debian)?;
    if missing.is_empty() {
        return Ok(());
    }
    say(&format!("installing for {}: {}", needs.purpose, missing.join(" ")));
    apt::install(&missing, needs.services)
}

fn ensure_red_hat(sets: &[&Needs]) -> Result<()> {
    let mut missing = Vec::new();
    for needs in sets {
        missing.extend(family::rpm_missing(needs.red_hat)?);
    }
    if missing.is_empty() {
        return Ok(());
    }
    bail!(
        "packages are missing; install them and start again (sshpass and python3-aiosmtpd are in EPEL, \
         the -devel packages in CRB):\n    dnf install {}",
        missing.join(" ")
    )
}

/// Refuses to go on when not root, saying why root is needed.
///
/// # Errors
/// When the effective user is not root.
pub(crate) fn require_root(why: &str) -> Result<()> {
    if !is_root() {
        bail!("this needs root: {why}");
    }
    Ok(())
}

/// Whether the effective user is root.
pub(crate) fn is_root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("Uid:"))
        .and_then(|ids| ids.split_whitespace().nth(1))
        .is_some_and(|id| id == "0")
}

/// Whether a program can be found.
pub(crate) fn has(program: &str) -> bool {
    find(program).is_some()
}
