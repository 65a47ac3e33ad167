//! Kernels for the guest: Debian's packages, unpacked below `target/vm` and never installed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::exec::{command, output, run, say};
use crate::paths;

/// Packages that depend on the newest kernel of one series each.
const SERIES: &[&str] = &["linux-image-cloud-amd64", "linux-image-6.12-cloud-amd64"];

/// A kernel to boot.
#[derive(Clone)]
pub(super) struct Kernel {
    /// As `uname -r` says, for example `6.1.0-56-cloud-amd64`.
    pub release: String,
    /// The unpacked package.
    pub root: PathBuf,
}

impl Kernel {
    /// The file to boot.
    pub(super) fn image(&self) -> PathBuf {
        self.root.join("boot").join(format!("vmlinuz-{}", self.release))
    }
}

/// The newest kernel of each series that apt offers, fetched once; what is unpacked already when apt
/// offers nothing.
pub(super) fn fetch() -> Result<Vec<Kernel>> {
    let directory = paths::target().join("vm");
    fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
    let mut kernels = Vec::new();
    // For whoever works on one kernel: a part of its package's name.
    let only = std::env::var("HIDS_VM_KERNEL").unwrap_or_default();
    for series in SERIES {
        match package_of(series).and_then(|package| unpacked(&directory, &package)) {
            Ok(kernel) => kernels.push(kernel),
            Err(error) => say(&format!("no kernel of {series}: {error:#}")),
        }
    }
    if kernels.is_empty() {
        kernels = known(&directory)?;
    }
    kernels.retain(|kernel| kernel.release.contains(&only));
    Ok(kernels)
}

/// The package that a series' package depends on.
fn package_of(series: &str) -> Result<String> {
    let text = output(command("apt-cache").args(["depends", "--important", series]))?;
    let package = text.lines().find_map(|line| line.trim().strip_prefix("Depends: "));
    package.map(str::to_owned).with_context(|| format!("apt does not know {series}"))
}

fn unpacked(directory: &Path, package: &str) -> Result<Kernel> {
    let root = directory.join(package);
    if !root.join("boot").is_dir() {
        download(directory, package)?;
        let archive = archive_of(directory, package)?;
        // Into a directory of another name first, so that a half-unpacked package is never taken for a whole one.
        let partial = directory.join(format!("{package}.partial"));
        run(command("dpkg-deb").arg("--extract").arg(&archive).arg(&partial))?;
        fs::rename(&partial, &root).with_context(|| format!("cannot rename {}", partial.display()))?;
        fs::remove_file(&archive).with_context(|| format!("cannot remove {}", archive.display()))?;
    }
    let release = package.trim_start_matches("linux-image-").to_owned();
    Ok(Kernel { release, root })
}

fn download(directory: &Path, package: &str) -> Result<()> {
    // Downloading as root into a directory that apt's own user cannot write is a warning of apt.
    run(command("apt-get")
        .args(["download", "--quiet", "-o", "APT::Sandbox::User=root", package])
        .current_dir(directory))
}

fn archive_of(directory: &Path, package: &str) -> Result<PathBuf> {
    let entries = fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))?;
    let prefix = format!("{package}_");
    let is_archive = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        name.starts_with(&prefix) && name.ends_with(".deb")
    };
    let found = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).find(is_archive);
    found.with_context(|| format!("apt-get downloaded no archive of {package}"))
}

/// Packages that were unpacked before.
fn known(directory: &Path) -> Result<Vec<Kernel>> {
    let entries = fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))?;
    let mut kernels = Vec::new();
    for entry in entries {
        let root = entry.context("cannot read target/vm")?.path();
        let name = root.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if let Some(release) = name.strip_prefix("linux-image-").filter(|release| !release.ends_with(".partial")) {
            kernels.push(Kernel { release: release.to_owned(), root: root.clone() });
        }
    }
    kernels.retain(|kernel| kernel.image().is_file());
    kernels.sort_by(|a, b| a.release.cmp(&b.release));
    Ok(kernels)
}
