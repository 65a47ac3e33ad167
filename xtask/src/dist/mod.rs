//! `cargo xtask dist`: what an administrator installs, for Debian's and Red Hat's families and as an archive.
//!
//! One table ([`contents`]) says what goes where; the programs are built once, for every distribution with glibc 2.28
//! or newer, and every package holds the same bytes.

mod architecture;
mod archive;
mod contents;
mod elf;
mod manifest;
mod packages;
mod programs;
mod repository;
mod sbom;
mod stage;
mod sums;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use crate::exec::say;
use crate::paths;
use crate::system::tools::Speed;
pub(crate) use architecture::Architecture;
use packages::Packages;
use repository::Repository;

/// How to pack.
#[derive(Args)]
pub(crate) struct Options {
    /// The processor that the packages are for
    #[arg(long, value_enum, default_value_t, value_name = "PROCESSOR")]
    target: Architecture,
    /// Build nothing: use the packages that target/dist holds already
    #[arg(long, requires = "repository")]
    packed: bool,
    /// Write a package repository for apt and dnf below DIR as well
    #[arg(long, value_name = "DIR", requires = "key")]
    repository: Option<PathBuf>,
    /// The GnuPG key that signs the repository: its fingerprint or address
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

/// Builds and packs everything.
///
/// # Errors
/// When a tool is missing or fails.
pub(crate) fn run(options: &Options) -> Result<()> {
    let packages = if options.packed { packed(options.target)? } else { packages(options.target)? };
    if let (Some(directory), Some(key)) = (&options.repository, &options.key) {
        Repository { directory, key }.write(&packages)?;
    }
    Ok(())
}

/// Builds the packages, the archive, the debug information, the bill of materials and the sums of all of them.
///
/// # Errors
/// When a tool is missing or fails, or packages for this processor cannot be made.
pub(crate) fn packages(architecture: Architecture) -> Result<Packages> {
    architecture.check()?;
    let version = env!("CARGO_PKG_VERSION");
    let name = format!("hids-{version}-{}", architecture.rpm());
    let directory = paths::target().join("dist");
    let work = empty(directory.join("work"))?;
    let programs = programs::build(&work, architecture)?;
    let items = contents::contents()?;
    let package = work.join("package");
    stage::fill(&package, &items, &programs.stripped)?;
    manifest::write(&package, &items)?;
    let packages = Packages::below(&directory, architecture);
    packages::deb(&package, &packages.deb, architecture, Speed::ToUse)?;
    packages::rpm(&package, &packages.rpm, architecture)?;
    let tar = directory.join(format!("{name}.tar.gz"));
    let unowned = work.join("archive");
    stage::without_configuration(&package, &unowned, &items)?;
    archive::pack(&unowned, &tar)?;
    let debug = directory.join(format!("{name}-debug.tar.xz"));
    let symbols = work.join("symbols");
    stage::debug(&programs.debug, &symbols)?;
    archive::pack(&symbols, &debug)?;
    let materials = directory.join(format!("{name}.cdx.json"));
    sbom::write(&work.join("materials"), &materials, architecture)?;
    let files = [&packages.deb, &packages.rpm, &tar, &debug, &materials];
    sums::write(&directory.join(format!("{name}.sha256")), &files)?;
    for file in files {
        say(&format!("{} is ready ({} KiB)", file.display(), fs::metadata(file).map_or(0, |data| data.len() >> 10)));
    }
    Ok(packages)
}

/// The packages that an earlier run has made.
fn packed(architecture: Architecture) -> Result<Packages> {
    let packages = Packages::below(&paths::target().join("dist"), architecture);
    for file in [&packages.deb, &packages.rpm] {
        ensure!(file.is_file(), "{} is missing: cargo xtask dist makes it", file.display());
    }
    Ok(packages)
}

/// A .deb of the debug programs in `built`, for the tests of what is around the programs: the same files in the same
/// places with the same scripts, made in seconds. It runs where the programs do, which is not every distribution.
/// Returns the directory that holds it.
///
/// # Errors
/// As [`packages()`].
pub(crate) fn package_of_debug_programs(built: &Path) -> Result<PathBuf> {
    let architecture = Architecture::of_this_machine();
    let directory = paths::target().join("dist-debug");
    let work = empty(directory.join("work"))?;
    let stripped = programs::strip_debug(built, &work.join("programs"))?;
    let items = contents::contents()?;
    let package = work.join("package");
    stage::fill(&package, &items, &stripped)?;
    manifest::write(&package, &items)?;
    packages::deb(&package, &Packages::below(&directory, architecture).deb, architecture, Speed::ToInstall)?;
    Ok(directory)
}

/// A directory with nothing in it.
fn empty(directory: PathBuf) -> Result<PathBuf> {
    if directory.exists() {
        fs::remove_dir_all(&directory).with_context(|| format!("cannot clear {}", directory.display()))?;
    }
    fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
    Ok(directory)
}
