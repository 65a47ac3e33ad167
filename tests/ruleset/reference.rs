//! Real logs from `../shared`: who guesses passwords is caught, who does not is left alone.

use std::collections::BTreeSet;

use hids_core::logtime::LineClock;
use hids_tests::require;
use serde_json::Value;

use crate::shipped::Shipped;

/// The folder of test data, if it is there.
fn shared(file: &str) -> Option<String> {
    let path = require::shared()?.join("testdata").join(file);
    if path.is_file() {
        return Some(
            std::fs::read(&path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).expect("a readable file"),
        );
    }
    require::skip("shared", &format!("there is no {}", path.display()));
    None
}

/// Addresses of `class` in a file of the truth about a log.
fn sources(truth: &Value, class: &str) -> BTreeSet<String> {
    let all = truth["sources"].as_array().expect("a list of sources");
    let of_class = all.iter().filter(|source| source["class"] == class);
    of_class.filter_map(|source| source["srcip"].as_str()).map(str::to_owned).collect()
}

fn check(log: &str) {
    let (Some(text), Some(truth)) =
        (shared(&format!("loghub/{log}.log")), shared(&format!("loghub/{log}.attack_truth.json")))
    else {
        return;
    };
    let truth: Value = serde_json::from_str(&truth).expect("JSON");
    let mut engine = Shipped::new();
    let mut accused = BTreeSet::new();
    let mut alarmed = BTreeSet::new();
    // The lines' own times: who tries once in an hour guesses nothing.
    let mut clock = LineClock::new(jiff::tz::TimeZone::UTC, 2016);
    for line in text.lines() {
        let second = clock.time_of(line.as_bytes()).expect("every line has a time").unix_seconds();
        let answer = engine.answer(line, second);
        if let Some(source) = answer.srcip {
            if answer.level >= 7 && answer.blocks {
                accused.insert(source.clone());
            }
            if answer.level >= 10 {
                alarmed.insert(source);
            }
        }
    }
    let attackers = sources(&truth, "attacker");
    let missed: Vec<_> = attackers.difference(&alarmed).collect();
    assert!(missed.is_empty(), "{log}: not caught: {missed:?}");
    let clean = sources(&truth, "clean");
    let wronged: Vec<_> = clean.intersection(&accused).collect();
    assert!(wronged.is_empty(), "{log}: blocked without reason: {wronged:?}");
}

#[test]
fn openssh_attackers_are_caught_and_nobody_else() {
    check("OpenSSH");
}

#[test]
fn pam_attackers_are_caught_and_nobody_else() {
    check("Linux");
}

#[test]
fn harmless_web_requests_never_block() {
    let Some(text) = shared("web_attacks.jsonl") else { return };
    let mut engine = Shipped::new();
    for record in text.lines() {
        let record: Value = serde_json::from_str(record).expect("JSON");
        if record["label"] == "benign" {
            engine.reset();
            let line = record["line"].as_str().expect("a line");
            let answer = engine.answer(line, 0);
            assert!(!answer.blocks, "rule {:?} blocks: {line}", answer.rule);
        }
    }
}
