//! `internal_options.conf` and `local_internal_options.conf` beside the configuration file.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hids_core::diag::{Diagnostic, SourceFile, Span};

use crate::config::RuleMemory;
use crate::config::read_file::{ReadProblem, read_file};
use crate::config::value::{Problems, digits};

/// Options that are used, with the numbers they can have (OSSEC `src/analysisd/analysisd.c` and other
/// callers of `getDefine_Int`).
const USED: [(&str, u64, u64); 10] = [
    ("analysisd.default_timeframe", 60, 3600),
    ("analysisd.fts_list_size", 12, 512),
    ("analysisd.fts_min_size_for_str", 6, 128),
    ("analysisd.log_fw", 0, 1),
    ("analysisd.decoder_order_size", 8, 1024),
    ("analysisd.sid_prev_matched_max", 1, 100_000),
    ("maild.groupping", 0, 1),
    ("maild.full_subject", 0, 1),
    ("monitord.compress", 0, 1),
    ("monitord.sign", 0, 1),
];

/// What the internal options say.
pub(in crate::config) struct InternalOptions {
    pub default_timeframe: Duration,
    pub memory: RuleMemory,
    pub decoder_order_size: usize,
    pub log_fw: bool,
    pub grouping: bool,
    pub full_subject: bool,
    pub compress: bool,
    pub checksums: bool,
}

impl InternalOptions {
    /// Reads both files in `folder`, as far as they exist; the local one wins.
    pub(crate) fn read(folder: &Path, files: &mut Vec<PathBuf>, problems: &mut Problems) -> Self {
        let mut values = BTreeMap::new();
        for name in ["internal_options.conf", "local_internal_options.conf"] {
            let path = folder.join(name);
            match read_file(&path) {
                Ok(text) => {
                    files.push(path.clone());
                    read_lines(&SourceFile::new(path.display().to_string(), text), &mut values, problems);
                }
                Err(ReadProblem::Io(error)) if error.kind() == ErrorKind::NotFound => {}
                Err(problem) => {
                    let message = format!("cannot read {}: {problem}; using default values", path.display());
                    problems.0.push(Diagnostic::error("C100", message).help("check its permissions, or remove it"));
                }
            }
        }
        Self::of(&values)
    }

    /// What holds where nothing is said.
    pub(super) fn none() -> Self {
        Self::of(&BTreeMap::new())
    }

    fn of(values: &BTreeMap<&'static str, u64>) -> Self {
        let value = |name: &str, default: u64| values.get(name).copied().unwrap_or(default);
        // At most 100,000.
        let size = |name: &str, default: u64| usize::try_from(value(name, default)).unwrap_or(usize::MAX);
        Self {
            default_timeframe: Duration::from_secs(value("analysisd.default_timeframe", 360)),
            memory: RuleMemory {
                events_of_rule: size("analysisd.sid_prev_matched_max", 128),
                fts_list_size: size("analysisd.fts_list_size", 32),
                fts_shared_prefix: size("analysisd.fts_min_size_for_str", 14),
            },
            decoder_order_size: size("analysisd.decoder_order_size", 256),
            log_fw: value("analysisd.log_fw", 1) == 1,
            grouping: value("maild.groupping", 1) == 1,
            full_subject: value("maild.full_subject", 0) == 1,
            compress: value("monitord.compress", 1) == 1,
            checksums: value("monitord.sign", 1) == 1,
        }
    }
}

fn read_lines(file: &Arc<SourceFile>, values: &mut BTreeMap<&'static str, u64>, problems: &mut Problems) {
    let mut at = 0;
    let mut unused = 0;
    for raw in file.text.split(|&byte| byte == b'\n') {
        let span = Span::new(file, at, at + raw.trim_ascii_end().len());
        at += raw.len() + 1;
        let line = String::from_utf8_lossy(raw);
        let line = line.trim_end();
        if line.is_empty() || line.starts_with(['#', ' ', '\t']) {
            continue;
        }
        let Some((name, text)) = line.split_once('=') else {
            problems.error("C100", &span, "expected NAME=NUMBER", "start comments with `#`");
            continue;
        };
        let Some(&(name, least, most)) = USED.iter().find(|(known, ..)| *known == name.trim()) else {
            unused += 1;
            continue;
        };
        match digits(text.trim()) {
            Some(number) if (least..=most).contains(&number) => {
                values.insert(name, number);
            }
            _ => {
                let message = format!("{name} must be a number from {least} to {most}, found \"{}\"", text.trim());
                problems.error("C100", &span, message, "fix it, or remove the line to use the default");
            }
        }
    }
    if unused > 0 {
        let message = format!("{} has {unused} unsupported options", file.name);
        let used: Vec<_> = USED.iter().map(|(name, ..)| *name).collect();
        problems.0.push(Diagnostic::note("C100", message).help(format!("supported options: {}", used.join(", "))));
    }
}
