//! What watching costs programs that write: a source tree that is unpacked, a package that is installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::watched::{wait_for_rest, watching};
use super::{figure, milliseconds};
use crate::exec::{command, find, output, say};

/// Most files of the package: an ordinary large one.
const PACKED_FILES: usize = 5000;

/// One program that writes below a directory.
struct Load<'a> {
    name: &'a str,
    run: &'a dyn Fn(&Path) -> Result<()>,
}

/// Runs each program in turn with nobody watching and with the daemon, and prints what the medians of
/// both differ by.
pub(super) fn measure(within: &Path, repeats: usize) -> Result<()> {
    let sources = sources()?;
    let archive = within.join("sources.tar.gz");
    if !archive.exists() {
        say("packing the sources of this program's libraries");
        output(
            command("tar").arg("--create").arg("--gzip").arg("--file").arg(&archive).arg("-C").arg(&sources).arg("."),
        )?;
    }
    let untar = |tree: &Path| -> Result<()> {
        output(command("tar").arg("--extract").arg("--gzip").arg("--file").arg(&archive).arg("-C").arg(tree)).map(drop)
    };
    one(within, repeats, &Load { name: "untar of a source tree", run: &untar })?;
    if find("dpkg-deb").is_none() {
        println!("skipped: dpkg is not installed, no package is installed");
        return Ok(());
    }
    let package = package(within, &sources)?;
    let install = |tree: &Path| -> Result<()> {
        for directory in ["var/lib/dpkg/updates", "var/lib/dpkg/info", "var/lib/dpkg/triggers"] {
            fs::create_dir_all(tree.join(directory))?;
        }
        for file in ["status", "available"] {
            fs::write(tree.join("var/lib/dpkg").join(file), "")?;
        }
        output(command("dpkg").arg(format!("--root={}", tree.display())).arg("--unpack").arg(&package)).map(drop)
    };
    one(within, repeats, &Load { name: "installation of a package", run: &install })
}

fn one(within: &Path, repeats: usize, load: &Load<'_>) -> Result<()> {
    let tree = within.join("written");
    let (mut without, mut with, mut told) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..repeats {
        without.push(timed(&tree, load)?);
        empty(&tree)?;
        let daemon = watching(&tree);
        let began = Instant::now();
        (load.run)(&tree)?;
        with.push(began.elapsed());
        wait_for_rest(&daemon);
        told.push(began.elapsed());
    }
    empty(&tree)?;
    let best = |times: &[Duration]| times.iter().min().copied().unwrap_or_default();
    let median = |times: &[Duration]| {
        let mut times = times.to_vec();
        times.sort_unstable();
        times.get(times.len() / 2).copied().unwrap_or_default()
    };
    let beside = format!(
        "medians {} and {}; best {} and {}; all told after {}",
        milliseconds(median(&without)),
        milliseconds(median(&with)),
        milliseconds(best(&without)),
        milliseconds(best(&with)),
        milliseconds(median(&told))
    );
    // Not the best ones: a disk takes some writes into its own memory and the next ones at its own speed.
    let more = 100.0 * (median(&with).as_secs_f64() / median(&without).as_secs_f64() - 1.0);
    figure(&format!("{}, longer by", load.name), &format!("{more:.1} %"), "< 3 %", &beside);
    Ok(())
}

fn timed(tree: &Path, load: &Load<'_>) -> Result<Duration> {
    empty(tree)?;
    let began = Instant::now();
    (load.run)(tree)?;
    Ok(began.elapsed())
}

/// An empty directory, and nothing left to be written to the disk from before.
fn empty(tree: &Path) -> Result<()> {
    if tree.exists() {
        fs::remove_dir_all(tree).with_context(|| format!("cannot remove {}", tree.display()))?;
    }
    fs::create_dir_all(tree).with_context(|| format!("cannot make {}", tree.display()))?;
    output(&mut command("sync")).map(drop)
}

/// The sources of the libraries that this program was built from: cargo keeps them unpacked.
fn sources() -> Result<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    let registries = home.context("there is no home directory")?.join("registry/src");
    let registry = fs::read_dir(&registries)
        .with_context(|| format!("cannot list {}", registries.display()))?
        .flatten()
        .find(|entry| entry.path().is_dir());
    Ok(registry.with_context(|| format!("{} is empty", registries.display()))?.path())
}

/// A package of [`PACKED_FILES`] of the sources, without scripts.
fn package(within: &Path, sources: &Path) -> Result<PathBuf> {
    let (package, content) = (within.join("sources.deb"), within.join("package"));
    if package.exists() {
        return Ok(package);
    }
    say("making a package");
    let mut files = 0;
    for library in fs::read_dir(sources)?.flatten() {
        let target = content.join("usr/share/hids-bench").join(library.file_name());
        fs::create_dir_all(target.parent().context("no parent")?)?;
        output(command("cp").arg("-r").arg(library.path()).arg(&target))?;
        files += count(&target)?;
        if files >= PACKED_FILES {
            break;
        }
    }
    fs::create_dir_all(content.join("DEBIAN"))?;
    let control = "Package: hids-bench\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\n\
                   Description: files to be installed by cargo xtask bench watch\n";
    fs::write(content.join("DEBIAN/control"), control)?;
    output(command("dpkg-deb").arg("--build").arg("--root-owner-group").arg(&content).arg(&package))?;
    fs::remove_dir_all(&content)?;
    Ok(package)
}

fn count(directory: &Path) -> Result<usize> {
    let mut files = 0;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        files += if entry.file_type()?.is_dir() { count(&entry.path())? } else { 1 };
    }
    Ok(files)
}
