//! `hidsctl`: inspects and controls hids.

use std::process::ExitCode;

fn main() -> ExitCode {
    hids_userspace::cli::hidsctl()
}
