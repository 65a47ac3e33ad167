//! `hidsctl fim protect` and `hidsctl fim unlock`.

use std::path::Path;

use clap::{Args, ValueEnum};

use super::ask;
use crate::cli::exit::Exit;
use crate::cli::{Common, output};
use crate::fim::protocol::FimRequest;
use crate::sensors::guard;

/// What becomes of writes below protected directories.
#[derive(Debug, Args)]
pub(super) struct ProtectArgs {
    mode: Mode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// Block writes
    On,
    /// Allow writes and report them
    Off,
}

/// Switches; each switch is an alert.
pub(super) fn run(common: &Common, args: &ProtectArgs) -> anyhow::Result<Exit> {
    let answer = ask(common, FimRequest::Protect { enforce: args.mode == Mode::On })?;
    if common.json {
        output::print_json(&answer)?;
    } else {
        let text = match args.mode {
            Mode::On => "protection enabled: writes to protected directories are blocked\n",
            Mode::Off => "protection in monitor mode: writes to protected directories are reported, not blocked\n",
        };
        output::print(text)?;
    }
    Ok(Exit::Success)
}

/// Takes the pinned programs away, whether the daemon runs or not.
pub(super) fn unlock(common: &Common) -> anyhow::Result<Exit> {
    let removed = guard::unlock(Path::new(guard::PINS))?;
    if common.json {
        output::print_json(&serde_json::json!({ "removed": removed }))?;
    } else if removed == 0 {
        output::print("no active write protection\n")?;
    } else {
        output::print("write protection removed until hidsd enables it again\n")?;
    }
    Ok(Exit::Success)
}
