//! `hidsctl why`: the rule chain and the very log lines behind a block.

use std::fmt::Write as _;
use std::net::IpAddr;

use clap::Args;

use super::exit::Exit;
use super::reload::ask;
use super::{Common, complete, output, times};
use crate::control::Request;
use crate::respond::{BlockView, HistoryView, WhyView};

/// Which address.
#[derive(Debug, Args)]
pub struct WhyArgs {
    /// IPv4 or IPv6 address
    #[arg(add = complete::blocked())]
    address: IpAddr,
}

/// Explains; 1 when nothing is known of the address.
pub(super) fn run(common: &Common, args: &WhyArgs) -> anyhow::Result<Exit> {
    let answer = ask(common, &Request::Why { address: args.address })?;
    let view: WhyView = serde_json::from_value(answer.clone())?;
    if common.json {
        output::print_json(&answer)?;
    } else {
        output::print(&text(&view))?;
    }
    let known = view.block.is_some() || !view.history.is_empty() || view.never_blocked.is_some();
    Ok(if known { Exit::Success } else { Exit::No })
}

/// The answer for people.
pub(super) fn text(view: &WhyView) -> String {
    let mut out = String::new();
    match &view.block {
        Some(block) => blocked(&mut out, block),
        None => _ = writeln!(out, "{} is not blocked", view.address),
    }
    if let Some(reason) = &view.never_blocked {
        let _ = writeln!(out, "never blocked: {}", visible(reason));
    }
    if view.offences > 1 {
        let _ = writeln!(out, "blocked {} times in total", view.offences);
    }
    if let Some(trouble) = &view.trouble {
        let _ = writeln!(out, "history incomplete: {}", visible(trouble));
    }
    for event in &view.history {
        happening(&mut out, event);
    }
    out
}

fn blocked(out: &mut String, block: &BlockView) {
    let until = match block.remaining_seconds {
        Some(seconds) => {
            let end = block.expires.as_deref().map(|end| format!(" (until {})", times::local(end)));
            format!("for {}{}", output::duration(seconds), end.unwrap_or_default())
        }
        None => "until removed".into(),
    };
    let how = if block.active { "" } else { " (currently not enforced; see hidsctl status)" };
    let _ = writeln!(out, "{} is blocked {until}{how}: {}", block.address, visible(&block.description));
    if let Some(packets) = block.packets {
        let _ = writeln!(out, "dropped packets: {packets}");
    }
}

fn happening(out: &mut String, event: &HistoryView) {
    let _ = write!(out, "\n{} {}", times::local(&event.time), event.event);
    if let Some(until) = &event.until {
        let _ = write!(out, " until {}", times::local(until));
    }
    if let Some(response) = &event.response {
        let _ = write!(out, " by {}", visible(response));
    }
    if let Some(subject) = &event.subject {
        let _ = write!(out, " of {}", visible(subject));
    }
    if let Some(cause) = &event.cause {
        let _ = write!(out, ": {}", visible(cause));
    }
    out.push('\n');
    if event.chain.is_empty()
        && let Some(description) = &event.description
    {
        let _ = writeln!(out, "  {}", visible(description));
    }
    for (depth, step) in event.chain.iter().enumerate() {
        let arrow = if depth == 0 { "rule" } else { "└─ rule" };
        let indent = "  ".repeat(depth + 1);
        let _ = writeln!(out, "{indent}{arrow} {} (level {}) {}", step.id, step.level, visible(&step.description));
    }
    if !event.mitre.is_empty() {
        let _ = writeln!(out, "  ATT&CK {}", visible(&event.mitre.join(", ")));
    }
    if let Some(location) = &event.location {
        let _ = writeln!(out, "  from {}:", visible(location));
    }
    for line in &event.lines {
        let _ = writeln!(out, "    {}", visible(&line.text));
    }
}

fn visible(text: &str) -> String {
    output::visible(text.as_bytes())
}
