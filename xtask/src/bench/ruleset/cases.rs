//! Feeds cases to `hidsctl logtest`, each to a process of its own.

use std::fs::{self, File};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::exec::{command, output};

/// What runs cases, and where it puts its files.
pub(super) struct Runner {
    pub program: PathBuf,
    pub config: PathBuf,
    pub directory: PathBuf,
}

/// What `logtest` says of a line.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    pub decoder: String,
    pub rule: Option<u64>,
    /// 0 without an alert.
    pub alert_level: u64,
    pub level: u64,
    pub srcip: Option<String>,
    /// Whether an active response of the shipped configuration would block somebody now.
    pub blocks: bool,
}

impl Answer {
    fn of(value: &Value) -> Self {
        let level = value["rule"]["level"].as_u64().unwrap_or(0);
        let next = value["next"].as_array().into_iter().flatten();
        let is_block = |next: &Value| next["kind"] == "block" && next["lines_more"] == 0;
        Self {
            decoder: value["decoder"]["name"].as_str().unwrap_or_default().to_ascii_lowercase(),
            rule: value["rule"]["id"].as_u64(),
            alert_level: if value["alert"] == true { level } else { 0 },
            level,
            srcip: value["srcip"].as_str().map(str::to_owned),
            blocks: next.clone().any(is_block),
        }
    }
}

/// Whether two texts are the same address, or the same name.
pub(super) fn same_source(one: &str, other: &str) -> bool {
    let address =
        |text: &str| text.trim_matches(['[', ']']).parse::<IpAddr>().ok().map(|address| address.to_canonical());
    match (address(one), address(other)) {
        (Some(one), Some(other)) => one == other,
        _ => one.eq_ignore_ascii_case(other),
    }
}

impl Runner {
    /// The answers to the lines of each case.
    pub(super) fn run(&self, cases: &[Vec<String>]) -> Result<Vec<Vec<Answer>>> {
        let next = AtomicUsize::new(0);
        let answers: Mutex<Vec<Option<Vec<Answer>>>> = Mutex::new(vec![None; cases.len()]);
        let work = |worker: usize| -> Result<()> {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(lines) = cases.get(index) else { return Ok(()) };
                let answer = self.one(worker, lines).with_context(|| format!("case {index}"))?;
                answers.lock().unwrap_or_else(std::sync::PoisonError::into_inner)[index] = Some(answer);
            }
        };
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| -> Result<()> {
            let threads: Vec<_> = (0..workers).map(|worker| scope.spawn(move || work(worker))).collect();
            threads.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|_| anyhow::bail!("a thread ended")))
        })?;
        let answers = answers.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        answers.into_iter().map(|answer| answer.context("a case was left out")).collect()
    }

    fn one(&self, worker: usize, lines: &[String]) -> Result<Vec<Answer>> {
        let path = self.directory.join(format!("case-{worker}"));
        let text: String = lines.iter().map(|line| line.replace('\n', " ") + "\n").collect();
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        let input = File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut logtest = command(&self.program);
        logtest.arg("-c").arg(&self.config).args(["--json", "logtest"]).stdin(Stdio::from(input));
        let out = output(&mut logtest)?;
        let answers: Vec<Answer> = out
            .lines()
            .map(|line| Ok(Answer::of(&serde_json::from_str(line).context("logtest wrote no JSON")?)))
            .collect::<Result<_>>()?;
        ensure!(answers.len() == lines.len(), "{} answers to {} lines", answers.len(), lines.len());
        Ok(answers)
    }

    /// The addresses that a replay of `file` blocks, with the times of its lines.
    pub(super) fn blocked(&self, file: &Path) -> Result<Vec<String>> {
        let mut replay = command(&self.program);
        replay.arg("-c").arg(&self.config).args(["--json", "replay"]).arg(file);
        let report: Value = serde_json::from_str(&output(&mut replay)?).context("replay wrote no JSON")?;
        let blocked = report["would_block"].as_array().context("replay names no blocks")?;
        Ok(blocked.iter().filter_map(|address| Some(address.as_str()?.to_owned())).collect())
    }
}
