//! `hidsd`: the daemon.

use std::process::ExitCode;

fn main() -> ExitCode {
    hids_userspace::cli::daemon::main()
}
