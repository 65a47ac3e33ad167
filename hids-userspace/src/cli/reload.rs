//! `hidsctl reload`.

use std::time::Duration;

use super::exit::Exit;
use super::{Common, messages, output};
use crate::config;
use crate::control::{Client, Request};

/// How long a reload may take.
const PATIENCE: Duration = Duration::from_secs(180);

/// Reloads the configuration of the daemon; on errors it keeps the previous one and reports them.
pub(super) fn run(common: &Common) -> anyhow::Result<Exit> {
    // What is in hand may have to end first: a mail, file integrity.
    let answer = ask_within(common, &Request::Reload, PATIENCE)?;
    let waiting: Vec<&str> =
        answer["restart_required"].as_array().into_iter().flatten().filter_map(|part| part.as_str()).collect();
    if common.json {
        output::print_json(&answer)?;
    } else {
        output::print("configuration reloaded\n")?;
    }
    if waiting.is_empty() {
        return Ok(Exit::Success);
    }
    messages::note(&format!(
        "restart required for changes to: {} (systemctl restart hidsd); see the daemon's log for the reason",
        waiting.join(", ")
    ));
    Ok(Exit::RestartRequired)
}

/// Asks the daemon that runs on this configuration.
pub(super) fn ask(common: &Common, request: &Request) -> anyhow::Result<serde_json::Value> {
    let paths = config::locate(&common.load_options(false));
    Ok(Client::connect(&paths.run)?.ask(request)?)
}

/// The same for what may take longer than a minute.
pub(super) fn ask_within(common: &Common, request: &Request, patience: Duration) -> anyhow::Result<serde_json::Value> {
    let paths = config::locate(&common.load_options(false));
    Ok(Client::connect(&paths.run)?.with_patience(patience)?.ask(request)?)
}
