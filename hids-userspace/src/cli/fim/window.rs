//! `hidsctl fim window` and `hidsctl fim maintenance`: announced changes.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use hids_core::fim::{LONGEST_WINDOW, WINDOW_TIME};

use super::{absolute, ask, ask_for, shown};
use crate::accounts;
use crate::cli::exit::{Exit, WrongUsage};
use crate::cli::{Common, messages, output, times};
use crate::fim::process::parent_of;
use crate::fim::protocol::{FimRequest, FimView, WindowView, WindowWish};

/// What to do with windows.
#[derive(Debug, Subcommand)]
pub(super) enum WindowCommand {
    /// Announce changes: those of the named processes are accepted and summarised, all others still alert
    Open(OpenArgs),
    /// End a window and show what it accepted
    Close {
        /// Number of the window [default: all]
        id: Option<u64>,
    },
    /// List open windows
    List,
}

/// What to announce.
#[derive(Debug, Args)]
pub(super) struct OpenArgs {
    /// How long the window stays open at most, up to 24h [default: 1h]
    #[arg(long = "for", value_name = "SPAN")]
    time: Option<String>,
    /// Why, for the alerts
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    /// Only changes at or below this path
    #[arg(long = "path", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Changes by this program, and by what it starts
    #[arg(long = "by", value_name = "PROGRAM")]
    programs: Vec<PathBuf>,
    /// Changes by whoever logged in as this user
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Changes by this process and its descendants [default: the process that calls hidsctl]
    #[arg(long, value_name = "NUMBER", conflicts_with = "programs")]
    pid: Option<u32>,
}

/// Maintenance mode.
#[derive(Debug, Args)]
pub(super) struct MaintenanceArgs {
    mode: Mode,
    /// How long it stays on at most, up to 24h [default: 1h]
    #[arg(long = "for", value_name = "SPAN")]
    time: Option<String>,
    /// Why, for the alerts
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// Accept all changes without alerts
    On,
    /// Turn it off after a scan of everything
    End,
    /// Turn it off now
    Off,
}

/// Runs one of the commands; 1 when no window is open.
pub(super) fn run(common: &Common, command: &WindowCommand) -> anyhow::Result<Exit> {
    match command {
        WindowCommand::Open(args) => open(common, args),
        WindowCommand::Close { id } => close(common, *id, false),
        WindowCommand::List => list(common),
    }
}

/// Switches maintenance mode.
pub(super) fn maintenance(common: &Common, args: &MaintenanceArgs) -> anyhow::Result<Exit> {
    match args.mode {
        Mode::Off => close(common, None, true),
        Mode::On => {
            let (seconds, reason) = (seconds(args.time.as_deref())?, args.reason.clone());
            let wish = WindowWish { seconds, reason, everything: true, ..WindowWish::default() };
            let (view, answer) = ask_for::<WindowView>(common, FimRequest::WindowOpen(wish))?;
            if common.json {
                output::print_json(&answer)?;
            } else {
                output::print(&format!(
                    "maintenance mode is on: all file changes are accepted without alerts, until {} at the latest\nend \
                     it with hidsctl fim maintenance end\n",
                    view.ends
                ))?;
            }
            Ok(Exit::Success)
        }
        Mode::End => {
            let answer = ask(common, FimRequest::WindowClose { id: None, everything: true, after_scan: true })?;
            if common.json {
                output::print_json(&answer)?;
            } else {
                output::print("maintenance mode ends after the scan that has been started\n")?;
            }
            Ok(Exit::Success)
        }
    }
}

fn seconds(text: Option<&str>) -> anyhow::Result<u64> {
    let Some(text) = text else { return Ok(WINDOW_TIME.as_secs()) };
    let seconds = times::parse_seconds(text).context(WrongUsage)?;
    if seconds == 0 || seconds > LONGEST_WINDOW.as_secs() {
        return Err(anyhow::anyhow!("--for wants between 1s and 24h, found {text}").context(WrongUsage));
    }
    Ok(seconds)
}

