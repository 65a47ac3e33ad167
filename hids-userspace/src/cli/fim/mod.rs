//! `hidsctl fim`: inspects and controls file integrity.

mod accept;
mod baseline;
mod check;
mod diff;
mod entry;
mod history;
mod init;
mod list;
mod measure;
mod protect;
mod scan;
mod status;
mod window;

pub(super) use accept::text as accepted_text;
pub(super) use history::text as history_text;

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde::de::DeserializeOwned;

use super::exit::{BadConfiguration, Exit};
use super::reload::ask_within;
use super::{Common, messages};
use crate::config;
use crate::control::{ClientError, Request};
use crate::fim::monitor;
use crate::fim::protocol::{FimRequest, PathText};

/// Options of `fim`.
#[derive(Debug, Args)]
pub struct FimArgs {
    #[command(subcommand)]
    command: Command,
}

impl FimArgs {
    /// Whether the baseline is only shown.
    pub(super) fn only_lists(&self) -> bool {
        matches!(self.command, Command::Status | Command::List(_) | Command::Diff(_) | Command::Why(_))
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Compare files with the baseline now
    Scan(scan::ScanArgs),
    /// Compare files with the accepted baseline once, without the daemon; exit status as AIDE
    #[command(after_help = check::EXIT_STATUS)]
    Check(check::CheckArgs),
    /// Make the baseline without the daemon
    Init,
    /// Show the state of the baseline, running scans and missed-event windows
    Status,
    /// List baseline entries
    List(list::ListArgs),
    /// Show what changed since it was accepted (new, modified and deleted paths), or differences from an export
    Diff(diff::DiffArgs),
    /// Accept changes into the baseline
    Accept(accept::AcceptArgs),
    /// Export a signed copy of the baseline for verification on another host
    Export(baseline::ExportArgs),
    /// Verify the baseline or an exported copy
    Verify(baseline::VerifyArgs),
    /// Show the change history of a file: what, when, who, old and new state
    Why(history::WhyArgs),
    /// Block writes to protected directories, or only report them
    Protect(protect::ProtectArgs),
    /// Announce changes, as of configuration management; foreign changes still alert
    #[command(subcommand)]
    Window(window::WindowCommand),
    /// Accept all changes without alerts for a time
    Maintenance(window::MaintenanceArgs),
    /// Remove write protection from the kernel (works without the daemon)
    Unlock,
    /// Read a copied baseline, in a process of its own: it may be that of an image
    #[command(hide = true)]
    Snapshot(check::SnapshotArgs),
    /// Make or check a baseline without a daemon, to measure it
    #[command(hide = true)]
    Measure(measure::MeasureArgs),
}

/// Runs one of the commands.
pub(super) fn run(common: &Common, args: &FimArgs) -> anyhow::Result<Exit> {
    match &args.command {
        Command::Scan(args) => scan::run(common, args),
        Command::Check(args) => check::run(common, args),
        Command::Init => init::run(common),
        Command::Snapshot(args) => check::snapshot(args),
        Command::Status => status::run(common),
        Command::List(args) => list::run(common, args),
        Command::Diff(args) => diff::run(common, args),
        Command::Accept(args) => accept::run(common, args),
        Command::Export(args) => baseline::export(common, args),
        Command::Verify(args) => baseline::verify(common, args),
        Command::Why(args) => history::run(common, args),
        Command::Protect(args) => protect::run(common, args),
        Command::Window(command) => window::run(common, command),
        Command::Maintenance(args) => window::maintenance(common, args),
        Command::Unlock => protect::unlock(common),
        Command::Measure(args) => measure::run(args),
    }
}

/// Asks the daemon about file integrity; an answer may take as long as a million entries need.
fn ask(common: &Common, request: FimRequest) -> anyhow::Result<serde_json::Value> {
    const PATIENCE: std::time::Duration = std::time::Duration::from_secs(3600);
    let request = Request::Fim(request);
    let answered = ask_within(common, &request, PATIENCE);
    match (&answered, request) {
        (Err(error), Request::Fim(request))
            if is_not_running(error) && request.only_reads() && monitor::has_baseline(&state(common)) =>
        {
            without_daemon(common, &request)
        }
        _ => answered,
    }
}

fn is_not_running(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(ClientError::NotRunning { .. }))
}

/// The directory of the baseline.
fn state(common: &Common) -> PathBuf {
    config::locate(&common.load_options(false)).state
}

/// Opens the baseline itself, as no daemon holds it.
fn without_daemon(common: &Common, request: &FimRequest) -> anyhow::Result<serde_json::Value> {
    let loaded = config::load(&common.load_options(false));
    let Some(config) = loaded.config else { return Err(BadConfiguration.into()) };
    messages::note("hidsd is not running; showing the last stored baseline");
    monitor::answer_offline(request, &config.paths, &config.syscheck, config.analysis.strict_ossec)
        .map_err(anyhow::Error::msg)
}

/// The same, as the values that it holds.
fn ask_for<T: DeserializeOwned>(common: &Common, request: FimRequest) -> anyhow::Result<(T, serde_json::Value)> {
    let answer = ask(common, request)?;
    Ok((serde_json::from_value(answer.clone()).context("version mismatch between hidsd and hidsctl")?, answer))
}

/// A path as the daemon knows it: absolute, without `.`, `..` and links being followed.
fn absolute(path: &Path) -> anyhow::Result<PathText> {
    let path = std::path::absolute(path).with_context(|| format!("cannot resolve {}", path.display()))?;
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => _ = plain.pop(),
            part => plain.push(part),
        }
    }
    Ok(PathText::from(plain.as_os_str().as_bytes()))
}

/// A path for a terminal.
fn shown(path: &PathText) -> String {
    super::output::visible(path.as_bytes())
}
