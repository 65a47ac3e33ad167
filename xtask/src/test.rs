//! `cargo xtask test`: every test, or one part of them.
//!
//! Programs are built first and the suites get them through `HIDS_BIN_DIR`, because cargo does not
//! rebuild another package's programs for a test.

use std::process::Command;
use std::time::Instant;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::build::{Profile, build_all};
use crate::exec::{cargo, run as run_command, say};
use crate::system::{BUILD, LAB, ensure};
use crate::{clippy, tidy};

/// What to test.
#[derive(Args)]
pub struct Options {
    /// One part only; everything without it
    part: Option<Part>,
    /// Arguments for the test programs, for example a part of a test's name
    #[arg(last = true)]
    filter: Vec<String>,
}

/// Parts of the tests. The last three are the suites of the package `hids-tests`.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Formatting, tidy and clippy
    Lint,
    /// Tests beside the code, of every package
    Unit,
    /// Decoders and rules against OSSEC's observed answers
    Compat,
    /// The real programs on a temporary root
    Daemon,
    /// BPF, nftables, sshd, Apache and SMTP in namespaces (root)
    Kernel,
}

const ALL: &[Part] = &[Part::Lint, Part::Unit, Part::Compat, Part::Daemon, Part::Kernel];

/// Runs the chosen parts in order and stops at the first that fails.
pub fn run(options: &Options) -> Result<()> {
    let parts = options.part.as_ref().map_or(ALL, std::slice::from_ref);
    ensure(&[&BUILD, &LAB])?;
    let programs = build_all(Profile::Debug)?;
    for part in parts {
        let start = Instant::now();
        match part {
            Part::Lint => lint()?,
            Part::Unit => unit(&options.filter)?,
            Part::Compat => run_command(suite("compat", &options.filter).env("HIDS_BIN_DIR", &programs))?,
            Part::Daemon => run_command(suite("daemon", &options.filter).env("HIDS_BIN_DIR", &programs))?,
            Part::Kernel => run_command(suite("kernel", &options.filter).env("HIDS_BIN_DIR", &programs))?,
        }
        let name = part.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        say(&format!("{name} passed in {:.0} s", start.elapsed().as_secs_f64()));
    }
    Ok(())
}

fn lint() -> Result<()> {
    run_command(cargo().args(["fmt", "--all", "--check"]))?;
    tidy::run()?;
    clippy::run()
}

fn unit(filter: &[String]) -> Result<()> {
    run_command(cargo().args(["test", "--workspace", "--lib", "--bins", "--"]).args(filter))?;
    run_command(cargo().args(["test", "--package", "hids-common", "--package", "hids-core", "--doc"]))
}

fn suite(name: &str, filter: &[String]) -> Command {
    let mut command = cargo();
    command.args(["test", "--package", "hids-tests", "--test", name, "--"]).args(filter);
    command
}