fn open(common: &Common, args: &OpenArgs) -> anyhow::Result<Exit> {
    let resolved = |paths: &[PathBuf]| paths.iter().map(|path| absolute(path)).collect::<anyhow::Result<Vec<_>>>();
    let login_uid = match &args.user {
        Some(name) => Some(accounts::uid_of(name).with_context(|| format!("no user {name}")).context(WrongUsage)?),
        None => None,
    };
    let is_named = !args.programs.is_empty() || login_uid.is_some();
    let wish = WindowWish {
        seconds: seconds(args.time.as_deref())?,
        reason: args.reason.clone(),
        paths: resolved(&args.paths)?,
        // The kernel names programs without links.
        programs: resolved(
            &args.programs.iter().map(|path| path.canonicalize().unwrap_or_else(|_| path.clone())).collect::<Vec<_>>(),
        )?,
        login_uid,
        pid: args.pid.or_else(|| if is_named { None } else { caller() }),
        everything: false,
        peer: None,
    };
    let (view, answer) = ask_for::<WindowView>(common, FimRequest::WindowOpen(wish))?;
    if common.json {
        output::print_json(&answer)?;
    } else {
        output::print(&format!("window {}", text(&view)))?;
    }
    if !view.knows_who {
        messages::note(
            "the kernel does not report who changes files (see sensors in hidsctl status): all changes alert as usual",
        );
    }
    Ok(Exit::Success)
}

/// The process that calls, behind programs that only change the user.
fn caller() -> Option<u32> {
    const WRAPPERS: [&[u8]; 6] = [b"sudo", b"doas", b"su", b"runuser", b"pkexec", b"hidsctl"];
    let (mut pid, _) = parent_of(std::process::id())?;
    while let Some((parent, name)) = parent_of(pid) {
        if !WRAPPERS.contains(&name.as_slice()) || parent <= 1 {
            break;
        }
        pid = parent;
    }
    (pid > 1).then_some(pid)
}

fn close(common: &Common, id: Option<u64>, everything: bool) -> anyhow::Result<Exit> {
    let answer = ask(common, FimRequest::WindowClose { id, everything, after_scan: false })?;
    if common.json {
        output::print_json(&answer)?;
        return Ok(Exit::Success);
    }
    let closed: Vec<WindowView> =
        serde_json::from_value(answer["closed"].clone()).context("version mismatch between hidsd and hidsctl")?;
    for view in &closed {
        let what =
            if view.everything { "maintenance mode is off".to_owned() } else { format!("window {} closed", view.id) };
        output::print(&format!("{what}: {} accepted\n", output::count(view.changes, "change")))?;
    }
    if (closed.len() as u64) < answer["closing"].as_u64().unwrap_or(0) {
        messages::note("not all windows have ended yet; hidsctl fim window list shows them");
    }
    Ok(Exit::Success)
}

fn list(common: &Common) -> anyhow::Result<Exit> {
    let (view, _) = ask_for::<FimView>(common, FimRequest::Status)?;
    if common.json {
        output::print_json(&serde_json::json!({ "windows": view.windows }))?;
    } else {
        view.windows.iter().try_for_each(|window| output::print(&text(window)))?;
    }
    Ok(if view.windows.is_empty() { Exit::No } else { Exit::Success })
}

fn text(view: &WindowView) -> String {
    let word = |text: &str| output::visible(text.as_bytes());
    let kind = if view.everything { " (maintenance mode)" } else { "" };
    let state = if view.closing { ", closing" } else { "" };
    let mut out = format!("{}{kind}: open since {}, until {} at the latest{state}\n", view.id, view.opened, view.ends);
    if !view.reason.is_empty() {
        out.push_str(&format!("  reason    {}\n", word(&view.reason)));
    }
    out.push_str(&format!("  changes by {}\n", word(&view.members.join(", "))));
    for path in &view.paths {
        out.push_str(&format!("  below     {}\n", shown(path)));
    }
    out.push_str(&format!("  accepted  {}\n", output::count(view.changes, "change")));
    out
}
