//! Packs what a guest needs into its initramfs: the test program with its libraries, modules of the
//! kernel, and busybox for the first script.

use std::collections::BTreeMap;
use std::fs;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::cpio::Archive;
use super::kernels::Kernel;
use super::package;
use crate::exec::{command, find, output, run};
use crate::paths;

/// Modules that the suite needs where they are not built in.
const MODULES: &[&str] = &["overlay", "loop", "btrfs", "xfs"];

/// Programs that tests in the guest start.
const PROGRAMS: &[&str] = &["btrfs", "mke2fs", "mkfs.btrfs", "mkfs.xfs"];

/// The first program in the guest.
const INIT: &str = include_str!("../../../tests/vm/init");

/// What is packed.
pub(super) struct Content<'a> {
    /// The test program.
    pub suite: &'a Path,
    /// The directory of `hidsd` and `hidsctl`.
    pub programs: &'a Path,
    /// Arguments for the test program.
    pub filter: &'a [String],
}

/// Writes the initramfs of `kernel` and returns its path.
pub(super) fn pack(kernel: &Kernel, content: &Content<'_>) -> Result<PathBuf> {
    let path = paths::target().join("vm").join(format!("initramfs-{}", kernel.release));
    let file = fs::File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut archive = Archive::new(BufWriter::new(file));
    for directory in ["dev", "proc", "sys", "tmp", "run", "etc", "mnt", "root", "srv", "modules"] {
        archive.directory(directory)?;
    }
    archive.file("init", 0o755, INIT.as_bytes())?;
    let busybox = find("busybox").context("busybox is not installed")?;
    archive.file("bin/busybox", 0o755, &read(&busybox)?)?;
    archive.symlink("bin/sh", "busybox")?;
    let suite = stripped(content.suite, "suite")?;
    archive.file("suite", 0o755, &read(&suite)?)?;
    archive.file("arguments", 0o644, content.filter.join("\n").as_bytes())?;
    let mut programs = vec![suite];
    for name in ["hidsd", "hidsctl"] {
        let program = stripped(&content.programs.join(name), name)?;
        archive.file(&format!("hids/{name}"), 0o755, &read(&program)?)?;
        programs.push(program);
    }
    for (directory, names) in [("bin", PROGRAMS), ("usr/bin", package::PROGRAMS)] {
        for name in names {
            let program = find(name).or_else(|| sbin(name)).with_context(|| format!("{name} is not installed"))?;
            archive.file(&format!("{directory}/{name}"), 0o755, &read(&program)?)?;
            programs.push(program);
        }
    }
    package::add(&mut archive)?;
    // Not under its own path: the guest's own mounts (/tmp) may lie above that.
    add_tree(&mut archive, &paths::root().join("config/ruleset"), "source/config/ruleset")?;
    for (name, library) in libraries(&programs)? {
        archive.file(name.trim_start_matches('/'), 0o755, &read(&library)?)?;
    }
    add_modules(kernel, &mut archive)?;
    archive.finish().with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// A program without debug information: a tenth of its size.
fn stripped(program: &Path, name: &str) -> Result<PathBuf> {
    let path = paths::target().join("vm").join(name);
    run(command("strip").arg("-o").arg(&path).arg(program))?;
    Ok(path)
}

/// Adds a directory with everything below it as `to`.
fn add_tree<W: std::io::Write>(archive: &mut Archive<W>, directory: &Path, to: &str) -> Result<()> {
    let entries = fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))?;
    for entry in entries {
        let entry = entry?;
        let (path, to) = (entry.path(), format!("{to}/{}", entry.file_name().to_string_lossy()));
        if path.is_dir() {
            add_tree(archive, &path, &to)?;
        } else {
            archive.file(&to, 0o644, &read(&path)?)?;
        }
    }
    Ok(())
}

/// Every shared library that the programs load, by the path under which they look for it.
fn libraries(programs: &[PathBuf]) -> Result<BTreeMap<String, PathBuf>> {
    let mut found = BTreeMap::new();
    for program in programs {
        let text = output(command("ldd").arg(program))?;
        for line in text.lines() {
            // `name => /path (address)`, or `/path (address)` of the loader; the vdso has no path.
            let path = line.split_whitespace().find(|word| word.starts_with('/'));
            if let Some(path) = path {
                found.insert(path.to_owned(), PathBuf::from(path));
            }
        }
    }
    Ok(found)
}

/// Adds [`MODULES`] and what they depend on, and the list of them in the order of loading.
fn add_modules<W: std::io::Write>(kernel: &Kernel, archive: &mut Archive<W>) -> Result<()> {
    let below = kernel.root.join("lib/modules").join(&kernel.release);
    let index = below.join("modules.dep");
    if !index.is_file() {
        run(command("depmod").arg("--basedir").arg(&kernel.root).arg(&kernel.release))?;
    }
    let index = fs::read_to_string(&index).with_context(|| format!("cannot read {}", index.display()))?;
    let mut order: Vec<String> = Vec::new();
    for file in MODULES.iter().flat_map(|module| files_of(module, &index)) {
        let content = unpacked_module(&below.join(&file))?;
        let name = file.rsplit('/').next().unwrap_or(&file).split('.').next().unwrap_or(&file).to_owned();
        if !order.contains(&name) {
            archive.file(&format!("modules/{name}.ko"), 0o644, &content)?;
            order.push(name);
        }
    }
    archive.file("modules/order", 0o644, (order.join("\n") + "\n").as_bytes())?;
    Ok(())
}

/// The files of a module and its dependencies, in the order of loading; none if it is built in.
fn files_of(module: &str, index: &str) -> Vec<String> {
    let is_module = |file: &str| {
        let name = file.rsplit('/').next().unwrap_or(file);
        name.split('.').next() == Some(module)
    };
    let line = index.lines().find_map(|line| line.split_once(':').filter(|(file, _)| is_module(file)));
    let Some((file, needs)) = line else { return Vec::new() };
    let mut files: Vec<String> = needs.split_whitespace().map(str::to_owned).collect();
    // depmod writes what has to be loaded first last.
    files.reverse();
    files.push(file.to_owned());
    files
}

/// A module as the guest loads it: the guest's insmod knows no compression.
fn unpacked_module(path: &Path) -> Result<Vec<u8>> {
    if path.extension().is_none_or(|extension| extension != "xz") {
        return read(path);
    }
    let mut unpack = command("xz");
    unpack.args(["--decompress", "--stdout"]).arg(path);
    let output = unpack.output().context("cannot start xz")?;
    anyhow::ensure!(output.status.success(), "xz cannot unpack {}", path.display());
    Ok(output.stdout)
}

fn sbin(name: &str) -> Option<PathBuf> {
    ["/usr/sbin", "/sbin"].iter().map(|dir| Path::new(dir).join(name)).find(|file| file.is_file())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_come_after_what_they_need() {
        let index = "kernel/fs/btrfs/btrfs.ko.xz: kernel/lib/raid6.ko.xz kernel/lib/xor.ko.xz\nkernel/fs/a.ko:\n";
        assert_eq!(
            files_of("btrfs", index),
            ["kernel/lib/xor.ko.xz", "kernel/lib/raid6.ko.xz", "kernel/fs/btrfs/btrfs.ko.xz"]
        );
        assert_eq!(files_of("a", index), ["kernel/fs/a.ko"]);
        assert!(files_of("ext4", index).is_empty());
    }
}
