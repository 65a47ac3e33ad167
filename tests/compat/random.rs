//! Random rule sets, decoders and lines with what the real OSSEC answered (issue 9, number 22).
//!
//! `HIDS_RANDOM_VECTORS` names other files of the same form, separated by `:`.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use flate2::read::GzDecoder;
use hids_core::diag::{Diagnostic, Severity, SourceFile};
use hids_core::engine::{Engine, EngineOptions, RulesetSources};
use hids_tests::require;
use serde_json::{Value, json};

use crate::{records, ruleset};

/// Sets that differ because of D5, D9 or D15 (what composite rules remember), which another change mends.
/// The list only ever shrinks.
const PENDING: &[u64] = &[];

fn files() -> Option<Vec<PathBuf>> {
    if let Some(named) = std::env::var_os("HIDS_RANDOM_VECTORS") {
        return Some(std::env::split_paths(&named).collect());
    }
    Some(vec![require::shared()?.join("reference/random_rules_vectors.jsonl.gz")])
}

fn read(path: &PathBuf) -> Vec<String> {
    let file = std::fs::File::open(path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    let lines = BufReader::new(GzDecoder::new(file)).lines();
    lines.map(|line| line.expect("the vectors are text")).collect()
}

// D1, D5 to D10, D15: with overwritten rules, several parents, negated addresses, accuracy, fts and accumulation.
#[test]
fn random_rule_sets_answer_as_ossec() {
    let Some(files) = files() else { return };
    let records: Vec<String> = files.iter().flat_map(read).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut differing = Vec::new();
        while let Some(record) = records.get(next.fetch_add(1, Ordering::Relaxed)) {
            differing.extend(difference(&serde_json::from_str(record).expect("a record is JSON")));
        }
        differing
    };
    let mut differing: Vec<(u64, String)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no rule set ends the program")).collect()
    });
    differing.sort();
    let seeds: Vec<u64> = differing.iter().map(|(seed, _)| *seed).collect();
    println!("differing: {seeds:?}");
    let mended: Vec<u64> = PENDING.iter().copied().filter(|seed| !seeds.contains(seed)).collect();
    let unexpected: Vec<String> =
        differing.into_iter().filter(|(seed, _)| !PENDING.contains(seed)).map(|(_, text)| text).collect();
    records::judge("random rule sets", records.len(), &unexpected);
    assert!(mended.is_empty(), "no longer different, strike them from the list: {mended:?}");
}

/// The first line of a rule set that is answered differently.
fn difference(record: &Value) -> Option<(u64, String)> {
    let seed = record["seed"].as_u64().expect("a record has a number");
    let file = |member: &str| SourceFile::new(member, records::text(record, member).unwrap_or_default());
    let sources = RulesetSources { decoders: vec![file("decoders")], rules: vec![file("rules")], lists: Vec::new() };
    let (engine, diagnostics) =
        Engine::compile(&sources, EngineOptions { strict_ossec: true, ..EngineOptions::default() });
    let loads = record["loads"].as_bool().expect("whether OSSEC loads it is known");
    let Some(mut engine) = engine else {
        let error = diagnostics.iter().find(|problem| problem.severity == Severity::Error).map(Diagnostic::render);
        return loads.then(|| (seed, format!("{seed}: refused: {error:?}")));
    };
    if !loads {
        return Some((seed, format!("{seed}: loads, and OSSEC refuses it")));
    }
    let lines = record["lines"].as_array().into_iter().flatten().filter_map(Value::as_str);
    for (number, (line, expected)) in lines.zip(record["answers"].as_array().into_iter().flatten()).enumerate() {
        let actual = ruleset::analyse(&mut engine, line.as_bytes(), |outcome| {
            let rule = outcome.rule();
            json!([
                outcome.decoder().map(|name| name.to_string()),
                rule.map(|rule| rule.id.0),
                rule.map(|rule| rule.level.0),
                outcome.is_recorded(),
            ])
        });
        let expected = json!([expected[0], expected[2], expected[3], expected[4]]);
        if actual != expected {
            return Some((seed, format!("{seed} line {number}: {line}: OSSEC {expected}, here {actual}")));
        }
    }
    None
}
