//! `hidsctl fim accept`.

use std::path::PathBuf;

use clap::Args;

use super::{absolute, ask_for, shown};
use crate::cli::exit::Exit;
use crate::cli::{Common, output};
use crate::fim::protocol::{AcceptView, FimRequest};

/// What to take over.
#[derive(Debug, Args)]
pub struct AcceptArgs {
    /// Files and directories, with everything below them
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Only files that are exactly as a newer package of dpkg or rpm has them
    #[arg(long)]
    packages: bool,
}

/// Takes changes over; 1 when some were left because no package has them so.
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

fn text(view: &AcceptView) -> String {
    let mut out = format!("{} changed paths were accepted\n", view.accepted);
    if !view.packages.is_empty() {
        out.push_str(&format!("packages: {}\n", output::visible(view.packages.join(", ").as_bytes())));
    }
    if view.refused > 0 {
        out.push_str(&format!(
            "{} are not as a package has them, by a database newer than what they replaced, and stay changed:\n",
            view.refused
        ));
        view.refused_examples.iter().for_each(|path| out.push_str(&format!("  {}\n", shown(path))));
    }
    out
}
