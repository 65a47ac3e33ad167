//! `hidsctl import`: what the configuration of another program says, in ossec.conf.

mod aide;
mod fail2ban;
mod ossec;
mod outcome;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Common;
use super::exit::Exit;

/// Arguments of `hidsctl import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    #[command(subcommand)]
    from: From,
}

#[derive(Debug, Subcommand)]
enum From {
    /// Translate the jails of fail2ban
    Fail2ban(Fail2banArgs),
    /// Translate the selections of AIDE
    Aide(AideArgs),
    /// Import the settings, rule memory and file integrity database of OSSEC
    Ossec(OssecArgs),
}

#[derive(Debug, Args)]
struct How {
    /// Write the changes without asking
    #[arg(short, long)]
    yes: bool,
    /// Only print what would be changed
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
}

#[derive(Debug, Args)]
struct Fail2banArgs {
    /// Directory of the configuration
    #[arg(default_value = "/etc/fail2ban")]
    directory: PathBuf,
    #[command(flatten)]
    how: How,
}

#[derive(Debug, Args)]
struct AideArgs {
    /// Configuration file [default: /etc/aide/aide.conf or /etc/aide.conf]
    file: Option<PathBuf>,
    #[command(flatten)]
    how: How,
}

#[derive(Debug, Args)]
struct OssecArgs {
    /// Directory of the installation
    #[arg(default_value = "/var/ossec")]
    directory: PathBuf,
    #[command(flatten)]
    how: How,
}

/// Runs one of the imports.
pub(super) fn run(common: &Common, args: &ImportArgs) -> anyhow::Result<Exit> {
    match &args.from {
        From::Fail2ban(args) => fail2ban::run(common, args),
        From::Aide(args) => aide::run(common, args),
        From::Ossec(args) => ossec::run(common, args),
    }
}
