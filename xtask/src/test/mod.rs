//! `cargo xtask test`: every test, or one part of them.
//!
//! Programs are built first and the suites get them through `HIDS_BIN_DIR`, because cargo does not
//! rebuild another package's programs for a test.

mod load;
mod report;
mod stall;
pub(crate) mod suite;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};

use crate::build::{Profile, build_all};
use crate::exec::{cargo, output, run as run_command};
use crate::system::{BUILD, INSTALL, LAB, MACHINES, ensure};
use crate::{build_ebpf, clippy, dist, paths, tidy, vm};
use load::Load;
use report::Report;
use stall::StallWatch;
use suite::Outcome;

/// What to test.
#[derive(Args)]
pub(crate) struct Options {
    /// One part only; everything without it
    part: Option<Part>,
    /// With `vm`: write what was seen to docs/kernels.md
    #[arg(long)]
    write_docs: bool,
    /// With `install`: only what a run of everything does, on Debian 12 with a package of the debug programs
    #[arg(long)]
    quick: bool,
    /// Keep processors, disk and memory of this machine busy meanwhile. Without a part: everything once, and the parts
    /// that depend on time, memory or other processes (unit, kernel, vm) five times
    #[arg(long)]
    under_load: bool,
    /// Run the part that often
    #[arg(long, default_value_t = 1, value_name = "N")]
    times: u32,
    /// Arguments for the test programs, for example a part of a test's name
    #[arg(last = true)]
    filter: Vec<String>,
}

/// Parts of the tests; `hids-tests` holds all but the first two.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Formatting, tidy, clippy and the documentation
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
    /// Stock Debian machines with systemd, and the sshd of three releases, in namespaces (root)
    Machine,
    /// The packages as they are released, on stock machines from the installation to the purge; makes them first. A run of
    /// everything does the same on Debian 12 only, with a package of the debug programs (root)
    Install,
    /// The suite `tests/vm` inside other kernels under QEMU (root)
    Vm,
}

/// By what the patience of tests is multiplied under load: four busy loops for each processor leave a fifth of it.
const PATIENCE_UNDER_LOAD: &str = "6";
/// How often those parts run under load whose tests depend on what else the machine does.
const SENSITIVE_TIMES: u32 = 5;
/// Those parts.
const SENSITIVE: [Part; 3] = [Part::Unit, Part::Kernel, Part::Vm];

/// Suites that `Part::Compat` and `Part::Kernel` stand for.
const COMPAT: [&str; 4] = ["compat", "oracle", "ruleset", "rules"];
const KERNEL: [&str; 2] = ["kernel", "respond"];
/// Suites that install packages: on Debian 12 whatever the package holds, and what only the released ones can pass.
const INSTALLING: [&str; 2] = ["install", "packages"];
/// Suites that need the machine for themselves in a run of everything: what they act on and measure takes milliseconds.
const ALONE: [&str; 3] = ["fim", "kernel", "respond"];

/// Runs the chosen part, or all in order. A suite that fails does not keep the next ones from running.
///
/// # Errors
/// When a test failed or a suite could not run; what failed stands in the table that is printed last.
pub(crate) fn run(options: &Options) -> Result<()> {
    let mut report = Report::default();
    if options.part != Some(Part::Vm) {
        ensure(&[&BUILD, &LAB])?;
    }
    if matches!(options.part, None | Some(Part::Machine | Part::Install)) {
        ensure(&[&MACHINES])?;
    }
    if options.part == Some(Part::Install) && !options.quick {
        ensure(&[&INSTALL])?;
    }
    // Built before the machine is busy.
    let programs = programs(options)?;
    if options.under_load {
        run_command(cargo().args(["test", "--workspace", "--no-run"]))?;
    }
    let load = options.under_load.then(Load::start).transpose()?;
    let run = Run { options, programs: &programs };
    for round in 1..=options.times {
        run.part(options.part, &label(round, options.times), &mut report)?;
    }
    if options.under_load && options.part.is_none() {
        // Once is done.
        for round in 2..=SENSITIVE_TIMES {
            for part in SENSITIVE {
                run.part(Some(part), &label(round, SENSITIVE_TIMES), &mut report)?;
            }
        }
    }
    drop(load);
    report.finish()
}

