//! The bill of materials (CycloneDX): every crate that is in the programs, with version, licence and sum.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::architecture::Architecture;
use crate::exec::{cargo, output, run};
use crate::paths;
use crate::system::tools;

/// What the tool calls its lists.
const NAME: &str = "hids-materials";

/// Writes it. The tool puts one list beside each manifest of the workspace, so it sees the workspace through manifests
/// in `work`: whatever interrupts it leaves nothing in the source tree.
///
/// # Errors
/// When the tool cannot be installed or fails.
pub(super) fn write(work: &Path, file: &Path, architecture: Architecture) -> Result<()> {
    mirror(paths::root(), work)?;
    let package = work.join("hids-userspace");
    let mut list = tools::cargo_cyclonedx()?;
    list.arg("--manifest-path").arg(package.join("Cargo.toml"));
    list.args(["--format", "json", "--target", architecture.target(), "--no-build-deps", "--override-filename", NAME]);
    run(&mut list)?;
    let made = package.join(format!("{NAME}.json"));
    // Its names of our own packages hold the place, which is nothing to those who read the list.
    let text = fs::read_to_string(&made).with_context(|| format!("cannot read {}", made.display()))?;
    let text = text.replace(&work.display().to_string(), "/hids");
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

/// A directory for each package of the workspace with a copy of its manifest and links to everything else.
fn mirror(root: &Path, to: &Path) -> Result<()> {
    let make = |directory: &Path| {
        fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))
    };
    make(to)?;
    for name in ["Cargo.toml", "Cargo.lock"] {
        copy(&root.join(name), &to.join(name))?;
    }
    for package in packages(root)? {
        let copied = to.join(package.strip_prefix(root).context("a package lies outside of the workspace")?);
        make(&copied)?;
        let read = || format!("cannot read {}", package.display());
        for entry in fs::read_dir(&package).with_context(read)? {
            let from = entry.with_context(read)?.path();
            let name = from.file_name().context("a file has no name")?;
            let to = copied.join(name);
            if name == "Cargo.toml" {
                copy(&from, &to)?;
            } else {
                symlink(&from, &to).with_context(|| format!("cannot make the link {}", to.display()))?;
            }
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(())
}

/// The directories of the workspace's packages.
fn packages(root: &Path) -> Result<Vec<PathBuf>> {
    let text = output(cargo().current_dir(root).args(["metadata", "--no-deps", "--format-version=1"]))?;
    let metadata: Value = serde_json::from_str(&text).context("cannot read cargo's metadata")?;
    let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let manifests = packages.iter().filter_map(|package| package["manifest_path"].as_str());
    Ok(manifests.filter_map(|manifest| Path::new(manifest).parent()).map(Path::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_beside_a_manifest_is_not_in_the_source_tree() {
        let place = tempfile::tempdir().expect("a directory");
        mirror(paths::root(), place.path()).expect("mirrored");
        let package = place.path().join("hids-userspace");
        assert!(package.join("src/lib.rs").is_file() && package.join("Cargo.toml").is_file());
        let seen = packages(place.path()).expect("cargo reads it");
        assert_eq!(seen.len(), packages(paths::root()).expect("cargo reads it").len());
        assert!(seen.iter().all(|directory| directory.starts_with(place.path())), "{seen:?}");
    }
}
