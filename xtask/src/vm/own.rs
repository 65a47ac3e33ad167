//! The part of the suite that this machine's own kernel can take, for its column of the table.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::exec::command;
use crate::paths;
use crate::test::suite::{Outcome, run as run_suite};

/// Tests that change nothing of the machine and have something for the table: file events, and what the
/// product says of the guard. A guard itself would lock the machine's own files.
const TESTS: &[&str] = &["files::", "offer::"];

/// The column's name: the first numbers of the release, as the rest is the maker's own.
pub(super) fn name() -> Result<String> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").context("the kernel does not tell its release")?;
    let numbers: Vec<&str> = release.split(['.', '-']).take(2).collect();
    Ok(format!("{} (the machine that built it)", numbers.join(".")))
}

/// Runs those tests; how they ended and the lines that they wrote.
///
/// # Errors
/// When the file of those lines cannot be written or read.
pub(super) fn run(suite: &Path) -> Result<(Outcome, Vec<String>)> {
    let results = paths::target().join("vm/results-own");
    fs::write(&results, "").with_context(|| format!("cannot write {}", results.display()))?;
    let mut test = command(suite);
    test.arg("--test-threads=1").args(TESTS).env("HIDS_RESULTS", &results);
    let outcome = run_suite("vm own kernel", &mut test);
    let text = fs::read_to_string(&results).with_context(|| format!("cannot read {}", results.display()))?;
    Ok((outcome, text.lines().map(str::to_owned).collect()))
}
