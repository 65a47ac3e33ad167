//! `hidsctl blocks`: list, add, remove, flush.

use std::net::IpAddr;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::exit::Exit;
use super::reload::ask;
use super::{Common, output};
use crate::control::Request;

/// What to do with blocks.
#[derive(Debug, Args)]
pub struct BlocksArgs {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show the blocked addresses (the default)
    List,
    /// Block an address by hand
    Add {
        /// IPv4 or IPv6 address
        address: IpAddr,
        /// Seconds until the block is lifted; without it the block stays until removed
        #[arg(long, value_name = "SECONDS")]
        timeout: Option<u64>,
        /// What `hidsctl why` will show
        #[arg(long, default_value = "blocked by hand")]
        reason: String,
    },
    /// Lift the block of an address
    Remove {
        /// IPv4 or IPv6 address
        address: IpAddr,
    },
    /// Lift all blocks
    Flush,
}

/// Runs `hidsctl blocks`.
pub(super) fn run(common: &Common, args: &BlocksArgs) -> anyhow::Result<Exit> {
    let request = match &args.action {
        None | Some(Action::List) => Request::BlocksList,
        Some(Action::Add { address, timeout, reason }) => {
            Request::BlocksAdd { address: *address, seconds: *timeout, reason: reason.clone() }
        }
        Some(Action::Remove { address }) => Request::BlocksRemove { address: *address },
        Some(Action::Flush) => Request::BlocksFlush,
    };
    let answer = ask(common, &request)?;
    if common.json {
        output::print_json(&answer)?;
    } else {
        output::print(&text(&request, &answer))?;
    }
    Ok(Exit::Success)
}

fn text(request: &Request, answer: &Value) -> String {
    match request {
        Request::BlocksAdd { address, .. } => format!("{address} is blocked\n"),
        Request::BlocksRemove { address } => format!("{address} is no longer blocked\n"),
        Request::BlocksFlush => format!("{} blocks lifted\n", answer["removed"]),
        _ => list(answer),
    }
}

fn list(answer: &Value) -> String {
    let Some(blocks) = answer["blocks"].as_array().filter(|blocks| !blocks.is_empty()) else {
        return "no address is blocked\n".into();
    };
    let rows: Vec<Vec<String>> = blocks
        .iter()
        .map(|block| {
            let remaining =
                block["remaining_seconds"].as_u64().map_or_else(|| "until removed".into(), output::duration);
            vec![
                plain(&block["address"]),
                remaining,
                block["offence"].as_u64().map_or_else(String::new, |n| n.to_string()),
                block["packets"].as_u64().map_or_else(|| "-".into(), |n| n.to_string()),
                block["rule"].as_u64().map_or_else(|| "-".into(), |id| id.to_string()),
                output::visible(plain(&block["description"]).as_bytes()),
            ]
        })
        .collect();
    output::table(&["ADDRESS", "REMAINING", "OFFENCE", "DROPPED", "RULE", "WHY"], &rows)
}

/// A JSON string without its quotes; anything else as it is.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".into(),
        other => other.to_string(),
    }
}
