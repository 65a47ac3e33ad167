//! `hidsd`: the daemon; started under the name `hidsctl`, its control program.

use std::process::ExitCode;

fn main() -> ExitCode {
    hids_userspace::cli::by_name(std::env::args_os().next().as_deref())
}
