//! `cargo xtask bench watch`: how soon a change of a file is told, how much memory watching takes, and what
//! it costs programs that write.
//!
//! Runs the daemon on a temporary root beside whatever else is there, with process data on. Changes
//! nothing but files below `target/bench` and the temporary root.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use hids_tests::programs;

use super::watched::{PATIENCE, wait_for_rest, watching};
use super::{figure, fim_tree, milliseconds, watch_load};
use crate::build::{Profile, build_all};
use crate::exec::{cargo, run as run_command, say};
use crate::paths;
use crate::system::{BUILD, LAB, ensure as ensure_system, require_root};

/// How much to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// Changes whose way into alerts.json is timed, of each sort
    #[arg(long, default_value_t = 200)]
    changes: usize,
    /// Files that are watched when memory is measured
    #[arg(long, default_value_t = 200_000)]
    files: u32,
    /// How often each of the programs that write is run, with and without the daemon
    #[arg(long, default_value_t = 5)]
    repeats: usize,
    /// Only what it costs programs that write
    #[arg(long)]
    only_load: bool,
    /// Only a million changes by two writers, an overflow and a kill: whether all is told, and when (10 minutes)
    #[arg(long)]
    torture: bool,
    /// Measure programs from here instead of building them
    #[arg(long, value_name = "DIR")]
    programs: Option<PathBuf>,
}

/// Measures everything and prints one line for each figure.
pub(crate) fn run(options: &Options) -> Result<()> {
    require_root("fanotify and BPF")?;
    ensure_system(&[&BUILD, &LAB])?;
    programs::take_from(match &options.programs {
        Some(programs) => programs.clone(),
        None => build_all(Profile::Release)?,
    });
    say(&format!("figures of {}", programs::directory().display()));
    if options.torture {
        return torture();
    }
    let within = paths::target().join("bench");
    fs::create_dir_all(&within).with_context(|| format!("cannot make {}", within.display()))?;
    if !options.only_load {
        latency(&within.join("watched"), options.changes)?;
        memory(&within, options.files)?;
    }
    watch_load::measure(&within, options.repeats)
}

/// The suite's test at its full size; it checks every alert and prints how long all took.
fn torture() -> Result<()> {
    let mut test = cargo();
    test.args(["test", "--package", "hids-tests", "--test", "fim", "--"]);
    test.args(["nothing_is_lost_by_an_overflow_and_a_kill", "--nocapture"]);
    run_command(test.env("HIDS_TORTURE", "1").env("HIDS_BIN_DIR", programs::directory()))
}

/// From a change until its alert is in `alerts.json`, one after the other.
fn latency(tree: &Path, count: usize) -> Result<()> {
    let _ = fs::remove_dir_all(tree);
    fs::create_dir_all(tree).with_context(|| format!("cannot make {}", tree.display()))?;
    let known = tree.join("known");
    fs::write(&known, "first")?;
    let daemon = watching(tree);
    let alerts = daemon.path("logs/alerts/alerts.json");
    let length = || fs::metadata(&alerts).map_or(0, |metadata| metadata.len());
    let time = |change: &dyn Fn(usize) -> std::io::Result<()>| -> Result<Vec<Duration>> {
        let mut times = Vec::new();
        for number in 0..count {
            let (before, began) = (length(), Instant::now());
            change(number)?;
            while length() <= before {
                ensure!(began.elapsed() < PATIENCE, "change {number} is not alerted");
                std::thread::sleep(Duration::from_micros(200));
            }
            times.push(began.elapsed());
        }
        times.sort_unstable();
        Ok(times)
    };
    let name = |number: usize| tree.join(format!("new-{number}"));
    let sorts: [(&str, &str, Vec<Duration>); 3] = [
        ("file written until alerted", "< 50 ms", time(&|number| fs::write(&known, number.to_string()))?),
        ("new file until alerted", "", time(&|number| fs::write(name(number), "new"))?),
        ("file deleted until alerted", "", time(&|number| fs::remove_file(name(number)))?),
    ];
    for (what, wanted, times) in sorts {
        let at = |percent: usize| times.get(times.len() * percent / 100).copied().unwrap_or_default();
        figure(&format!("{what}, median"), &milliseconds(at(50)), wanted, &format!("99 %: {}", milliseconds(at(99))));
    }
    Ok(())
}

/// What the daemon holds while it watches many files: at rest, and at most since its first scan.
fn memory(within: &Path, files: u32) -> Result<()> {
    let tree = fim_tree::make(within, files, 1, 0)?;
    let daemon = watching(&tree.root);
    let pid = daemon.pid().context("the daemon is gone")?;
    let mib = |key: &str| -> Result<String> {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).context("the daemon is gone")?;
        let line = status.lines().find_map(|line| line.strip_prefix(key)).context("no such value")?;
        let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(format!("{:.1} MiB", kib / 1024.0))
    };
    let watched = tree.files.len();
    std::thread::sleep(Duration::from_secs(2));
    figure(&format!("memory, {watched} files watched"), &mib("VmRSS:")?, "< 60 MiB", "");
    figure("  at most, first scan included", &mib("VmHWM:")?, "", "");
    for file in tree.files.iter().step_by((watched / 10_000).max(1)) {
        fs::write(file, "changed").with_context(|| format!("cannot write {}", file.display()))?;
    }
    wait_for_rest(&daemon);
    // Within its next look at what there is to do it gives memory back.
    std::thread::sleep(Duration::from_secs(2));
    figure("  after 10,000 of them were changed", &mib("VmRSS:")?, "< 60 MiB", &format!("at most {}", mib("VmHWM:")?));
    drop(daemon);
    // It is no longer what its name says.
    let _ = fs::remove_file(tree.root.with_extension("complete"));
    fs::remove_dir_all(&tree.root).with_context(|| format!("cannot remove {}", tree.root.display()))
}
