//! Looks whether the screen can be shown, and shows it.

use std::env;
use std::io::{self, IsTerminal as _};

use anyhow::anyhow;
use jiff::tz::TimeZone;

use super::app::{App, Place};
use super::carry_out::World;
use super::runtime;
use super::view::Look;
use crate::cli::exit::{Exit, WrongUsage};
use crate::cli::{Common, color, locale};
use crate::config;
use crate::control::{Client, ClientError};
use crate::platform::clock::now;
use crate::platform::hostname;
use crate::record::check_readable;

/// Shows the screen until it is quit.
pub(in crate::cli) fn run(common: &Common) -> anyhow::Result<Exit> {
    if common.json {
        return Err(anyhow!("hidsctl top does not support --json; use `hidsctl status --json`").context(WrongUsage));
    }
    let is_dumb = env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    if is_dumb || !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        let text = "hidsctl top requires a terminal; use `hidsctl status` or `hidsctl alerts` instead";
        return Err(anyhow!(text).context(WrongUsage));
    }
    let paths = config::locate(&common.load_options(false));
    check_readable(&paths.logs)?;
    match Client::connect(&paths.run) {
        Ok(_) | Err(ClientError::NotRunning { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let zone = TimeZone::system();
    let place = Place { host: hostname::short(), zone: zone.clone() };
    let app = App::new(place, now());
    let look = Look { is_coloured: color::is_wanted(), is_ascii: !locale::shows_utf8() };
    let world = World { common: common.clone(), run: paths.run, logs: paths.logs, zone };
    runtime::run(app, look, &world)
}