/// What follows a suite's name where it runs more than once.
fn label(round: u32, rounds: u32) -> String {
    if rounds > 1 { format!(" {round}/{rounds}") } else { String::new() }
}

/// The directory of the programs under test.
fn programs(options: &Options) -> Result<PathBuf> {
    if options.part == Some(Part::Vm) || (options.part == Some(Part::Install) && !options.quick) {
        // They build their own.
        ensure(&[&BUILD])?;
        build_ebpf::run()?;
        return Ok(PathBuf::new());
    }
    build_all(Profile::Debug)
}

/// One run of the command.
struct Run<'a> {
    options: &'a Options,
    programs: &'a Path,
}

impl Run<'_> {
    /// Runs a part; what fails is in the report. `label` follows the suites' names.
    fn part(&self, part: Option<Part>, label: &str, report: &mut Report) -> Result<()> {
        match part {
            Some(Part::Lint) => self.lint(label, report),
            Some(Part::Unit) => self.unit(label, report),
            Some(Part::Compat) => self.suites(&COMPAT, label, report),
            Some(Part::Daemon) => self.suites(&["daemon"], label, report),
            Some(Part::Fim) => self.suites(&["fim"], label, report),
            Some(Part::Kernel) => self.suites(&KERNEL, label, report),
            Some(Part::Machine) => self.suites(&["machine"], label, report),
            Some(Part::Install) if self.options.quick => self.install_quickly(label, report),
            Some(Part::Install) => {
                let released = || dist::packages(dist::Architecture::default()).map(|_| paths::target().join("dist"));
                self.install(&INSTALLING, label, report, released);
            }
            Some(Part::Vm) => self.vm(label, report),
            None => self.everything(label, report)?,
        }
        Ok(())
    }

    /// All parts. The guests, of which each takes one processor, run beside the parts whose tests have most time.
    fn everything(&self, label: &str, report: &mut Report) -> Result<()> {
        // All of them, so that none can be forgotten here.
        let suites = all_suites()?;
        let (alone, beside): (Vec<&str>, Vec<&str>) =
            suites.iter().map(String::as_str).partition(|name| ALONE.contains(name));
        let (guests, missing) = match prepare_guests() {
            Ok(guests) => (Some(guests), None),
            Err(outcome) => (None, Some(outcome)),
        };
        let outcomes = std::thread::scope(|scope| {
            let running =
                guests.as_ref().map(|guests| scope.spawn(|| self.run_guests(guests, &self.options.filter, label)));
            self.lint(label, report);
            self.unit(label, report);
            self.suites(&beside, label, report);
            self.install_quickly(label, report);
            let panicked = |_| vec![Outcome::step("vm", || bail!("it panicked"))];
            running.map(|running| running.join().unwrap_or_else(panicked)).unwrap_or_default()
        });
        for mut outcome in missing.into_iter().chain(outcomes) {
            // A guest beside other suites is as slow as they let it be: what fails there runs once more by itself.
            if let (Some(guests), Some(again)) = (&guests, outcome.failed_only()) {
                let kernel = guests.only(&outcome.name);
                if let Some(by_itself) = self.run_guests(&kernel, &again, label).pop() {
                    outcome.run_again("it failed beside other suites", by_itself);
                }
            }
            report.add(outcome);
        }
        self.suites(&alone, label, report);
        Ok(())
    }

    fn lint(&self, label: &str, report: &mut Report) {
        let mut step = |name: &str, work: fn() -> Result<()>| {
            report.add(Outcome::step(&format!("{name}{label}"), work));
        };
        step("format", || run_command(cargo().args(["fmt", "--all", "--check"])));
        step("tidy", tidy::run);
        step("clippy", clippy::run);
        step("doc", clippy::documentation);
    }

    /// A cargo whose tests wait longer where the machine is kept busy.
    fn cargo(&self) -> Command {
        let mut cargo = cargo();
        if self.options.under_load {
            cargo.env("HIDS_PATIENCE", PATIENCE_UNDER_LOAD).env("HIDS_UNDER_LOAD", PATIENCE_UNDER_LOAD);
        }
        cargo
    }

    fn unit(&self, label: &str, report: &mut Report) {
        let all = ["--workspace", "--exclude", "hids-tests", "--no-fail-fast"];
        self.suite("unit", label, &all, None, report);
        self.suite("harness", label, &["--package", "hids-tests", "--lib"], None, report);
    }

    fn suites(&self, names: &[&str], label: &str, report: &mut Report) {
        for name in names {
            self.suite(name, label, &["--package", "hids-tests", "--test", name], None, report);
        }
    }

    /// Runs `cargo test` with these arguments. Tests that failed while the machine stood still run once more, unless it
    /// is kept busy on purpose. `packages` is the directory of those that the suite installs.
    fn suite(&self, name: &str, label: &str, arguments: &[&str], packages: Option<&Path>, report: &mut Report) {
        let test = |filter: &[String]| {
            let mut test = self.cargo();
            test.arg("test").args(arguments).env("HIDS_BIN_DIR", self.programs);
            test.envs(packages.map(|directory| ("HIDS_PACKAGES", directory))).arg("--").args(filter);
            suite::run(&format!("{name}{label}"), &mut test)
        };
        let watch = StallWatch::start();
        let mut outcome = test(&self.options.filter);
        let stalled = watch.longest().filter(|_| !self.options.under_load);
        drop(watch);
        if let (Some(stalled), Some(again)) = (stalled, outcome.failed_only()) {
            outcome.run_again(&format!("the machine stood still for {} ms", stalled.as_millis()), test(&again));
        }
        report.add(outcome);
    }

    /// Makes packages by `make`, which returns their directory, and runs the suites that install them.
    fn install(&self, names: &[&str], label: &str, report: &mut Report, make: impl FnOnce() -> Result<PathBuf>) {
        let mut directory = None;
        report.add(Outcome::step(&format!("package{label}"), || make().map(|made| directory = Some(made))));
        let Some(directory) = directory else { return };
        for name in names {
            self.suite(name, label, &["--package", "hids-tests", "--test", name], Some(&directory), report);
        }
    }

    fn install_quickly(&self, label: &str, report: &mut Report) {
        self.install(&INSTALLING[..1], label, report, || dist::package_of_debug_programs(self.programs));
    }

    fn vm(&self, label: &str, report: &mut Report) {
        match prepare_guests() {
            Ok(guests) => {
                self.run_guests(&guests, &self.options.filter, label)
                    .into_iter()
                    .for_each(|outcome| report.add(outcome));
            }
            Err(outcome) => report.add(outcome),
        }
    }

    fn run_guests(&self, guests: &vm::Guests, filter: &[String], label: &str) -> Vec<Outcome> {
        let docs = if self.options.write_docs { vm::Docs::Write } else { vm::Docs::Compare };
        let mut outcomes = Vec::new();
        let ran = guests.run(filter, docs, &mut |outcome| outcomes.push(outcome));
        outcomes.extend(ran.err().map(|error| Outcome::step("vm", || Err(error))));
        outcomes.iter_mut().for_each(|outcome| outcome.name += label);
        outcomes
    }
}

/// The guests, or what came of preparing them.
fn prepare_guests() -> Result<vm::Guests, Outcome> {
    vm::prepare().unwrap_or_else(|error| Err(Outcome::step("vm", || Err(error))))
}

/// The names of the suites of `hids-tests`, but for those that run in guests or need packages.
fn all_suites() -> Result<Vec<String>> {
    let text = output(cargo().args(["metadata", "--no-deps", "--format-version=1"]))?;
    let metadata: serde_json::Value = serde_json::from_str(&text).context("cannot read cargo's metadata")?;
    let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let package = packages.iter().find(|package| package["name"] == "hids-tests");
    let targets = package.and_then(|package| package["targets"].as_array()).context("cargo names no hids-tests")?;
    let is_suite = |target: &&serde_json::Value| {
        target["kind"][0] == "test" && !["vm"].iter().chain(&INSTALLING).any(|other| target["name"] == *other)
    };
    let names = targets.iter().filter(is_suite).filter_map(|target| target["name"].as_str());
    Ok(names.map(str::to_owned).collect())
}
