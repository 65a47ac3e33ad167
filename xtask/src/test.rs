//! `cargo xtask test`: every test, or one part of them.
//!
//! Programs are built first and the suites get them through `HIDS_BIN_DIR`, because cargo does not
//! rebuild another package's programs for a test.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::build::{Profile, build_all};
use crate::exec::{cargo, run as run_command, say};
use crate::load::Load;
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
    /// Keep processors, disk and memory of this machine busy meanwhile. Without a part: everything once, and the parts
    /// that depend on time, memory or other processes (unit, kernel, vm) five times
    #[arg(long)]
    under_load: bool,
    /// Run the part that often; the first failure ends it
    #[arg(long, default_value_t = 1, value_name = "N")]
    times: u32,
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

/// How often those parts run under load whose tests depend on what else the machine does.
const SENSITIVE_TIMES: u32 = 5;

/// Runs the chosen part, or all in order, and stops at the first that fails.
pub fn run(options: &Options) -> Result<()> {
    if options.part != Some(Part::Vm) {
        ensure(&[&BUILD, &LAB])?;
    }
    // Built before the machine is busy.
    let programs = programs(options.part)?;
    let start = Instant::now();
    if options.under_load {
        run_command(cargo().args(["test", "--workspace", "--no-run"]))?;
    }
    let load = options.under_load.then(Load::start).transpose()?;
    for round in 1..=options.times {
        if options.times > 1 {
            say(&format!("round {round} of {}", options.times));
        }
        run_part(options.part, options, &programs)?;
    }
    if options.under_load && options.part.is_none() {
        for part in [Part::Unit, Part::Kernel, Part::Vm] {
            // Once is done.
            (1..SENSITIVE_TIMES).try_for_each(|_| run_part(Some(part), options, &programs))?;
        }
    }
    drop(load);
    say(&format!("passed in {:.0} s", start.elapsed().as_secs_f64()));
    Ok(())
}

/// The directory of the programs under test.
fn programs(part: Option<Part>) -> Result<PathBuf> {
    if part == Some(Part::Vm) {
        ensure(&[&BUILD])?;
        build_ebpf::run()?;
        return Ok(PathBuf::new());
    }
    build_all(Profile::Debug)
}

fn run_part(part: Option<Part>, options: &Options, programs: &Path) -> Result<()> {
    let filter = &options.filter;
    let docs = if options.write_docs { vm::Docs::Write } else { vm::Docs::Compare };
    match part {
        Some(Part::Lint) => lint(),
        Some(Part::Unit) => unit(filter),
        Some(Part::Compat) => {
            let targets = ["compat", "oracle", "ruleset", "rules"].map(|suite| ["--test", suite]);
            suites(&targets.concat(), filter, programs)
        }
        Some(Part::Daemon) => suites(&["--test", "daemon"], filter, programs),
        Some(Part::Fim) => suites(&["--test", "fim"], filter, programs),
        Some(Part::Kernel) => suites(&["--test", "kernel", "--test", "respond"], filter, programs),
        Some(Part::Vm) => vm::run(filter, docs),
        None => {
            lint()?;
            unit(filter)?;
            // All of them, so that none can be forgotten here.
            suites(&["--tests"], filter, programs)?;
            vm::run(filter, docs)
        }
    }
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
