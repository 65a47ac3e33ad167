//! `cargo xtask bench engine`: how fast whole files are analysed, with which memory, and where time goes.
//!
//! The release `hidsctl replay` runs as an administrator runs it, from reading the file to alerts.json
//! written. CPU time is what the kernel charged to the whole process. Changes nothing but files below
//! `target/bench`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use super::engine_usage::{Usage, best, row};
use super::{engine_compare, engine_corpus, milliseconds};
use crate::build::{Profile, build_all};
use crate::exec::{command, say};
use crate::paths;

/// How much to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// Log lines to be analysed
    #[arg(long, default_value_t = 1_000_000)]
    lines: u32,
    /// Measure this program instead of building one
    #[arg(long, value_name = "HIDSCTL")]
    program: Option<PathBuf>,
    /// Compare directories with decoders/ and rules/ instead, the first with each further one; may be repeated
    #[arg(long, value_name = "DIR")]
    ruleset: Vec<PathBuf>,
    /// The program for the rulesets before the last, when they need an older one
    #[arg(long, value_name = "HIDSCTL", requires = "ruleset")]
    earlier_program: Option<PathBuf>,
}

/// Measures OSSEC's rules, where they are there, and the shipped ones.
pub(crate) fn run(options: &Options) -> Result<()> {
    let program = match &options.program {
        Some(program) => program.clone(),
        None => build_all(Profile::Release)?.join("hidsctl"),
    };
    let directory = paths::target().join("bench");
    fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
    let (corpus, what) = engine_corpus::make(&directory, options.lines)?;
    println!("corpus: {what}");
    if !options.ruleset.is_empty() {
        let earlier = options.earlier_program.as_deref().unwrap_or(&program);
        return engine_compare::run(&options.ruleset, [earlier, &program], &corpus, &directory);
    }
    let shared = engine_corpus::shared().map(|shared| shared.join("testdata/ossec-ruleset/etc/ossec.conf"));
    match shared.filter(|path| path.exists()) {
        Some(config) => measure("OSSEC's rules", &program, &config, &corpus, &directory)?,
        None => println!("skipped: OSSEC's rules (no ../shared)"),
    }
    measure("shipped rules", &program, &paths::root().join("config/ossec.conf"), &corpus, &directory)
}

fn measure(name: &str, program: &Path, config: &Path, corpus: &Path, directory: &Path) -> Result<()> {
    say(&format!("{name}: {}", config.display()));
    let lines = fs::read(corpus).context("cannot read the corpus")?;
    let events = lines.iter().filter(|&&byte| byte == b'\n').count() as f64;
    let scan = literal_scan(&lines);
    drop(lines);
    let alerts = directory.join("alerts.json");
    let replay = |threads: usize, stop_after: Option<&str>, file: &Path| {
        let mut replay = command(program);
        replay.args(["replay", "--json", "-c"]).arg(config).args(["--threads", &threads.to_string()]);
        match stop_after {
            Some(stage) => replay.args(["--stop-after", stage]),
            None => replay.arg("--alerts-json").arg(&alerts),
        };
        replay.arg(file);
        best(&mut replay)
    };
    let start = replay(1, Some("read"), Path::new("/dev/null"))?;
    row("start (everything parsed and compiled)", &milliseconds(Duration::from_secs_f64(start.wall)), "< 150 ms");
    let whole = replay(1, None, corpus)?;
    row("events per CPU-second, one thread", &format!("{:.0}", events / whole.cpu), "1,000,000");
    row("  the same without the start", &format!("{:.0}", events / (whole.cpu - start.cpu)), "");
    row("  against a scan for one literal (memchr)", &format!("{:.4} x", scan / whole.cpu), "");
    row("peak memory, one thread", &format!("{:.0} MiB", whole.peak_kib as f64 / 1024.0), "< 100 MiB");
    let answer = fs::read(&alerts).context("cannot read the alerts")?;
    let recorded = answer.iter().filter(|&&byte| byte == b'\n').count() as f64;
    row("alerts", &format!("{:.1} %", 100.0 * recorded / events), "");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let all = replay(cores, None, corpus)?;
    row(&format!("events per second, {cores} threads"), &format!("{:.0}", events / all.wall), "");
    row(&format!("peak memory, {cores} threads"), &format!("{:.0} MiB", all.peak_kib as f64 / 1024.0), "< 100 MiB");
    ensure!(fs::read(&alerts).context("cannot read the alerts")? == answer, "1 and {cores} threads differ");
    row("alerts.json, 1 against all threads", "equal", "equal");
    stages(start, whole, |stage| replay(1, Some(stage), corpus))
}

/// What each stage adds to the time of those before it.
fn stages(start: Usage, whole: Usage, until: impl Fn(&str) -> Result<Usage>) -> Result<()> {
    let mut before = start.cpu;
    let share = |name: &str, cpu: f64| row(name, &format!("{:.0} %", 100.0 * cpu / whole.cpu), "");
    share("share of time: start", start.cpu);
    for (stage, name) in [
        ("read", "share of time: reading, lines, their times"),
        ("decode", "share of time: headers, literals, decoders"),
        ("rules", "share of time: rules"),
    ] {
        let cpu = until(stage)?.cpu;
        share(name, cpu - before);
        before = cpu;
    }
    share("share of time: alerts", whole.cpu - before);
    Ok(())
}

/// Seconds that a search for a literal that does not occur takes, the best of some runs.
fn literal_scan(text: &[u8]) -> f64 {
    let finder = memchr::memmem::Finder::new("no line has this text");
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let start = Instant::now();
        let found = std::hint::black_box(finder.find(std::hint::black_box(text)));
        best = best.min(if found.is_none() { start.elapsed().as_secs_f64() } else { f64::NAN });
    }
    best
}
