//! A Rust compiler for BPF and `bpf-linker`: found, or installed.
//!
//! Two ways are known: Debian's `rustc-web` with its precompiled BPF `core`, and a rustup nightly
//! with `rust-src`, which compiles `core` itself.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::apt;
use super::family::{Family, rpm_missing};
use crate::exec::{cargo, command, find, output, run, say};

/// The linker release that both ways were tried with.
const LINKER_VERSION: &str = "0.13.0";
const LLVM_PREFIX: &str = "/usr/lib/llvm-22";
const DEBIAN_COMPILER: &[&str] = &["rustc-web", "cargo-web", "libstd-rust-web-dev-bpf"];
const DEBIAN_LINKER: &[&str] = &["llvm-22-dev", "libpolly-22-dev", "g++", "zlib1g-dev", "libzstd-dev"];

const HELP: &str = "no Rust compiler for BPF was found and none could be installed.
  Debian 12:          apt-get install rustc-web cargo-web libstd-rust-web-dev-bpf llvm-22-dev libpolly-22-dev
                      LLVM_PREFIX=/usr/lib/llvm-22 cargo install bpf-linker --no-default-features --features llvm-22
  Ubuntu, Debian 13:  rustup toolchain install nightly --component rust-src && cargo install bpf-linker
  Rocky, RHEL, Fedora: dnf install rustup gcc && rustup-init -y
                      rustup toolchain install nightly --component rust-src && cargo install bpf-linker
Without it `cargo build` still works: the daemon then says that its BPF object was left out";

/// A compiler that can build `hids-ebpf`.
pub(crate) enum BpfToolchain {
    /// Debian's compiler; `core` for BPF is a package.
    Debian,
    /// A rustup nightly; `core` is compiled from its `rust-src`.
    Nightly,
}

impl BpfToolchain {
    /// The start of a cargo command that uses this compiler.
    pub(crate) fn cargo(&self) -> Command {
        match self {
            Self::Debian => {
                let mut command = command("/usr/bin/cargo");
                command.env("RUSTC", "/usr/bin/rustc").env("RUSTC_BOOTSTRAP", "1");
                command
            }
            Self::Nightly => {
                let mut command = command("rustup");
                command.args(["run", "nightly", "cargo"]);
                command
            }
        }
    }

    /// Further arguments for `cargo build`.
    pub(crate) fn build_arguments(&self) -> &'static [&'static str] {
        match self {
            Self::Debian => &[],
            Self::Nightly => &["-Z", "build-std=core"],
        }
    }

    fn find() -> Option<Self> {
        if has_debian_compiler() {
            Some(Self::Debian)
        } else if has_nightly_source() {
            Some(Self::Nightly)
        } else {
            None
        }
    }
}

/// Finds the compiler and the linker, installing what is missing.
///
/// # Errors
/// When no compiler can be had; the message says what to install.
pub(crate) fn bpf_toolchain() -> Result<BpfToolchain> {
    let toolchain = match BpfToolchain::find() {
        Some(toolchain) => toolchain,
        None => install_compiler()?,
    };
    if find("bpf-linker").is_none() {
        install_linker(&toolchain)?;
    }
    Ok(toolchain)
}

/// The BPF target with this machine's byte order.
pub(crate) fn target() -> &'static str {
    if cfg!(target_endian = "little") { "bpfel-unknown-none" } else { "bpfeb-unknown-none" }
}

fn has_debian_compiler() -> bool {
    let printed = output(command("/usr/bin/rustc").args(["--print", "target-libdir", "--target", target()]));
    printed.is_ok_and(|dir| {
        let has_core = |entry: std::io::Result<std::fs::DirEntry>| {
            entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("libcore"))
        };
        std::fs::read_dir(dir.trim()).is_ok_and(|mut entries| entries.any(has_core))
            && Path::new("/usr/bin/cargo").exists()
    })
}

fn has_nightly_source() -> bool {
    let printed = output(command("rustup").args(["run", "nightly", "rustc", "--print", "sysroot"]));
    printed.is_ok_and(|root| PathBuf::from(root.trim()).join("lib/rustlib/src/rust/library/core").is_dir())
}

fn install_compiler() -> Result<BpfToolchain> {
    if matches!(Family::detect()?, Family::Debian) {
        if !apt::offers(DEBIAN_COMPILER) {
            apt::update()?;
        }
        if apt::offers(DEBIAN_COMPILER) {
            let missing = apt::missing(DEBIAN_COMPILER)?;
            say(&format!("installing a Rust compiler for BPF: {}", missing.join(" ")));
            apt::install(&missing, &[])?;
        }
    }
    if BpfToolchain::find().is_none() && find("rustup").is_some() {
        say("installing a Rust compiler for BPF: rustup nightly with rust-src");
        let rustup = ["toolchain", "install", "nightly", "--profile", "minimal", "--component", "rust-src"];
        // Whether it worked shows in the next line; rustup has printed why not.
        let _ = run(command("rustup").args(rustup));
    }
    BpfToolchain::find().context(HELP)
}

fn install_linker(toolchain: &BpfToolchain) -> Result<()> {
    say(&format!("installing bpf-linker {LINKER_VERSION} with cargo (about a minute)"));
    let mut install = cargo();
    install.args(["install", "bpf-linker", "--locked", "--version", LINKER_VERSION]);
    // The linker is built apart from the workspace, for the machine and without our flags.
    install.env_remove("RUSTFLAGS").env_remove("CARGO_TARGET_DIR");
    match (toolchain, Family::detect()?) {
        (BpfToolchain::Debian, _) => {
            let missing = apt::missing(DEBIAN_LINKER)?;
            if !missing.is_empty() {
                say(&format!("installing for bpf-linker: {}", missing.join(" ")));
                apt::install(&missing, &[])?;
            }
            install.env("LLVM_PREFIX", LLVM_PREFIX).env("RUSTFLAGS", format!("-L {LLVM_PREFIX}/lib"));
            install.args(["--no-default-features", "--features", "llvm-22"]);
        }
        (BpfToolchain::Nightly, Family::RedHat) => {
            let missing = rpm_missing(&["gcc", "gcc-c++"])?;
            if !missing.is_empty() {
                bail!("bpf-linker needs a C++ compiler:\n    dnf install {}", missing.join(" "));
            }
        }
        (BpfToolchain::Nightly, _) => {}
    }
    run(&mut install)?;
    find("bpf-linker").map(|_| ()).context("cargo installed bpf-linker, but it is in no directory of PATH")
}
