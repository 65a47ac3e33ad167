//! `hidsctl`: inspects and controls hids.

use std::process::ExitCode;

use clap::Parser as _;
use hids_userspace::cli::{self, Hidsctl};

fn main() -> ExitCode {
    cli::run(&Hidsctl::parse()).into()
}
