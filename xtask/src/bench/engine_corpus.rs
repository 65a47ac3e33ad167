//! The log lines that the engine is measured on.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::corpus;
use crate::exec::{command, run};
use crate::paths;

/// Test data of others, which is no part of the repository.
pub(super) fn shared() -> Option<PathBuf> {
    let path = std::env::var_os("HIDS_SHARED").map_or_else(|| paths::root().join("../shared"), PathBuf::from);
    path.is_dir().then_some(path)
}

/// Makes `lines` mixed lines below `directory`, unless they are there; where they are, and what.
pub(super) fn make(directory: &Path, lines: u32) -> Result<(PathBuf, String)> {
    let tool = shared().map(|shared| (shared.join("tools/make_corpus.sh"), shared.join("testdata/loghub")));
    if let Some((tool, samples)) = tool.filter(|(tool, samples)| tool.exists() && samples.is_dir()) {
        let out = directory.join(format!("corpus-{lines}"));
        let file = out.join("mixed.log");
        if !file.exists() {
            run(command("bash").arg(tool).arg(samples).arg(&out).arg(lines.to_string()))?;
        }
        return Ok((file, format!("{lines} lines of mixed.log of make_corpus.sh")));
    }
    let samples = samples(&paths::root().join("config/ruleset"));
    let file = directory.join(format!("own-{lines}.log"));
    let mut text = corpus::mixed(lines / 2);
    let rest = (lines - lines / 2) as usize;
    for sample in samples.iter().cycle().take(if samples.is_empty() { 0 } else { rest }) {
        text.push_str(sample);
        text.push('\n');
    }
    fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    Ok((file, format!("{lines} lines: half made, half the {} samples of the shipped rules' tests", samples.len())))
}

/// The lines of the shipped rules' own tests: `line = …` in files that end in `.ini` or `.toml`, and
/// `log N pass = …` of OSSEC's form.
fn samples(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut entries: Vec<_> =
        fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            found.extend(samples(&path));
        } else if path.extension().is_some_and(|extension| extension == "ini") {
            let text = fs::read_to_string(&path).unwrap_or_default();
            let value = |line: &str| {
                let (key, value) = line.split_once('=')?;
                key.trim_start().starts_with("log").then(|| value.trim().to_owned())
            };
            found.extend(text.lines().filter_map(value).filter(|line| !line.is_empty()));
        }
    }
    found
}
