//! `cargo xtask test`: every test, or one part of them.
//!
//! Programs are built first and the suites get them through `HIDS_BIN_DIR`, because cargo does not
//! rebuild another package's programs for a test.

use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::build::{Profile, build_all};
use crate::exec::{cargo, run as run_command, say};
use crate::system::{BUILD, LAB, ensure};
use crate::{build_ebpf, clippy, tidy, vm};

/// What to test.
#[derive(Args)]
pub struct Options {
    /// One part only; everything without it
    part: Option<Part>,
    /// With `vm`: write what was seen to docs/kernels.md
    #[arg(long)]
    write_docs: bool,
    /// Arguments for the test programs, for example a part of a test's name
    #[arg(last = true)]
    filter: Vec<String>,
}

/// Parts of the tests; `hids-tests` holds all but the first two.
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
    /// File integrity: real changes of files and the alerts that come of them (root)
    Fim,
    /// BPF, nftables, sshd, Apache and SMTP in namespaces (root)
    Kernel,
    /// The suite `tests/vm` inside other kernels under QEMU (root)
    Vm,
}

/// Runs the chosen part, or all in order, and stops at the first that fails.
pub fn run(options: &Options) -> Result<()> {
    let docs = if options.write_docs { vm::Docs::Write } else { vm::Docs::Compare };
    if options.part == Some(Part::Vm) {
        ensure(&[&BUILD])?;
        build_ebpf::run()?;
        return vm::run(&options.filter, docs);
    }
    ensure(&[&BUILD, &LAB])?;
    let programs = build_all(Profile::Debug)?;
    let start = Instant::now();
    match options.part {
        Some(Part::Lint) => lint()?,
        Some(Part::Unit) => unit(&options.filter)?,
        Some(Part::Compat) => {
            let targets = ["compat", "oracle", "ruleset", "rules"].map(|suite| ["--test", suite]);
            suites(&targets.concat(), &options.filter, &programs)?;
        }
        Some(Part::Daemon) => suites(&["--test", "daemon"], &options.filter, &programs)?,
        Some(Part::Fim) => suites(&["--test", "fim"], &options.filter, &programs)?,
        Some(Part::Kernel) => suites(&["--test", "kernel", "--test", "respond"], &options.filter, &programs)?,
        Some(Part::Vm) | None => {
            lint()?;
            unit(&options.filter)?;
            // All of them, so that none can be forgotten here.
            suites(&["--tests"], &options.filter, &programs)?;
            vm::run(&options.filter, docs)?;
        }
    }
    say(&format!("passed in {:.0} s", start.elapsed().as_secs_f64()));
    Ok(())
}

fn lint() -> Result<()> {
    run_command(cargo().args(["fmt", "--all", "--check"]))?;
    tidy::run()?;
    clippy::run()
}

fn unit(filter: &[String]) -> Result<()> {
    run_command(cargo().args(["test", "--workspace", "--exclude", "hids-tests", "--"]).args(filter))
}

fn suites(targets: &[&str], filter: &[String], programs: &Path) -> Result<()> {
    let mut test = cargo();
    test.args(["test", "--package", "hids-tests"]).args(targets).env("HIDS_BIN_DIR", programs);
    run_command(test.arg("--").args(filter))
}
