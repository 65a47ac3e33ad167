//! How many log lines are analysed in a second.

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result};

use super::{corpus, figure};
use crate::exec::{command, output};
use crate::paths;

/// Analyses `count` mixed lines with `hidsctl replay`, on one thread and on all.
pub(super) fn measure(programs: &Path, count: u32) -> Result<()> {
    let directory = paths::target().join("bench");
    fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
    let file = directory.join("mixed.log");
    fs::write(&file, corpus::mixed(count)).with_context(|| format!("cannot write {}", file.display()))?;

    let start = Instant::now();
    output(
        command("grep").args(["--count", "--extended-regexp", "Failed password for .* from [0-9.]+ port"]).arg(&file),
    )?;
    let grep = f64::from(count) / start.elapsed().as_secs_f64();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    for threads in [1, cores] {
        let mut replay = command(programs.join("hidsctl"));
        replay.args(["replay", "--json", "-c", "config/ossec.conf", "--threads", &threads.to_string()]).arg(&file);
        let summary = output(&mut replay)?;
        let last = summary.lines().last().unwrap_or_default();
        let rate = number(last, "events") / number(last, "seconds");
        let beside = format!("{:.3} x grep -E of one pattern", rate / grep);
        figure(&format!("lines analysed, {threads} threads"), &format!("{rate:.0} /s"), "-", &beside);
    }
    Ok(())
}

/// A number of the summary, which is one JSON object on one line.
fn number(summary: &str, key: &str) -> f64 {
    let value = summary.split_once(&format!("\"{key}\":")).map_or("", |(_, rest)| rest);
    let end = value.find([',', '}']).unwrap_or(value.len());
    value[..end].trim().parse().unwrap_or(f64::NAN)
}
