//! `hidsctl fim why`: the history of a file.

use std::path::PathBuf;

use clap::Args;

use super::{absolute, ask_for, list, shown};
use crate::cli::exit::Exit;
use crate::cli::{Common, output, times};
use crate::fim::protocol::{FimRequest, HistoryView};

/// Which file.
#[derive(Debug, Args)]
pub(super) struct WhyArgs {
    /// File or directory
    path: PathBuf,
    /// Maximum number of changes to show, newest first
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50)]
    limit: usize,
}

/// Shows what became of it; 1 when nothing is known of it.
pub(super) fn run(common: &Common, args: &WhyArgs) -> anyhow::Result<Exit> {
    let request = FimRequest::Why { path: absolute(&args.path)?, limit: args.limit };
    let (view, answer) = ask_for::<HistoryView>(common, request)?;
    if common.json {
        output::print_json(&answer)?;
    } else {
        output::print(&text(&view))?;
    }
    Ok(if view.item.is_some() || !view.history.is_empty() { Exit::Success } else { Exit::No })
}

/// The answer for people.
pub(in crate::cli) fn text(view: &HistoryView) -> String {
    let mut out = match &view.item {
        Some(item) => format!("now: {}", list::line(item)),
        None => format!("{} is not in the baseline\n", shown(&view.path)),
    };
    if !view.watched {
        out.push_str("not monitored: outside all <directories>, or excluded by <ignore> or restrict\n");
    }
    for item in &view.history {
        let silent = if item.alerted { "" } else { " (not alerted)" };
        out.push_str(&format!("\n{}{silent}\n", times::local(&item.time)));
        for line in item.text.lines().filter(|line| !line.is_empty()) {
            out.push_str(&format!("  {}\n", output::visible(line.as_bytes())));
        }
    }
    out
}
