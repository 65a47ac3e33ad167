//! `cargo xtask clippy`: warnings are errors, on every package.

use anyhow::Result;

use crate::exec::{cargo, run as run_command};
use crate::system::{BUILD, ensure};

/// Runs clippy on the workspace. The BPF programs are built with `-D warnings` by `build-ebpf`:
/// neither BPF compiler comes with a clippy of its own.
pub(crate) fn run() -> Result<()> {
    ensure(&[&BUILD])?;
    run_command(cargo().args(["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]))
}

/// Builds the documentation of the workspace, private items too: a link that leads nowhere is an error.
pub(crate) fn documentation() -> Result<()> {
    ensure(&[&BUILD])?;
    let mut doc = cargo();
    doc.args(["doc", "--workspace", "--no-deps", "--document-private-items"]).env("RUSTDOCFLAGS", "--deny warnings");
    run_command(&mut doc)
}
