//! The programs of a package: built once for every distribution from glibc 2.28 on, with their debug information apart.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::architecture::Architecture;
use super::contents::PROGRAMS;
use super::elf;
use crate::exec::{command, output, run, say};
use crate::system::{DIST, ensure, zig};
use crate::{build_ebpf, paths};

/// The oldest C library that the programs run with: Enterprise Linux 8. Debian 11 has 2.31, Ubuntu 20.04 too.
pub(super) const GLIBC: (u32, u32) = (2, 28);
/// Libraries that the programs may need at run time, all in the base system or a dependency of the packages;
/// the dynamic linker besides.
pub(super) const LIBRARIES: &[&str] =
    &["libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "libmnl.so.0", "libgcc_s.so.1"];

/// Stripped programs in one directory, and their debug information in another.
pub(super) struct Programs {
    /// `hidsd` and `hidsctl`.
    pub stripped: PathBuf,
    /// The same with `.debug` behind their names.
    pub debug: PathBuf,
}

/// Builds both with the BPF objects inside (a package without them would be a lesser program).
///
/// # Errors
/// When a tool is missing, the build fails, or a program needs more than [`GLIBC`] and [`LIBRARIES`].
pub(super) fn build(directory: &Path, architecture: Architecture) -> Result<Programs> {
    ensure(&[&DIST])?;
    build_ebpf::run()?;
    let libraries = libraries(&directory.join("lib"))?;
    let mut build = zig::cargo_zigbuild()?;
    build.args(["zigbuild", "--profile", "dist", "--package", "hids-userspace", "--features", "packaged"]);
    for (name, _) in PROGRAMS {
        build.args(["--bin", name]);
    }
    build.arg("--target");
    build.arg(format!("{}.{}.{}", architecture.target(), GLIBC.0, GLIBC.1));
    build.env("PCRE2_SYS_STATIC", "1").env("LIBNFTNL_LIB_DIR", &libraries).env("LIBMNL_LIB_DIR", &libraries);
    // By which debuggers and coredumpctl find the debug information.
    build.env("RUSTFLAGS", "-C link-arg=-Wl,--build-id=sha1");
    run(&mut build)?;
    let built = paths::target().join(architecture.target()).join("dist");
    let programs = Programs { stripped: directory.join("programs"), debug: directory.join("debug") };
    for place in [&programs.stripped, &programs.debug] {
        fs::create_dir_all(place).with_context(|| format!("cannot make {}", place.display()))?;
    }
    for (name, _) in PROGRAMS {
        split(&built.join(name), &programs.stripped.join(name), &programs.debug.join(format!("{name}.debug")))?;
        check(&programs.stripped.join(name), architecture)?;
    }
    Ok(programs)
}

/// Copies of the debug programs in `built` without their debug information, under the names of the table of contents; the
/// directory that holds them.
///
/// # Errors
/// When one is missing or cannot be stripped.
pub(super) fn strip_debug(built: &Path, place: &Path) -> Result<PathBuf> {
    fs::create_dir_all(place).with_context(|| format!("cannot make {}", place.display()))?;
    for (name, installed) in PROGRAMS {
        run(command("objcopy").arg("--strip-all").arg(built.join(installed)).arg(place.join(name)))?;
    }
    Ok(place.to_owned())
}

/// A directory with the libraries of nftables: libnftnl to be linked in (that of Enterprise Linux 8 is too old), libmnl
/// as it is everywhere.
fn libraries(directory: &Path) -> Result<PathBuf> {
    fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    for (package, file) in [("libnftnl", "libnftnl.a"), ("libmnl", "libmnl.so")] {
        let from = output(command("pkg-config").args(["--variable=libdir", package]))?;
        let from = Path::new(from.trim()).join(file);
        fs::copy(&from, directory.join(file)).with_context(|| format!("cannot copy {}", from.display()))?;
    }
    // The crate asks for a shared library; to the linker this is one that stands for the archive.
    let script = directory.join("libnftnl.so");
    fs::write(&script, format!("INPUT({})\n", directory.join("libnftnl.a").display()))
        .with_context(|| format!("cannot write {}", script.display()))?;
    Ok(directory.to_owned())
}

/// Parts the debug information from a program, which names it afterwards.
fn split(built: &Path, stripped: &Path, debug: &Path) -> Result<()> {
    run(command("objcopy").args(["--only-keep-debug", "--compress-debug-sections"]).arg(built).arg(debug))?;
    run(command("objcopy").arg("--strip-all").arg("--remove-section=.comment").arg(built).arg(stripped))?;
    let mut link = command("objcopy");
    run(link.arg(format!("--add-gnu-debuglink={}", debug.display())).arg(stripped))
}

/// Whether the program runs with [`GLIBC`] and needs nothing else.
fn check(program: &Path, architecture: Architecture) -> Result<()> {
    let needs = elf::needs(program)?;
    say(&format!(
        "{} needs glibc {}.{} and {}",
        program.display(),
        needs.glibc.0,
        needs.glibc.1,
        needs.libraries.join(" ")
    ));
    if needs.glibc > GLIBC {
        bail!(
            "{} needs glibc {}.{}, newer than {}.{}",
            program.display(),
            needs.glibc.0,
            needs.glibc.1,
            GLIBC.0,
            GLIBC.1
        );
    }
    let is_there = |library: &str| library == architecture.loader() || LIBRARIES.contains(&library);
    if let Some(other) = needs.libraries.iter().find(|library| !is_there(library)) {
        bail!("{} needs {other}, which no package depends on", program.display());
    }
    Ok(())
}
