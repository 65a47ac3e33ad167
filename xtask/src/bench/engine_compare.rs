//! `cargo xtask bench engine --ruleset DIR --ruleset DIR`: how much slower one ruleset is than another.
//!
//! All are measured in turns in one run, so that what else the machine does slows all of them. Events are those of
//! the whole corpus, and those of the lines that raise no alert with any of the rulesets: writing alerts is other work.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::engine_usage::{Usage, once, row};
use super::milliseconds;
use super::ruleset::configuration;
use crate::exec::{command, say};

/// How often each is measured; the best counts.
const ROUNDS: usize = 5;

/// A ruleset with what it took at best.
struct Side {
    program: PathBuf,
    config: PathBuf,
    start: f64,
    whole: f64,
    quiet: f64,
    wall_of_start: f64,
}

/// Measures each of the rulesets, and prints what each further one reaches of the first. The second of `programs` is
/// for the last ruleset, the first for those before it.
pub(super) fn run(rulesets: &[PathBuf], programs: [&Path; 2], corpus: &Path, directory: &Path) -> Result<()> {
    let last = rulesets.len() - 1;
    let side = |(index, ruleset): (usize, &PathBuf)| -> Result<Side> {
        let program = programs[usize::from(index == last)].to_owned();
        let config = configuration(directory, &format!("compare-{index}"), ruleset)?;
        let none = f64::INFINITY;
        Ok(Side { program, config, start: none, whole: none, quiet: none, wall_of_start: none })
    };
    let mut sides = rulesets.iter().enumerate().map(side).collect::<Result<Vec<_>>>()?;
    let quiet = quiet_lines(&sides, corpus, directory)?;
    let (events, quiet_events) = (lines(corpus)?, lines(&quiet)?);
    for round in 1..=ROUNDS {
        say(&format!("round {round} of {ROUNDS}"));
        for side in &mut sides {
            let start = replay(side, Path::new("/dev/null"), None)?;
            side.start = side.start.min(start.cpu);
            side.wall_of_start = side.wall_of_start.min(start.wall);
            side.whole = side.whole.min(replay(side, corpus, Some(&directory.join("alerts.json")))?.cpu);
            side.quiet = side.quiet.min(replay(side, &quiet, Some(&directory.join("alerts.json")))?.cpu);
        }
    }
    let rate = |events: f64, cpu: f64, start: f64| events / (cpu - start).max(0.01);
    let (first, rest) = sides.split_first().context("there is no ruleset")?;
    for (side, ruleset) in sides.iter().zip(rulesets) {
        println!("{}", ruleset.display());
        row("  start", &milliseconds(Duration::from_secs_f64(side.wall_of_start)), "< 300 ms");
        row("  events per CPU-second, without the start", &format!("{:.0}", rate(events, side.whole, side.start)), "");
        let quiet = rate(quiet_events, side.quiet, side.start);
        row("  the same, lines without an alert", &format!("{quiet:.0}"), "");
    }
    for side in rest {
        let ratio =
            |events: f64, own: f64, of_first: f64| rate(events, own, side.start) / rate(events, of_first, first.start);
        row("ratio to the first", &format!("{:.3}", ratio(events, side.whole, first.whole)), "0.80");
        row("ratio, lines without an alert", &format!("{:.3}", ratio(quiet_events, side.quiet, first.quiet)), "0.95");
    }
    Ok(())
}

fn replay(side: &Side, file: &Path, alerts: Option<&Path>) -> Result<Usage> {
    let mut replay = command(&side.program);
    replay.args(["replay", "--json", "--threads", "1", "-c"]).arg(&side.config);
    if let Some(alerts) = alerts {
        replay.arg("--alerts-json").arg(alerts);
    }
    once(replay.arg(file))
}

/// The lines of the corpus whose text is in no alert of these rulesets, as a file.
fn quiet_lines(sides: &[Side], corpus: &Path, directory: &Path) -> Result<PathBuf> {
    let read = |path: &Path| fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    let mut logs: HashSet<String> = HashSet::new();
    for side in sides {
        let alerts = directory.join("alerts.json");
        replay(side, corpus, Some(&alerts))?;
        let alerted = read(&alerts)?;
        logs.extend(alerted.split(|&byte| byte == b'\n').filter_map(|line| {
            let alert: serde_json::Value = serde_json::from_slice(line).ok()?;
            Some(alert["full_log"].as_str()?.trim_ascii_end().to_owned())
        }));
    }
    let text = read(corpus)?;
    let mut quiet = Vec::new();
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        // What is escaped in an alert counts as quiet; such lines are few.
        if !logs.contains(&*String::from_utf8_lossy(line.trim_ascii_end())) {
            quiet.extend_from_slice(line);
        }
    }
    let path = directory.join("quiet.log");
    fs::write(&path, quiet).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

fn lines(path: &Path) -> Result<f64> {
    let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(text.iter().filter(|&&byte| byte == b'\n').count() as f64)
}
