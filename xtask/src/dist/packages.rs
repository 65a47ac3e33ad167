//! The .deb and the .rpm, by `cargo-deb` and `cargo-generate-rpm`.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::programs::TARGET;
use crate::exec::run;
use crate::system::tools;

/// The packages of one build.
pub(crate) struct Packages {
    /// For Debian and Ubuntu.
    pub deb: PathBuf,
    /// For Rocky, RHEL and Fedora.
    pub rpm: PathBuf,
}

/// Makes the .deb of the manifest in `package` as `file`; its path.
///
/// # Errors
/// When the tool cannot be installed or fails.
pub(super) fn deb(package: &Path, file: PathBuf) -> Result<PathBuf> {
    let mut deb = tools::cargo_deb()?;
    deb.arg("--manifest-path").arg(package.join("Cargo.toml")).args(["--target", TARGET]);
    // Programs are stripped already.
    deb.args(["--no-build", "--no-strip", "--offline", "--output"]).arg(&file);
    run(&mut deb)?;
    Ok(file)
}

/// The same for the .rpm.
///
/// # Errors
/// When the tool cannot be installed or fails.
pub(super) fn rpm(package: &Path, file: PathBuf) -> Result<PathBuf> {
    let mut rpm = tools::cargo_generate_rpm()?;
    rpm.current_dir(package).args(["--target", TARGET]);
    // What is needed stands in the manifest; Enterprise Linux 8 reads gzip and xz.
    rpm.args(["--auto-req", "no", "--payload-compress", "xz", "--output"]).arg(&file);
    run(&mut rpm)?;
    Ok(file)
}
