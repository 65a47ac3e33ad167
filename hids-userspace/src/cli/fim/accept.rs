//! `hidsctl fim accept`.

use std::path::PathBuf;

use clap::Args;

use super::{absolute, ask_for, shown};
use crate::cli::exit::Exit;
use crate::cli::{Common, output};
use crate::fim::protocol::{AcceptView, FimRequest};

/// What to accept.
#[derive(Debug, Args)]
pub(super) struct AcceptArgs {
    /// Files and directories (recursive)
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Accept only files that match an installed dpkg or rpm package
    #[arg(long)]
    packages: bool,
}

/// Accepts changes; 1 when some were not accepted because they match no package.
pub(super) fn run(common: &Common, args: &AcceptArgs) -> anyhow::Result<Exit> {
    let paths = args.paths.iter().map(|path| absolute(path)).collect::<anyhow::Result<Vec<_>>>()?;
    let (view, answer) = ask_for::<AcceptView>(common, FimRequest::Accept { paths, packages: args.packages })?;
    if common.json {
        output::print_json(&answer)?;
    } else {
        output::print(&text(&view))?;
    }
    Ok(if view.refused == 0 { Exit::Success } else { Exit::No })
}

/// The answer for people.
pub(in crate::cli) fn text(view: &AcceptView) -> String {
    let mut out = format!("{} changed paths accepted\n", view.accepted);
    if !view.packages.is_empty() {
        out.push_str(&format!("packages: {}\n", output::visible(view.packages.join(", ").as_bytes())));
    }
    if view.refused > 0 {
        out.push_str(&format!(
            "{} do not match any installed package (or are newer than the package database) and were not accepted:\n",
            view.refused
        ));
        view.refused_examples.iter().for_each(|path| out.push_str(&format!("  {}\n", shown(path))));
    }
    out
}
