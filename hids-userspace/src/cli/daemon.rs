//! The command line of `hidsd`.

use std::io;
use std::process::ExitCode;

use clap::Parser;
use tracing::error;

use super::Common;
use super::exit::{self, Exit};
use crate::daemon::{self, DaemonError, DaemonOptions};
use crate::logging;
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
    let result = daemon::run(options);
    if result.is_err() {
        logging::say_last_words();
    }
    match result {
        Ok(()) => Exit::Success,
        // Another try would end in the same way.
        Err(problem @ (DaemonError::Configuration | DaemonError::BesideOssec(_) | DaemonError::Format(_))) => {
            error!("{:#}", anyhow::Error::from(problem));
            Exit::No
        }
        Err(problem) => {
            let problem = anyhow::Error::from(problem);
            let help = problem.chain().find_map(|cause| remedy(cause.downcast_ref()?));
            error!(error = format!("{problem:#}"), help, "startup failed");
            Exit::Failed
        }
    }
}

/// What to do about a disk that takes nothing.
fn remedy(error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Some("free disk space; the service is started again until there is some")
        }
        io::ErrorKind::ReadOnlyFilesystem => Some(
            "mount the filesystem writable (the kernel log says why it is not); the service is started again until it is",
        ),
        _ => None,
    }
}
