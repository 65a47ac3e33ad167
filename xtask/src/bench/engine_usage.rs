//! What a run of a program takes: processor time, time, memory.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::paths;

/// Clock ticks of `/proc/PID/stat`: `USER_HZ`, 100 on every Linux that this project runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// How often a measurement is repeated; the best counts, for the machine may be shared.
const REPEATS: usize = 3;

/// What one run took.
#[derive(Clone, Copy)]
pub(super) struct Usage {
    pub(super) cpu: f64,
    pub(super) wall: f64,
    pub(super) peak_kib: u64,
}

/// The best of some runs.
pub(super) fn best(command: &mut Command) -> Result<Usage> {
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
pub(super) fn once(command: &mut Command) -> Result<Usage> {
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

/// Prints a figure and what is wanted of it.
pub(super) fn row(name: &str, value: &str, wanted: &str) {
    let wanted = if wanted.is_empty() { String::new() } else { format!("   wanted: {wanted}") };
    println!("{name:<44} {value:>14}{wanted}");
}
