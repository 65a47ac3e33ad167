//! `hidsd` with planted faults, for tests; never part of a release.

use std::process::ExitCode;

fn main() -> ExitCode {
    hids_userspace::cli::daemon::main()
}
