//! `cargo xtask dist`: what an administrator installs, for Debian's and Red Hat's families and as an archive.
//!
//! One table ([`contents`]) says what goes where; the programs are built once, for every distribution with glibc 2.28
//! or newer, and every package holds the same bytes.

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
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::exec::say;
use crate::paths;
use packages::Packages;
use repository::Repository;

/// How to pack.
#[derive(Args)]
pub(crate) struct Options {
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
    let packages = packages()?;
    if let (Some(directory), Some(key)) = (&options.repository, &options.key) {
        Repository { directory, key }.write(&packages)?;
    }
    Ok(())
}

/// Builds the packages, the archive, the debug information, the bill of materials and the sums of all of them.
///
/// # Errors
/// When a tool is missing or fails.
pub(crate) fn packages() -> Result<Packages> {
    let version = env!("CARGO_PKG_VERSION");
    let name = format!("hids-{version}-x86_64");
    let directory = paths::target().join("dist");
    let work = directory.join("work");
    if work.exists() {
        fs::remove_dir_all(&work).with_context(|| format!("cannot clear {}", work.display()))?;
    }
    let programs = programs::build(&work)?;
    let items = contents::contents()?;
    let package = work.join("package");
    stage::fill(&package, &items, &programs.stripped)?;
    manifest::write(&package, &items)?;
    // As their tools name them.
    let packages = Packages {
        deb: packages::deb(&package, directory.join(format!("hids_{version}-1_amd64.deb")))?,
        rpm: packages::rpm(&package, directory.join(format!("hids-{version}-1.x86_64.rpm")))?,
    };
    let tar = directory.join(format!("{name}.tar.gz"));
    let unowned = work.join("archive");
    stage::without_configuration(&package, &unowned, &items)?;
    archive::pack(&unowned, &tar)?;
    let debug = directory.join(format!("{name}-debug.tar.xz"));
    let symbols = work.join("symbols");
    stage::debug(&programs.debug, &symbols)?;
    archive::pack(&symbols, &debug)?;
    let materials = directory.join(format!("{name}.cdx.json"));
    sbom::write(&materials)?;
    let files = [&packages.deb, &packages.rpm, &tar, &debug, &materials];
    sums::write(&directory.join(format!("{name}.sha256")), &files)?;
    for file in files {
        say(&format!("{} is ready ({} KiB)", file.display(), fs::metadata(file).map_or(0, |data| data.len() >> 10)));
    }
    Ok(packages)
}
