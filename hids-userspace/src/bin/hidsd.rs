//! `hidsd`: the daemon.

use std::process::ExitCode;

use clap::Parser as _;
use hids_userspace::cli::daemon::{self, DaemonArgs};

fn main() -> ExitCode {
    if let Some(done) = hids_userspace::sensors::selftest::act_if_asked(std::env::args_os()) {
        return done;
    }
    let args = DaemonArgs::parse();
    daemon::run(&args).into()
}
