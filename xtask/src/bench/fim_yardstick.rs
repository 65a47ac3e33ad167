//! What file integrity is measured against, and how.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::exec::command;

/// Clock ticks of `/proc/PID/stat`: `USER_HZ`, 100 on every Linux that this project runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// Files given to one program: the kernel bounds the length of a command line.
const FILES_AT_ONCE: usize = 4000;

/// What something took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    /// Seconds on the clock.
    pub wall: f64,
    /// Seconds of all cores together.
    pub cpu: f64,
    /// Largest resident memory, where it was watched.
    pub peak_kib: Option<u64>,
}

impl Usage {
    /// The better of two runs of the same thing, but the larger memory.
    pub(super) fn better(self, other: Self) -> Self {
        Self {
            wall: self.wall.min(other.wall),
            cpu: self.cpu.min(other.cpu),
            peak_kib: self.peak_kib.max(other.peak_kib),
        }
    }
}

/// What this process itself takes for `work`.
pub(super) fn of_this_process(work: impl FnOnce() -> Result<()>) -> Result<Usage> {
    timed([14, 15], work)
}

/// What programs take that `work` runs to their end.
pub(super) fn of_children(work: impl FnOnce() -> Result<()>) -> Result<Usage> {
    timed([16, 17], work)
}

fn timed(fields: [usize; 2], work: impl FnOnce() -> Result<()>) -> Result<Usage> {
    let (before, start) = (own_seconds(fields)?, Instant::now());
    work()?;
    Ok(Usage { wall: start.elapsed().as_secs_f64(), cpu: own_seconds(fields)? - before, peak_kib: None })
}

/// Fields of `/proc/self/stat` (proc_pid_stat(5)), in seconds.
fn own_seconds(fields: [usize; 2]) -> Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat").context("cannot read the time used")?;
    let rest = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    // The first field after the name is the third.
    let ticks = |field: usize| rest.split(' ').nth(field - 3).and_then(|text| text.parse::<f64>().ok());
    let sum = ticks(fields[0]).zip(ticks(fields[1])).map(|(user, system)| user + system);
    Ok(sum.context("cannot read the time used")? / TICKS_PER_SECOND)
}

/// Runs a program and watches its memory; what it took and what it wrote.
pub(super) fn of_program(command: &mut Command) -> Result<(Usage, String)> {
    let mut peak_kib = 0;
    let mut text = String::new();
    let usage = of_children(|| {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.with_context(|| format!("cannot start {}", command.get_program().display()))?;
        let status = PathBuf::from(format!("/proc/{}/status", child.id()));
        // What it writes is little: it fits into the pipe while nobody reads.
        while child.try_wait()?.is_none() {
            let status = fs::read_to_string(&status).unwrap_or_default();
            let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let peak = peak.and_then(|rest| rest.split_whitespace().next()).and_then(|number| number.parse().ok());
            peak_kib = peak_kib.max(peak.unwrap_or(0));
            std::thread::sleep(Duration::from_millis(5));
        }
        let output = child.wait_with_output()?;
        ensure!(
            output.status.success(),
            "{} ended with {}: {}",
            command.get_program().display(),
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        text = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok(())
    })?;
    Ok((Usage { peak_kib: Some(peak_kib), ..usage }, text))
}

/// Reads every byte, with as many threads as there are cores.
pub(super) fn read_all(files: &[PathBuf]) -> Result<()> {
    on_all_cores(files, 64, |some| {
        let mut buffer = vec![0; 128 * 1024];
        for path in some {
            let mut file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
            while file.read(&mut buffer).with_context(|| format!("cannot read {}", path.display()))? > 0 {}
        }
        Ok(())
    })
}

/// SHA-256 of every file with openssl, as many programs at a time as there are cores.
pub(super) fn openssl(files: &[PathBuf]) -> Result<()> {
    on_all_cores(files, FILES_AT_ONCE, |some| {
        let mut openssl = quiet("openssl");
        let status = openssl.args(["dgst", "-sha256"]).args(some).stdout(Stdio::null()).status();
        ensure!(status.context("cannot start openssl")?.success(), "openssl failed");
        Ok(())
    })
}

/// Hands out pieces of the list to threads until it is done.
fn on_all_cores(files: &[PathBuf], piece: usize, work: impl Fn(&[PathBuf]) -> Result<()> + Sync) -> Result<()> {
    let next = AtomicUsize::new(0);
    let pieces: Vec<&[PathBuf]> = files.chunks(piece).collect();
    let run = || -> Result<()> {
        while let Some(some) = pieces.get(next.fetch_add(1, Ordering::Relaxed)) {
            work(some)?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(run)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|_| Err(anyhow::anyhow!("a panic"))))
    })
}

/// Writes everything to the disk and forgets what was read from it.
pub(super) fn drop_caches() -> Result<()> {
    let sync = quiet("sync").status().context("cannot run sync")?;
    ensure!(sync.success(), "sync failed");
    fs::write("/proc/sys/vm/drop_caches", "3").context("the page cache can only be dropped by root")
}

/// A command for a run that is measured, printed by nobody: there are hundreds.
pub(super) fn quiet(program: &str) -> Command {
    command(program)
}
