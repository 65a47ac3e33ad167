//! Cargo's tools that make packages, in the releases that were tried; installed below the target directory.

use std::process::Command;

use anyhow::Result;

use crate::exec::{cargo, command, run, say};
use crate::paths;

/// Makes Debian packages.
///
/// # Errors
/// When it cannot be installed.
pub(crate) fn cargo_deb() -> Result<Command> {
    tool("cargo-deb", "3.8.0", &[])
}

/// Makes packages of Red Hat's family.
///
/// # Errors
/// When it cannot be installed.
pub(crate) fn cargo_generate_rpm() -> Result<Command> {
    let mut tool = tool("cargo-generate-rpm", "0.21.1", &[])?;
    tool.arg("generate-rpm");
    Ok(tool)
}

/// Lists what a program is made of.
///
/// # Errors
/// When it cannot be installed.
pub(crate) fn cargo_cyclonedx() -> Result<Command> {
    let mut tool = tool("cargo-cyclonedx", "0.5.9", &[])?;
    tool.arg("cyclonedx");
    Ok(tool)
}

fn tool(name: &str, version: &str, arguments: &[&str]) -> Result<Command> {
    let place = paths::target().join("tools").join(format!("{name}-{version}"));
    let program = place.join("bin").join(name);
    if !program.is_file() {
        say(&format!("installing {name} {version} below the target directory"));
        let mut install = cargo();
        install.args(["install", "--quiet", "--locked", "--version", version, "--root"]).arg(&place);
        run(install.args(arguments).arg(name))?;
    }
    Ok(command(program))
}
