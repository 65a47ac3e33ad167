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
