//! `cargo xtask build-ebpf`: the BPF objects, `target/bpf/hids-ebpf.o` and `hids-guard.o`.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::exec::{self, find, say};
use crate::paths;
use crate::system::{bpf_target, bpf_toolchain};

/// Builds the objects with whichever BPF compiler is there.
pub(crate) fn run() -> Result<()> {
    let toolchain = bpf_toolchain()?;
    let target_dir = paths::target().join("bpf-build");
    let mut build = toolchain.cargo();
    if let Some(path) = path_with_linker()? {
        build.env("PATH", path);
    }
    build
        .env("RUSTFLAGS", "-D warnings")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("RUSTUP_TOOLCHAIN")
        .args(["build", "--release", "--locked", "--manifest-path", "hids-ebpf/Cargo.toml"])
        .args(["--target", bpf_target(), "--target-dir"])
        .arg(&target_dir)
        .args(toolchain.build_arguments());
    exec::run(&mut build).context("cannot build the BPF programs")?;
    for name in paths::BPF_OBJECTS {
        let object = paths::bpf_object(name);
        install(&target_dir.join(bpf_target()).join("release").join(name), &object)?;
        say(&format!("a BPF object is {}", object.display()));
    }
    Ok(())
}

/// `PATH` with the directory of `bpf-linker`, which rustc starts by name; none if it is there already.
fn path_with_linker() -> Result<Option<OsString>> {
    let linker = find("bpf-linker").context("bpf-linker is in no directory of PATH")?;
    let directory = linker.parent().context("bpf-linker has no directory")?.to_path_buf();
    let path = std::env::var_os("PATH").unwrap_or_default();
    if std::env::split_paths(&path).any(|known| known == directory) {
        return Ok(None);
    }
    let directories = std::iter::once(directory).chain(std::env::split_paths(&path));
    std::env::join_paths(directories).map(Some).context("cannot add the directory of bpf-linker to PATH")
}

/// Copies the object into place only when it differs, so that the daemon is not built again for nothing.
fn install(built: &Path, object: &Path) -> Result<()> {
    let new = fs::read(built).with_context(|| format!("cannot read {}", built.display()))?;
    if fs::read(object).is_ok_and(|old| old == new) {
        return Ok(());
    }
    let directory = object.parent().context("the object has no directory")?;
    fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    fs::write(object, new).with_context(|| format!("cannot write {}", object.display()))
}
