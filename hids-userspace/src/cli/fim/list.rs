//! `hidsctl fim list`.

use std::path::PathBuf;

use clap::Args;

use super::entry::entry_line;
use super::{absolute, ask_for, shown};
use crate::accounts::Names;
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

/// Lists everything; 1 when there is nothing.
pub(super) fn run(common: &Common, args: &ListArgs) -> anyhow::Result<Exit> {
    let below = absolute(&args.below)?;
    let (names, mut count) = (Names::load(), 0_u64);
    each(common, &below, false, |item| {
        count += 1;
        if common.json {
            output::print_json(&serde_json::to_value(&item)?)
        } else {
            output::print(&line(&item, &names))
        }
    })?;
    if count > 0 {
        return Ok(Exit::Success);
    }
    Ok(messages::refusal(&format!("no baseline entries at or below {}", shown(&below)), None))
}

/// Hands on page after page, in the order of the baseline.
pub(super) fn each(
    common: &Common,
    below: &PathText,
    changed: bool,
    mut take: impl FnMut(ListItem) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut after = None;
    loop {
        let request = FimRequest::List { below: below.clone(), after, limit: PAGE, changed };
        let (page, _) = ask_for::<ListView>(common, request)?;
        after = page.items.last().map(|item| item.path.clone());
        page.items.into_iter().try_for_each(&mut take)?;
        if !page.more || after.is_none() {
            return Ok(());
        }
    }
}

/// `file 0644 root:root 1234 sha256 /path`, before it `new` and the number of changes.
pub(super) fn line(item: &ListItem, names: &Names) -> String {
    let new = if item.new && item.state.is_some() { "new " } else { "" };
    let changes = if item.changes == 0 { String::new() } else { format!("{}x ", item.changes) };
    format!("{new}{changes}{}", entry_line(&item.path, item.state.as_ref(), names))
}
