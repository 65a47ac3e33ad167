//! `hidsctl blocks`: list, add, remove, flush.

use std::net::IpAddr;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::exit::Exit;
use super::reload::ask;
use super::{Common, complete, messages, output, screen, table, times};
use crate::control::Request;

/// The reason of a block for which no other was given.
pub(super) const BY_HAND: &str = "blocked manually";

/// What to do with blocks.
#[derive(Debug, Args)]
pub struct BlocksArgs {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List blocked addresses (default)
    List,
    /// Block an address
    Add {
        /// IPv4 or IPv6 address
        address: IpAddr,
        /// Remove the block after TIME: `90m`, `4h`, `7d` or a number of seconds [default: block until removed]
        #[arg(long, value_name = "TIME", value_parser = times::parse_seconds)]
        timeout: Option<u64>,
        /// Reason shown by `hidsctl why`
        #[arg(long, default_value = BY_HAND)]
        reason: String,
    },
    /// Remove blocks of addresses
    Remove(RemoveArgs),
    /// Remove all blocks
    Flush,
}

impl BlocksArgs {
    /// Whether nothing is changed.
    pub(super) fn only_lists(&self) -> bool {
        matches!(self.action, None | Some(Action::List))
    }
}

/// Whose blocks to remove.
#[derive(Debug, Args)]
pub struct RemoveArgs {
    /// IPv4 or IPv6 address
    #[arg(required = true, value_name = "ADDRESS", add = complete::blocked())]
    addresses: Vec<IpAddr>,
}

/// Runs `hidsctl blocks`.
pub(super) fn run(common: &Common, args: &BlocksArgs) -> anyhow::Result<Exit> {
    let request = match &args.action {
        None | Some(Action::List) => return list(common),
        Some(Action::Add { address, timeout, reason }) => {
            Request::BlocksAdd { address: *address, seconds: *timeout, reason: reason.clone() }
        }
        Some(Action::Remove(args)) => return remove(common, args),
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

/// Removes the blocks of each address; 1 when one of them is not blocked, which does not keep the others.
pub(super) fn remove(common: &Common, args: &RemoveArgs) -> anyhow::Result<Exit> {
    let mut exit = Exit::Success;
    for address in &args.addresses {
        match ask(common, &Request::BlocksRemove { address: *address }) {
            Ok(answer) if common.json => output::print_json(&answer)?,
            Ok(_) => output::print(&format!("{address} unblocked\n"))?,
            Err(error) if Exit::from_error(&error) == Exit::No => {
                exit = messages::error(&error);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(exit)
}

fn text(request: &Request, answer: &Value) -> String {
    match request {
        Request::BlocksAdd { address, .. } => added(address, answer),
        Request::BlocksFlush => {
            format!("{} removed\n", output::count(answer["removed"].as_u64().unwrap_or(0), "block"))
        }
        _ => String::new(),
    }
}

/// What came of adding a block.
pub(super) fn added(address: &IpAddr, answer: &Value) -> String {
    if answer["unchanged"] != true {
        return format!("{address} blocked\n");
    }
    let remaining = match answer["remaining_seconds"].as_u64() {
        Some(seconds) => format!("for {}", output::duration(seconds)),
        None => "until removed".into(),
    };
    format!(
        "{address} is already blocked {remaining}; unchanged (to shorten the block, first run `hidsctl blocks \
         remove {address}`)\n"
    )
}

/// Prints page by page, so that a million blocks need little memory on both sides.
fn list(common: &Common) -> anyhow::Result<Exit> {
    let mut pages = Pages::default();
    let mut after = None;
    loop {
        let answer = ask(common, &Request::BlocksList { after, most: None })?;
        let blocks = answer["blocks"].as_array().map_or(&[][..], Vec::as_slice);
        output::print(&if common.json { pages.json(blocks)? } else { pages.text(blocks) })?;
        after = answer["next"].as_str().and_then(|address| address.parse::<IpAddr>().ok());
        if after.is_none() {
            break;
        }
    }
    output::print(&pages.end(common.json))?;
    Ok(Exit::Success)
}

/// What has been printed so far.
#[derive(Default)]
struct Pages {
    blocks: usize,
}

impl Pages {
    fn json(&mut self, blocks: &[Value]) -> serde_json::Result<String> {
        let mut out = String::new();
        for block in blocks {
            out.push_str(if self.blocks == 0 { "{\"blocks\":[" } else { "," });
            out.push_str(&serde_json::to_string(block)?);
            self.blocks += 1;
        }
        Ok(out)
    }

    fn text(&mut self, blocks: &[Value]) -> String {
        if blocks.is_empty() {
            return String::new();
        }
        let page = table_of(blocks);
        let is_first = self.blocks == 0;
        self.blocks += blocks.len();
        if is_first { page } else { page.split_once('\n').map_or(String::new(), |(_, rows)| rows.to_owned()) }
    }

    fn end(&self, json: bool) -> String {
        match (json, self.blocks) {
            (true, 0) => "{\"blocks\":[],\"total\":0}\n".into(),
            (true, blocks) => format!("],\"total\":{blocks}}}\n"),
            (false, 0) => "no blocked addresses\n".into(),
            (false, _) => String::new(),
        }
    }
}

fn table_of(blocks: &[Value]) -> String {
    let rows: Vec<Vec<String>> = blocks
        .iter()
        .map(|block| {
            let remaining =
                block["remaining_seconds"].as_u64().map_or_else(|| "until removed".into(), output::duration);
            vec![
                plain(&block["address"]),
                remaining,
                block["offences"].as_u64().map_or_else(String::new, |n| n.to_string()),
                block["packets"].as_u64().map_or_else(|| "-".into(), |n| n.to_string()),
                block["rule"].as_u64().map_or_else(|| "-".into(), |id| id.to_string()),
                screen::cell(&plain(&block["description"])),
            ]
        })
        .collect();
    table::table(&["ADDRESS", "REMAINING", "OFFENCES", "DROPPED", "RULE", "REASON"], &rows)
}

/// A JSON string without its quotes; anything else as it is.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".into(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn page(addresses: &[&str]) -> Vec<Value> {
        addresses.iter().map(|address| json!({ "address": address, "offences": 1, "description": "x" })).collect()
    }

    #[test]
    fn pages_make_one_json_document_and_one_table() {
        // M5
        let mut pages = Pages::default();
        let first = pages.json(&page(&["192.0.2.1", "192.0.2.2"])).expect("JSON");
        let all = first + &pages.json(&page(&["2001:db8::1"])).expect("JSON") + &pages.end(true);
        let all: Value = serde_json::from_str(&all).expect("one document");
        assert_eq!((all["blocks"].as_array().map(Vec::len), all["total"].as_u64()), (Some(3), Some(3)));
        assert_eq!(Pages::default().end(true), "{\"blocks\":[],\"total\":0}\n");
        let mut pages = Pages::default();
        let text = pages.text(&page(&["192.0.2.1"])) + &pages.text(&page(&["192.0.2.2"])) + &pages.end(false);
        assert_eq!(text.matches("ADDRESS").count(), 1);
        assert_eq!(text.lines().count(), 3);
    }

    #[test]
    fn a_longer_block_that_stays_is_said() {
        // O-B14
        let address: IpAddr = "192.0.2.1".parse().expect("an address");
        let text = added(&address, &json!({ "unchanged": true, "remaining_seconds": 600 }));
        assert!(text.starts_with("192.0.2.1 is already blocked for 10m 0s; unchanged"), "{text}");
        assert_eq!(added(&address, &json!({ "unchanged": false })), "192.0.2.1 blocked\n");
    }
}
