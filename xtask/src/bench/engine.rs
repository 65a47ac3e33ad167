//! `cargo xtask bench engine`: how fast whole files are analysed, with which memory, and where time goes.
//!
//! The release `hidsctl replay` runs as an administrator runs it, from reading the file to alerts.json
//! written. CPU time is what the kernel charged to the whole process. Changes nothing but files below
//! `target/bench`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use super::{engine_corpus, milliseconds};
use crate::build::{Profile, build_all};
use crate::exec::{command, say};
use crate::paths;

/// Clock ticks of `/proc/PID/stat`: `USER_HZ`, 100 on every Linux that this project runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// How often a measurement is repeated; the best counts, for the machine may be shared.
const REPEATS: usize = 3;

/// How much to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// Log lines to be analysed
    #[arg(long, default_value_t = 1_000_000)]
    lines: u32,
    /// Measure this program instead of building one
    #[arg(long, value_name = "HIDSCTL")]
    program: Option<PathBuf>,
}

/// What one run took.
#[derive(Clone, Copy)]
struct Usage {
    cpu: f64,
    wall: f64,
    peak_kib: u64,
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

fn best(command: &mut Command) -> Result<Usage> {
    let mut best: Option<Usage> = None;
    for _ in 0..REPEATS {
        let usage = once(command)?;
        let peak_kib = usage.peak_kib.max(best.map_or(0, |best| best.peak_kib));
        let (cpu, wall) =
            best.map_or((usage.cpu, usage.wall), |best| (best.cpu.min(usage.cpu), best.wall.min(usage.wall)));
        best = Some(Usage { cpu, wall, peak_kib });
    }
    best.context("nothing was run")
}

/// Runs the command to its end and asks the kernel what it took, before the process is reaped.
fn once(command: &mut Command) -> Result<Usage> {
    let error = tempfile_error()?;
    let start = Instant::now();
    let mut child = command
        .stdout(Stdio::null())
        .stderr(error.1)
        .spawn()
        .with_context(|| format!("cannot start {}", command.get_program().display()))?;
    let directory = PathBuf::from(format!("/proc/{}", child.id()));
    let mut peak_kib = 0;
    let (wall, stat) = loop {
        let stat = fs::read_to_string(directory.join("stat")).context("the process is gone")?;
        let rest = stat.rsplit_once(") ").map_or("", |(_, rest)| rest).to_owned();
        if rest.starts_with('Z') {
            break (start.elapsed().as_secs_f64(), rest);
        }
        let status = fs::read_to_string(directory.join("status")).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|rest| rest.split_whitespace().next()).and_then(|number| number.parse().ok());
        peak_kib = peak_kib.max(peak.unwrap_or(0));
        std::thread::sleep(Duration::from_millis(2));
    };
    let status = child.wait().context("cannot wait for the process")?;
    ensure!(
        status.success(),
        "{} ended with {status}: {}",
        command.get_program().display(),
        fs::read_to_string(&error.0)?
    );
    // Fields 14 and 15 of the line: user and system time of all threads; the state is field 3.
    let ticks = |field: usize| stat.split(' ').nth(field - 3).and_then(|text| text.parse::<f64>().ok());
    let cpu = ticks(14).zip(ticks(15)).map(|(user, system)| (user + system) / TICKS_PER_SECOND);
    Ok(Usage { cpu: cpu.context("cannot read the time used")?, wall, peak_kib })
}

/// A file for what the program says, shown when it fails.
fn tempfile_error() -> Result<(PathBuf, File)> {
    let path = paths::target().join("bench/stderr");
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok((path, file))
}

fn row(name: &str, value: &str, wanted: &str) {
    let wanted = if wanted.is_empty() { String::new() } else { format!("   wanted: {wanted}") };
    println!("{name:<44} {value:>14}{wanted}");
}
