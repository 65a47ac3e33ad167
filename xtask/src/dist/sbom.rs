//! The bill of materials (CycloneDX): every crate that is in the programs, with version, licence and sum.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::programs::TARGET;
use crate::exec::run;
use crate::paths;
use crate::system::tools;

/// Writes it.
///
/// # Errors
/// When the tool cannot be installed or fails.
pub(super) fn write(file: &Path) -> Result<()> {
    let userspace = paths::root().join("hids-userspace");
    let mut list = tools::cargo_cyclonedx()?;
    list.arg("--manifest-path").arg(userspace.join("Cargo.toml"));
    list.args(["--format", "json", "--target", TARGET, "--no-build-deps", "--override-filename", "hids-materials"]);
    run(&mut list)?;
    // It writes one beside each manifest of the workspace.
    let made = userspace.join("hids-materials.json");
    fs::copy(&made, file).with_context(|| format!("cannot copy {}", made.display()))?;
    for package in ["hids-core", "hids-common", "hids-userspace", "xtask", "tests"] {
        let extra = paths::root().join(package).join("hids-materials.json");
        if extra.is_file() {
            fs::remove_file(&extra).with_context(|| format!("cannot remove {}", extra.display()))?;
        }
    }
    Ok(())
}
