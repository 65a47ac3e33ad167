//! `hidsctl reload`.

use std::time::Duration;

use super::exit::Exit;
use super::{Common, output};
use crate::config;
use crate::control::{Client, Request};

/// Lets the daemon read its configuration again; on errors it keeps the old one and says why.
pub(super) fn run(common: &Common) -> anyhow::Result<Exit> {
    let answer = ask(common, &Request::Reload)?;
    if common.json {
        output::print_json(&answer)?;
    } else {
        output::print("the configuration was read again\n")?;
    }
    Ok(Exit::Success)
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
