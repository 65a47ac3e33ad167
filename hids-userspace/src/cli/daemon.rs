//! The command line of `hidsd`.

use clap::Parser;

use super::{Common, exit};

/// The daemon: watches logs, analyses them with OSSEC's decoders and rules, blocks attackers, mails.
///
/// It stays in the foreground; SIGTERM stops it, SIGHUP reloads its configuration.
#[derive(Debug, Parser)]
#[command(name = "hidsd", version, after_help = exit::HELP)]
pub struct DaemonArgs {
    /// Options that every command knows.
    #[command(flatten)]
    pub common: Common,
    /// Decide and record, but block nothing, run no program, send no mail
    #[arg(long)]
    pub dry_run: bool,
    /// Reproduce OSSEC's behaviour exactly, including its known gaps
    #[arg(long)]
    pub strict_ossec: bool,
    /// Start although OSSEC's own daemons run on this machine
    #[arg(long)]
    pub beside_ossec: bool,
    /// Increase verbosity (can be repeated)
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,
}
