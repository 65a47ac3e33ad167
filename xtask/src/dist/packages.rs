//! The .deb and the .rpm, by `cargo-deb` and `cargo-generate-rpm`.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::architecture::Architecture;
use crate::exec::run;
use crate::system::tools::{self, Speed};

/// The packages of one build.
pub(crate) struct Packages {
    /// For which processor.
    pub architecture: Architecture,
    /// For Debian and Ubuntu.
    pub deb: PathBuf,
    /// For Rocky, RHEL and Fedora.
    pub rpm: PathBuf,
}

impl Packages {
    /// Where those of this version are below `directory`, named as their tools would.
    pub(super) fn below(directory: &Path, architecture: Architecture) -> Self {
        let version = env!("CARGO_PKG_VERSION");
        Self {
            architecture,
            deb: directory.join(format!("hids_{version}-1_{}.deb", architecture.deb())),
            rpm: directory.join(format!("hids-{version}-1.{}.rpm", architecture.rpm())),
        }
    }
}

/// Makes the .deb of the manifest in `package` as `file`.
///
/// # Errors
/// When the tool cannot be installed or fails.
pub(super) fn deb(package: &Path, file: &Path, architecture: Architecture, speed: Speed) -> Result<()> {
    let mut deb = tools::cargo_deb(speed)?;
    deb.arg("--manifest-path").arg(package.join("Cargo.toml")).args(["--target", architecture.target()]);
    if speed == Speed::ToInstall {
        // By `xz`, whichever way the tool itself was built.
        deb.args(["--fast", "--compress-system"]);
    }
    // Programs are stripped already.
    deb.args(["--no-build", "--no-strip", "--offline", "--output"]).arg(file);
    run(&mut deb)
}

/// The same for the .rpm.
///
/// # Errors
/// When the tool cannot be installed or fails.
pub(super) fn rpm(package: &Path, file: &Path, architecture: Architecture) -> Result<()> {
    let mut rpm = tools::cargo_generate_rpm()?;
    rpm.current_dir(package).args(["--target", architecture.target()]);
    // What is needed stands in the manifest; Enterprise Linux 8 reads gzip and xz.
    rpm.args(["--auto-req", "no", "--payload-compress", "xz", "--output"]).arg(file);
    run(&mut rpm)
}
