//! `hidsctl fim measure`, hidden: what `cargo xtask bench fim` measures. Needs no daemon and touches nothing of
//! its own state.

use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use hids_core::fim::{Checks, Policy, PolicyDef, Watch};

use crate::cli::exit::Exit;
use crate::cli::output;
use crate::fim::offline;
use crate::fim::scan::{ScanDepth, ScanOptions};

/// What to measure.
#[derive(Debug, Args)]
pub(super) struct MeasureArgs {
    /// What to do with the baseline
    what: What,
    /// File of the baseline; its key is kept beside it
    baseline: PathBuf,
    /// Tree to be scanned
    tree: PathBuf,
    /// Threads, 0 for one on each core
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// All sums of OSSEC rather than SHA-256 alone
    #[arg(long)]
    all_sums: bool,
    /// Leave what was read in memory
    #[arg(long)]
    fill_cache: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    /// Make it
    Build,
    /// Compare with it, reading everything
    Verify,
    /// Compare with it, reading what has changed
    Changed,
}

/// Scans and prints the counts.
pub(super) fn run(args: &MeasureArgs) -> anyhow::Result<Exit> {
    let all = Checks::all(true);
    let checks = if args.all_sums { all } else { Checks { md5: false, sha1: false, ..all } };
    let root = std::path::absolute(&args.tree)?.as_os_str().as_bytes().to_vec();
    let watch = Watch { root, checks, ..Watch::default() };
    let policy = Policy::compile(PolicyDef { watches: vec![watch], ..PolicyDef::default() });
    let mut options = ScanOptions { threads: args.threads, nice: None, ..ScanOptions::default() };
    if args.fill_cache {
        options.examine.page_cache = crate::fim::examine::PageCache::Fill;
    }
    let mut found = 0_u64;
    let mut count = |_: &_| found += 1;
    let report = match args.what {
        What::Build => offline::build(&args.baseline, policy, options)?,
        What::Verify => offline::check(&args.baseline, policy, ScanDepth::Full, options, &mut count)?,
        What::Changed => offline::check(&args.baseline, policy, ScanDepth::Changed, options, &mut count)?,
    };
    let totals = report.totals;
    output::print(&format!(
        "files {} directories {} bytes {} differences {} not-scanned {} seconds {:.3}\n",
        totals.files,
        totals.directories,
        totals.bytes,
        report.differences,
        report.not_scanned,
        report.duration.as_secs_f64()
    ))?;
    Ok(Exit::Success)
}
