//! The command line of `hidsd`.

use std::process::ExitCode;

use clap::Parser;
use tracing::error;

use super::exit::{self, Exit};
use super::{Common, logging};
use crate::daemon::{self, DaemonError, DaemonOptions};
use crate::respond::Mode;
use crate::sensors::selftest;

/// Host intrusion detection daemon
///
/// Runs in the foreground; SIGTERM stops it, SIGHUP reloads the configuration.
#[derive(Debug, Parser)]
#[command(name = "hidsd", version, after_help = exit::HELP)]
pub struct DaemonArgs {
    /// Options that every command knows.
    #[command(flatten)]
    pub common: Common,
    /// Analyse and record, but do not block, run programs or send mail
    #[arg(long)]
    pub dry_run: bool,
    /// Reproduce OSSEC's behaviour exactly, including its known gaps
    #[arg(long)]
    pub strict_ossec: bool,
    /// Start even if OSSEC's daemons are running
    #[arg(long)]
    pub beside_ossec: bool,
    /// Increase verbosity (can be repeated)
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// The program: what its command line asks for.
pub fn main() -> ExitCode {
    if let Some(done) = selftest::act_if_asked(std::env::args_os()) {
        return done;
    }
    run(&DaemonArgs::parse()).into()
}

/// Runs the daemon until it is asked to stop.
fn run(args: &DaemonArgs) -> Exit {
    logging::start(args.verbose);
    let options = DaemonOptions {
        load: args.common.load_options(args.strict_ossec),
        mode: if args.dry_run { Mode::DryRun } else { Mode::Act },
        beside_ossec: args.beside_ossec,
    };
    match daemon::run(options) {
        Ok(()) => Exit::Success,
        Err(problem @ (DaemonError::Configuration | DaemonError::BesideOssec(_))) => {
            error!("{problem}");
            Exit::No
        }
        Err(problem) => {
            error!(error = format!("{:#}", anyhow::Error::from(problem)), "startup failed");
            Exit::Failed
        }
    }
}
