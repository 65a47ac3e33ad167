//! `hidsctl fim why`: the history of a file.

use std::path::PathBuf;

use clap::Args;

use super::{absolute, ask_for, list, shown};
use crate::accounts::Names;
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
        output::print(&text(&view, &Names::load()))?;
    }
    Ok(if view.item.is_some() || !view.history.is_empty() { Exit::Success } else { Exit::No })
}

/// The answer for people.
pub(in crate::cli) fn text(view: &HistoryView, names: &Names) -> String {
    let mut out = match &view.item {
        Some(item) => format!("now: {}", list::line(item, names)),
        None => format!("{} is not in the baseline\n", shown(&view.path)),
    };
    if !view.watched {
        out.push_str("not monitored: outside all <directories>, or excluded by <ignore> or restrict\n");
    }
    for item in &view.history {
        let silent = if item.alerted { "" } else { " (not alerted)" };
        out.push_str(&format!("\n{}{silent}\n", times::local(&item.time)));
        for line in item.text.lines().filter(|line| !line.is_empty()) {
            out.push_str(&format!("  {}\n", output::visible(with_names(line, names).as_bytes())));
        }
    }
    out
}

/// A line of the alert's text, which has numbers as OSSEC's has, with the names of accounts.
fn with_names(line: &str, names: &Names) -> String {
    if let Some(ids) = line.strip_prefix("As: ") {
        let named = ids.split(", ").map(|part| {
            let number = part.split('\'').nth(1).and_then(|number| number.parse().ok());
            match (part.split(" '").next(), number) {
                (Some(label @ ("user" | "effective user" | "login user")), Some(id)) => {
                    format!("{label} {}", names.named_user(id))
                }
                (Some("group"), Some(id)) => format!("group {}", names.named_group(id)),
                _ => part.replace('\'', ""),
            }
        });
        return format!("As: {}", named.collect::<Vec<_>>().join(", "));
    }
    let (label, named): (_, fn(&Names, u32) -> String) = match line {
        _ if line.starts_with("Ownership was '") => ("Ownership was", Names::named_user),
        _ if line.starts_with("Group ownership was '") => ("Group ownership was", Names::named_group),
        _ => return line.to_owned(),
    };
    let mut numbers = line.split('\'').skip(1).step_by(2).map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(old)), Some(Ok(new))) => format!("{label} {}, now it is {}", named(names, old), named(names, new)),
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_accounts_get_names_and_other_lines_stay() {
        let names = Names::load();
        let shown = |line: &str| with_names(line, &names);
        assert_eq!(
            shown("As: user '0', effective user '4294967294', group '0', login user '0', session '3'"),
            "As: user root (0), effective user 4294967294, group root (0), login user root (0), session 3"
        );
        assert_eq!(shown("Ownership was '0', now it is '4294967294'"), "Ownership was root (0), now it is 4294967294");
        for other in ["Ownership was 'x', now", "Size changed from '1' to '2'", "As: ", "-As: user '0'"] {
            assert_eq!(shown(other), other);
        }
    }
}
