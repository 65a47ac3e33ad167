//! `hidsctl fim list` and `hidsctl fim diff`.

use std::path::PathBuf;

use clap::Args;

use super::entry::entry_line;
use super::{absolute, ask_for, baseline, shown};
use crate::cli::exit::Exit;
use crate::cli::{Common, messages, output};
use crate::fim::protocol::{FimRequest, ListItem, ListView, PathText};

/// Entries that are asked for at one time.
const PAGE: usize = 1000;

/// What to list.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Limit to this path and everything below it
    #[arg(default_value = "/")]
    below: PathBuf,
}

/// What to compare.
#[derive(Debug, Args)]
pub(super) struct DiffArgs {
    /// Limit to this path and everything below it
    #[arg(default_value = "/")]
    below: PathBuf,
    /// Compare the baseline with an export
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,
}

/// Lists everything; 1 when there is nothing.
pub(super) fn run(common: &Common, args: &ListArgs) -> anyhow::Result<Exit> {
    let below = absolute(&args.below)?;
    if show(common, &below, false)? > 0 {
        return Ok(Exit::Success);
    }
    Ok(messages::refusal(&format!("no baseline entries at or below {}", shown(&below)), None))
}

/// Lists changes; 1 when there are any.
pub(super) fn diff(common: &Common, args: &DiffArgs) -> anyhow::Result<Exit> {
    if let Some(export) = &args.export {
        return baseline::compare(common, export, &absolute(&args.below)?);
    }
    let shown = show(common, &absolute(&args.below)?, true)?;
    Ok(if shown == 0 { Exit::Success } else { Exit::No })
}

/// Prints page after page; how many there were.
fn show(common: &Common, below: &PathText, changed: bool) -> anyhow::Result<u64> {
    let (mut after, mut count) = (None, 0);
    loop {
        let request = FimRequest::List { below: below.clone(), after, limit: PAGE, changed };
        let (page, _) = ask_for::<ListView>(common, request)?;
        for item in &page.items {
            count += 1;
            if common.json {
                output::print_json(&serde_json::to_value(item)?)?;
            } else {
                output::print(&line(item))?;
            }
        }
        after = page.items.last().map(|item| item.path.clone());
        if !page.more || after.is_none() {
            return Ok(count);
        }
    }
}

/// `file 0644 0:0 1234 sha256 /path`, before it `new` and the number of changes.
pub(super) fn line(item: &ListItem) -> String {
    let new = if item.new && item.state.is_some() { "new " } else { "" };
    let changes = if item.changes == 0 { String::new() } else { format!("{}x ", item.changes) };
    format!("{new}{changes}{}", entry_line(&item.path, item.state.as_ref()))
}
