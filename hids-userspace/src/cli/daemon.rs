//! The command line of `hidsd`.

use clap::Parser;

use super::{Common, exit};

/// The daemon: watches logs, analyses them with OSSEC's decoders and rules, blocks attackers, mails.
///
/// It stays in the foreground; SIGTERM stops it, SIGHUP makes it read its configuration again.
#[derive(Debug, Parser)]
#[command(name = "hidsd", version, after_help = exit::HELP)]
pub struct DaemonArgs {
    /// Options that every command knows.
    #[command(flatten)]
    pub common: Common,
    /// Decide and record, but block nothing, run no program, send no mail
    #[arg(long)]
    pub dry_run: bool,
    /// Answer exactly as ossec-analysisd does, where the default closes a hole of OSSEC's
    #[arg(long)]
    pub strict_ossec: bool,
    /// Start although OSSEC's own daemons run on this machine
    #[arg(long)]
    pub beside_ossec: bool,
    /// Say more (repeat for even more)
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,
}
