//! What `hidsctl rules test --coverage` says of rules and decoders.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use hids_core::diag::Span;
use hids_core::engine::Engine;
use hids_core::rules::{Catalogue, RuleEntry};
use hids_core::ruletest::{Coverage, Covered};
use serde_json::{Value, json};

use super::list;
use crate::cli::output;

/// What the tests cover of the rules and decoders beside them.
pub(super) struct Shown<'a> {
    rules: Covered<'a>,
    /// How many decoders there are, and name and place of those that take no line.
    decoders: usize,
    unused: Vec<(String, &'a Span)>,
}

/// Of the rules and decoders in or next to the directories of `tests`; of all if there are none of these.
pub(super) fn shown<'a>(
    coverage: &Coverage,
    catalogue: &'a Catalogue,
    engine: &'a Engine,
    tests: &[PathBuf],
) -> Shown<'a> {
    let folders = folders(tests);
    let is_beside = |file: &str| folder(Path::new(file)).is_some_and(|folder| folders.contains(&folder));
    let is_built_in = |rule: &RuleEntry| rule.span.file.name.starts_with("built-in ");
    let any_beside = catalogue.rules().any(|rule| is_beside(&rule.span.file.name));
    let rules = coverage.of_rules(catalogue, |rule| match is_built_in(rule) {
        true => coverage.has_file_news(),
        false => !any_beside || is_beside(&rule.span.file.name),
    });
    let mut seen = BTreeSet::new();
    let decoders: Vec<(String, &Span)> = engine
        .decoders()
        .filter(|(_, span, _)| !any_beside || is_beside(&span.file.name))
        // A child of several parents is one decoder.
        .filter(|(_, span, _)| seen.insert((span.file.name.clone(), span.start)))
        .map(|(name, span, _)| (name.to_string(), span))
        .collect();
    let unused: Vec<(String, &Span)> =
        decoders.iter().filter(|(_, span)| !coverage.uses_decoder(span)).cloned().collect();
    Shown { rules, decoders: decoders.len(), unused }
}

/// Where rules and decoders lie with tests: beside the tests, one directory up, and in its `rules` and `decoders`.
fn folders(tests: &[PathBuf]) -> BTreeSet<PathBuf> {
    let mut folders = BTreeSet::new();
    for path in tests {
        let Some(own) = (if path.is_dir() { path.canonicalize().ok() } else { folder(path) }) else { continue };
        for base in [Some(own.as_path()), own.parent()].into_iter().flatten() {
            folders.extend([base.to_path_buf(), base.join("rules"), base.join("decoders")]);
        }
    }
    folders
}

fn folder(file: &Path) -> Option<PathBuf> {
    file.canonicalize().ok()?.parent().map(Path::to_path_buf)
}

impl Shown<'_> {
    /// Whether every rule is covered.
    pub(super) fn is_whole(&self) -> bool {
        self.rules.count() == self.rules.rules
    }

    /// `5 of 6 rules covered (83 %), 3 of 3 decoders used`
    pub(super) fn sum(&self) -> String {
        let Covered { rules, .. } = self.rules;
        let used = self.decoders - self.unused.len();
        format!(
            "{} of {} covered ({} %), {used} of {} used",
            self.rules.count(),
            output::count(rules as u64, "rule"),
            self.rules.percent(),
            output::count(self.decoders as u64, "decoder"),
        )
    }

    /// What is missing, one a line.
    pub(super) fn lacking(&self) -> String {
        let mut out = String::new();
        for (title, rules) in [
            ("rules not fired by any `pass` line:\n", &self.rules.not_fired),
            ("rules without a near miss (a `fail` line):\n", &self.rules.no_near_miss),
        ] {
            out.push_str(if rules.is_empty() { "" } else { title });
            for rule in rules {
                let description = output::visible(rule.facts.description.as_bytes());
                let _ =
                    writeln!(out, "  {}: {} {description}", output::visible(rule.place().as_bytes()), rule.facts.id);
            }
        }
        if !self.unused.is_empty() {
            out.push_str("decoders that take no line:\n");
        }
        for (name, span) in &self.unused {
            let (line, _) = span.file.line_column(span.start);
            let place = format!("{}:{line}: {name}", span.file.name);
            let _ = writeln!(out, "  {}", output::visible(place.as_bytes()));
        }
        out
    }

    /// `coverage` of the JSON document.
    pub(super) fn to_json(&self) -> Value {
        let rules = |rules: &[&RuleEntry]| rules.iter().map(|rule| list::to_json(rule)).collect::<Vec<_>>();
        let unused = self.unused.iter().map(|(name, span)| {
            let (line, _) = span.file.line_column(span.start);
            json!({ "name": name, "file": span.file.name, "line": line })
        });
        json!({
            "rules": self.rules.rules,
            "covered": self.rules.count(),
            "percent": self.rules.percent(),
            "not_fired": rules(&self.rules.not_fired),
            "no_near_miss": rules(&self.rules.no_near_miss),
            "decoders": self.decoders,
            "unused_decoders": unused.collect::<Vec<_>>(),
        })
    }
}
