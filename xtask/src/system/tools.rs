//! Cargo's tools that make packages, in the releases that were tried; installed below the target directory.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::exec::{cargo, command, run, say};
use crate::paths;

/// What a package is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speed {
    /// To be given away: as small as can be.
    ToUse,
    /// To be installed once by a test: made as soon as can be, the tool included.
    ToInstall,
}

/// Makes Debian packages.
///
/// # Errors
/// When it cannot be installed.
pub(crate) fn cargo_deb(speed: Speed) -> Result<Command> {
    let (name, version) = ("cargo-deb", "3.8.0");
    let is_there = place(name, version).join("bin").join(name).is_file();
    match speed {
        // Half a minute instead of two.
        Speed::ToInstall if !is_there => tool(name, version, Build::Debug),
        _ => tool(name, version, Build::Release),
    }
}

/// Makes packages of Red Hat's family.
///
/// # Errors
/// When it cannot be installed.
pub(crate) fn cargo_generate_rpm() -> Result<Command> {
    let mut tool = tool("cargo-generate-rpm", "0.21.1", Build::Release)?;
    tool.arg("generate-rpm");
    Ok(tool)
}

/// Lists what a program is made of.
///
/// # Errors
/// When it cannot be installed.
pub(crate) fn cargo_cyclonedx() -> Result<Command> {
    let mut tool = tool("cargo-cyclonedx", "0.5.9", Build::Release)?;
    tool.arg("cyclonedx");
    Ok(tool)
}

/// How a tool itself is built.
#[derive(Clone, Copy)]
enum Build {
    Release,
    Debug,
}

fn tool(name: &str, version: &str, build: Build) -> Result<Command> {
    let (place, arguments): (_, &[&str]) = match build {
        Build::Release => (place(name, version), &[]),
        Build::Debug => (place(name, &format!("{version}-debug")), &["--debug"]),
    };
    let program = place.join("bin").join(name);
    if !program.is_file() {
        say(&format!("installing {name} {version} below the target directory"));
        let mut install = cargo();
        install.args(["install", "--quiet", "--locked", "--version", version, "--root"]).arg(&place);
        run(install.args(arguments).arg(name))?;
    }
    Ok(command(program))
}

fn place(name: &str, version: &str) -> PathBuf {
    paths::target().join("tools").join(format!("{name}-{version}"))
}
