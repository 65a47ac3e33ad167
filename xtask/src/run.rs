//! `cargo xtask run`: builds everything and starts the daemon in the foreground.

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::build::{Profile, build_all};
use crate::exec::{command, print, say};
use crate::paths;
use crate::system::require_root;

/// How to start the daemon.
#[derive(Args)]
pub(crate) struct Options {
    /// The configuration
    #[arg(short, long, default_value = "config/ossec.conf")]
    config: PathBuf,
    /// Where state, logs and sockets go; the default is target/run
    #[arg(long)]
    root: Option<PathBuf>,
    /// Decide and record, but block nobody and send no mail
    #[arg(long)]
    dry_run: bool,
    /// More options for hidsd
    #[arg(last = true)]
    more: Vec<String>,
}

/// Replaces this process by the daemon, so that signals reach it. Returns only on errors.
pub(crate) fn run(options: &Options) -> Result<()> {
    require_root("the daemon reads every log and changes the firewall")?;
    let programs = build_all(Profile::Release)?;
    let root = options.root.clone().unwrap_or_else(|| paths::target().join("run"));
    std::fs::create_dir_all(&root).with_context(|| format!("cannot make {}", root.display()))?;
    let mut daemon = command(programs.join("hidsd"));
    daemon.arg("-c").arg(&options.config).arg("--root").arg(&root);
    if options.dry_run {
        daemon.arg("--dry-run");
    }
    daemon.args(&options.more);
    say(&format!("look at it from elsewhere: {}/hidsctl --root {} status", programs.display(), root.display()));
    print(&daemon);
    Err(daemon.exec()).context("cannot start hidsd")
}
