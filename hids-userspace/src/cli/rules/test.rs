//! `hidsctl rules test`: runs rule tests, says what failed and, if asked, which rules no test covers.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::Args;
use hids_core::diag::{Diagnostic, SourceFile, has_errors};
use hids_core::engine::Engine;
use hids_core::model::RuleId;
use hids_core::rules::{Catalogue, RuleEntry};
use hids_core::ruletest::{self, Case, Coverage, Verdict};
use serde_json::{Value, json};

use super::covered::{self, Shown};
use super::list;
use crate::cli::exit::Exit;
use crate::cli::logtest::load;
use crate::cli::{Common, messages, output};
use crate::config::Config;

/// Largest file of tests.
const FILE_LIMIT_BYTES: u64 = 64 << 20;

/// Options of `rules test`.
#[derive(Debug, Args)]
pub(super) struct TestArgs {
    /// Test files, or directories with `.ini` files or a directory `tests` of them [default: `tests` next to the
    /// configured rules]
    #[arg(value_name = "DIR|FILE")]
    paths: Vec<PathBuf>,
    /// Reproduce OSSEC's behaviour exactly, including its known gaps
    #[arg(long)]
    strict_ossec: bool,
    /// Require that the tests cover every rule of the configuration in or next to their directories
    ///
    /// A rule is covered if it is the `rule` of a `pass` line and has a near miss: a `fail` line of a section with
    /// this `rule` that another rule or none takes. For a rule that counts, a case with one line fewer is a near miss
    /// as well. A rule with `noalert` only has to lie on the way to the rule of a `pass` line. Built-in rules are
    /// included if there are `file` lines. Decoders that take no line are listed.
    #[arg(long)]
    coverage: bool,
}

/// Runs the tests; 1 when a case fails or a file of tests has errors.
pub(super) fn run(common: &Common, args: &TestArgs) -> anyhow::Result<Exit> {
    let (config, mut engine) = load(common, args.strict_ossec)?;
    let paths = if args.paths.is_empty() { beside_rules(&config)? } else { args.paths.clone() };
    let mut report = Report::default();
    for path in test_files(&paths)? {
        report.file(&mut engine, &read(&path)?);
    }
    let (sources, _) = crate::ruleset::read_sources(&config);
    let (catalogue, _) = Catalogue::read(&sources.rules);
    let shown = args.coverage.then(|| covered::shown(&report.coverage, &catalogue, &engine, &paths));
    let silent = report.never_fired(&catalogue);
    // Rules that only lead to others can never be an answer.
    let rules = catalogue.rules().filter(|rule| !rule.only_leads).count();
    match common.json {
        true => output::print_json(&report.to_json(rules, &silent, shown.as_ref()))?,
        false => {
            messages::diagnostics(&report.problems);
            output::print(&report.to_text(shown.as_ref()))?;
        }
    }
    let is_covered = shown.is_none_or(|shown| shown.is_whole());
    let bad = !report.failed.is_empty() || has_errors(&report.problems) || !is_covered;
    Ok(if bad { Exit::No } else { Exit::Success })
}

/// The `tests` directories beside the directories of the configured rules.
fn beside_rules(config: &Config) -> anyhow::Result<Vec<PathBuf>> {
    let folders = config.analysis.rule_files.iter().filter_map(|file| file.parent());
    let tests: BTreeSet<PathBuf> = folders
        .flat_map(|folder| [Some(folder), folder.parent()])
        .flatten()
        .map(|folder| folder.join("tests"))
        .filter(|tests| tests.is_dir())
        .collect();
    if tests.is_empty() {
        bail!("no directory `tests` next to the configured rules; specify a test file or directory");
    }
    Ok(tests.into_iter().collect())
}

/// The files that arguments name, those of directories by name.
fn test_files(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let cannot = || format!("cannot read {}", path.display());
        let mut found = Vec::new();
        for folder in [path.clone(), path.join("tests")] {
            if !found.is_empty() || !folder.is_dir() {
                break;
            }
            for entry in folder.read_dir().with_context(cannot)? {
                let file = entry.with_context(cannot)?.path();
                if file.extension().is_some_and(|extension| extension == "ini") {
                    found.push(file);
                }
            }
        }
        if found.is_empty() {
            bail!("{} contains no .ini files", path.display());
        }
        found.sort();
        files.append(&mut found);
    }
    Ok(files)
}

