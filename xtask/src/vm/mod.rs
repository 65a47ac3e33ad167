//! `cargo xtask test vm`: the suite `tests/vm` as root inside other kernels, under QEMU.
//!
//! Each kernel package is unpacked below `target/vm` (never installed), packed with the test program
//! into an initramfs and booted without hardware virtualisation: a boot takes seconds. What the
//! machine's own kernel refuses (BPF LSM under lockdown) is tested there. Nothing of the machine is
//! reachable from the guest: it has no disk and no network card.

mod boot;
mod cpio;
mod image;
mod kernels;
mod own;
mod package;
mod table;

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use hids_tests::require;

use crate::build::{Profile, build_all};
use crate::exec::{cargo, output, print};
use crate::paths;
use crate::system::{BUILD, VM, ensure, has};
use crate::test::suite::{Outcome, Skip};
use kernels::Kernel;

/// Whether the table of what each kernel gives is written to `docs/kernels.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Docs {
    /// Write it.
    Write,
    /// Only compare it, and say if it is not what was seen.
    Compare,
}

/// All that the guests need, built and unpacked: from here on no cargo is needed, which runs once at a time.
pub(crate) struct Guests {
    kernels: Vec<Kernel>,
    suite: PathBuf,
    programs: PathBuf,
}

/// Prepares the suite for every kernel that can be had; where there is none, the outcome that says so.
///
/// # Errors
/// When the guests cannot be prepared, or there is none and `HIDS_REQUIRE` names `vm`.
pub(crate) fn prepare() -> Result<Result<Guests, Outcome>> {
    if let Some(why) = impossible()? {
        return skip(&why).map(Err);
    }
    let kernels = kernels::fetch()?;
    if kernels.is_empty() {
        return skip("apt offers no kernel package and none is below target/vm").map(Err);
    }
    let suite = build_suite()?;
    let programs = build_all(Profile::Debug)?;
    Ok(Ok(Guests { kernels, suite, programs }))
}

impl Guests {
    /// The guest whose outcome has this name, or none.
    pub(crate) fn only(&self, name: &str) -> Self {
        let kernels = self.kernels.iter().filter(|kernel| name.contains(&kernel.release)).cloned().collect();
        Self { kernels, suite: self.suite.clone(), programs: self.programs.clone() }
    }

    /// Runs the suite in each kernel; `filter` goes to the test program. Each kernel is an outcome for `report`: one
    /// that fails does not keep the next from running.
    ///
    /// # Errors
    /// When an image cannot be packed, or the table cannot be written.
    pub(crate) fn run(&self, filter: &[String], docs: Docs, report: &mut dyn FnMut(Outcome)) -> Result<()> {
        let Self { kernels, suite, programs } = self;
        let mut seen = table::Seen::default();
        let mut all_passed = true;
        for kernel in kernels {
            let initramfs = image::pack(kernel, &image::Content { suite, programs, filter })?;
            let (outcome, results) = boot::run(kernel, &initramfs);
            all_passed &= outcome.is_good();
            report(outcome);
            seen.add(&kernel.release, &results);
        }
        // A filtered run has seen only a part, and so has one with a failure.
        if !filter.is_empty() || !all_passed || std::env::var_os("HIDS_VM_KERNEL").is_some() {
            return Ok(());
        }
        let (outcome, results) = own::run(suite)?;
        let passed = outcome.is_good();
        report(outcome);
        seen.add(&own::name()?, &results);
        if passed { table::keep(&seen, docs) } else { Ok(()) }
    }
}

/// Why there can be no guest here, if so.
fn impossible() -> Result<Option<String>> {
    if std::env::consts::ARCH != "x86_64" {
        return Ok(Some(format!("the guest's kernels are for x86_64 and this machine is {}", std::env::consts::ARCH)));
    }
    if !has("apt-get") {
        return Ok(Some("the guest's kernels are Debian packages and this system has no apt-get".to_owned()));
    }
    ensure(&[&BUILD, &VM])?;
    Ok(None)
}

fn skip(why: &str) -> Result<Outcome> {
    if require::is_required("vm") {
        bail!("HIDS_REQUIRE names vm, but {why}");
    }
    let mut outcome = Outcome::step("vm", || Ok(()));
    outcome.tally.passed = 0;
    outcome.skipped =
        vec![Skip { what: "vm".to_owned(), reason: why.to_owned(), test: "the kernels under QEMU".to_owned() }];
    Ok(outcome)
}

/// Builds the test program; returns its path.
fn build_suite() -> Result<PathBuf> {
    let mut build = cargo();
    build.args(["test", "--package", "hids-tests", "--test", "vm", "--no-run", "--message-format=json"]);
    build.stderr(std::process::Stdio::inherit());
    print(&build);
    let messages = output(&mut build).context("cannot build the suite for the guest")?;
    let path = messages.lines().filter_map(executable).next_back();
    path.context("cargo named no test program").map(|path| paths::root().join(path))
}

/// The program that one of cargo's messages names.
fn executable(message: &str) -> Option<String> {
    let message: serde_json::Value = serde_json::from_str(message).ok()?;
    let is_suite = message["target"]["name"] == "vm";
    message["executable"].as_str().filter(|_| is_suite).map(str::to_owned)
}
