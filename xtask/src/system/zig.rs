//! A linker and C compiler for older C libraries: zig, by `cargo-zigbuild`, both from PyPI.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::exec::{command, run, say};
use crate::paths;

/// The releases that were tried.
const PACKAGES: [&str; 2] = ["ziglang==0.17.1", "cargo-zigbuild==0.24.1"];

/// `cargo-zigbuild`, which finds its zig; installed below the target directory when it is not there.
///
/// # Errors
/// When pip cannot install it.
pub(crate) fn cargo_zigbuild() -> Result<Command> {
    let place = place();
    let program = place.join("bin/cargo-zigbuild");
    if !program.is_file() {
        say("installing zig and cargo-zigbuild below the target directory");
        run(command("python3").args(["-m", "pip", "install", "--quiet", "--target"]).arg(&place).args(PACKAGES))?;
    }
    let mut zigbuild = command(program);
    zigbuild.env("CARGO_ZIGBUILD_ZIG_PATH", place.join("ziglang/zig"));
    Ok(zigbuild)
}

fn place() -> PathBuf {
    paths::target().join("tools/zig")
}
