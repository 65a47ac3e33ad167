//! `cargo xtask fuzz`: the fuzz targets of `tests/fuzz`, one after another.
//!
//! Works with the stable compiler: coverage by code generation options, no sanitizer (neither the core
//! nor the readers of the daemon that are fuzzed have `unsafe`). What the fuzzer learns stays under `target/fuzz`; the seeds in the repository are
//! only read. A finding stops the run and is kept in `tests/data/crashes`, where a test replays it.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::exec::{cargo, find, run as run_command, say};
use crate::paths;

/// The release that the targets were tried with.
const CARGO_FUZZ_VERSION: &str = "0.13.2";

/// All targets, in the order in which they run.
const TARGETS: [&str; 13] = [
    "fanotify", "export", "config", "control", "netlink", "journal", "state", "event", "json", "rules", "decoder",
    "pattern", "xml",
];

/// What to fuzz, and how long.
#[derive(Args)]
pub(crate) struct Options {
    /// One target only; all of them without it
    #[arg(value_parser = TARGETS)]
    target: Option<String>,
    /// Seconds for each target
    #[arg(long, default_value_t = 600)]
    seconds: u32,
}

/// Runs the targets and stops at the first finding.
pub(crate) fn run(options: &Options) -> Result<()> {
    if find("cargo-fuzz").is_none() {
        say("cargo-fuzz is not there");
        run_command(cargo().args(["install", "--locked", "cargo-fuzz", "--version", CARGO_FUZZ_VERSION]))?;
    }
    for target in TARGETS {
        if options.target.as_deref().is_none_or(|wanted| wanted == target) {
            fuzz(target, options.seconds)?;
        }
    }
    Ok(())
}

fn fuzz(target: &str, seconds: u32) -> Result<()> {
    let learned = paths::target().join("fuzz").join(target);
    let findings = paths::root().join("tests/data/crashes").join(target);
    for folder in [&learned, &findings] {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let mut fuzzer = cargo();
    fuzzer.args(["fuzz", "run", "--sanitizer", "none", "--fuzz-dir", "tests/fuzz", target]);
    // New inputs go into the first folder only.
    fuzzer.arg(&learned).arg(Path::new("tests/fuzz/corpus").join(target)).arg("--");
    fuzzer.args(["-timeout=10", "-rss_limit_mb=2048", "-max_len=4096", "-print_final_stats=1"]);
    fuzzer.arg(format!("-max_total_time={seconds}")).arg(format!("-artifact_prefix={}/", findings.display()));
    run_command(&mut fuzzer)
}