fn read(path: &Path) -> anyhow::Result<Arc<SourceFile>> {
    let size = path.metadata().with_context(|| format!("cannot read {}", path.display()))?.len();
    if size > FILE_LIMIT_BYTES {
        bail!("{} is larger than 64 MiB", path.display());
    }
    let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(SourceFile::new(path.to_string_lossy(), text))
}

#[derive(Default)]
struct Report {
    passed: usize,
    failed: Vec<(Case, Verdict)>,
    problems: Vec<Diagnostic>,
    fired: BTreeSet<RuleId>,
    coverage: Coverage,
}

impl Report {
    fn file(&mut self, engine: &mut Engine, file: &Arc<SourceFile>) {
        let (cases, problems) = ruletest::parse(file);
        self.problems.extend(problems);
        for case in cases {
            let verdict = ruletest::run(engine, &case);
            self.fired.extend(&verdict.fired);
            self.coverage.add(&case, &verdict);
            match verdict.passed {
                true => self.passed += 1,
                false => self.failed.push((case, verdict)),
            }
        }
    }

    fn never_fired<'a>(&self, catalogue: &'a Catalogue) -> Vec<&'a RuleEntry> {
        catalogue.rules().filter(|rule| !rule.only_leads && !self.fired.contains(&rule.facts.id)).collect()
    }

    fn to_text(&self, shown: Option<&Shown<'_>>) -> String {
        let mut out = String::new();
        for (case, verdict) in &self.failed {
            let _ = writeln!(out, "FAIL {}", output::visible(case.place().as_bytes()));
            for difference in &verdict.differences {
                let (expected, actual) = (difference.expected.as_bytes(), difference.actual.as_bytes());
                let _ = writeln!(
                    out,
                    "     {}: expected {}, got {}",
                    difference.key.as_str(),
                    output::visible(expected),
                    output::visible(actual)
                );
            }
            if !case.passes {
                out.push_str("     all expectations are met, but a difference was expected in this `fail` case\n");
            }
            for line in &case.lines {
                let times = if case.repeat > 1 { format!(" ({} times)", case.repeat) } else { String::new() };
                let _ = writeln!(out, "     line{times}: {}", output::visible(line));
            }
        }
        out.extend(shown.map(Shown::lacking));
        let _ = write!(out, "{} passed, {} failed", output::count(self.passed as u64, "case"), self.failed.len());
        out.extend(shown.map(|shown| format!("; {}", shown.sum())));
        out.push('\n');
        out
    }

    fn to_json(&self, rules: usize, silent: &[&RuleEntry], shown: Option<&Shown<'_>>) -> Value {
        let failed = self.failed.iter().map(|(case, verdict)| failure(case, verdict));
        let mut value = json!({
            "ok": self.failed.is_empty() && !has_errors(&self.problems),
            "passed": self.passed,
            "failed": failed.collect::<Vec<_>>(),
            "problems": self.problems.iter().map(messages::diagnostic_json).collect::<Vec<_>>(),
            "rules": rules,
            "rules_fired": rules - silent.len(),
            "never_fired": silent.iter().map(|rule| list::to_json(rule)).collect::<Vec<_>>(),
        });
        if let (Some(shown), Some(object)) = (shown, value.as_object_mut()) {
            object.insert("coverage".into(), shown.to_json());
        }
        value
    }
}

fn failure(case: &Case, verdict: &Verdict) -> Value {
    let (line, _) = case.span.file.line_column(case.span.start);
    let differences = verdict.differences.iter().map(|difference| {
        let (expected, actual) = (&difference.expected, &difference.actual);
        json!({ "key": difference.key.as_str(), "expected": expected, "actual": actual })
    });
    json!({
        "file": case.span.file.name,
        "line": line,
        "section": case.section,
        "case": case.name,
        "lines": case.lines.iter().map(|line| String::from_utf8_lossy(line)).collect::<Vec<_>>(),
        "differences": differences.collect::<Vec<_>>(),
    })
}
