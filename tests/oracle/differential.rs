//! Random decoder files, rule trees and lines: the engine and the naive reading agree on each line.
//!
//! `HIDS_ORACLE_SECONDS` sets how long each test goes on; the default fits a normal test run.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hids_core::diag::{Diagnostic, SourceFile};
use hids_core::engine::{Engine, EngineOptions, Outcome, RulesetSources};
use hids_core::model::{AlertId, Channel, EventRef, LogSource, Timestamp};
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};

use crate::generate::{self, Memory};
use crate::model::{Answer, Case};
use crate::naive::{self, Tree};
use crate::xml;

const START: i64 = 1_700_000_000;

#[test]
fn engine_and_naive_reading_agree_as_ossec() {
    run(Memory::Used, true);
}

#[test]
fn engine_and_naive_reading_agree_by_default_on_lines_that_stand_alone() {
    run(Memory::Unused, false);
}

fn run(memory: Memory, strict_ossec: bool) {
    let seconds = std::env::var("HIDS_ORACLE_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(8);
    let deadline = Instant::now() + Duration::from_secs(seconds);
    let (mut cases, mut lines, mut alerts) = (0_usize, 0, 0);
    while cases == 0 || Instant::now() < deadline {
        let config = Config { cases: 50, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
        let counted = std::cell::Cell::new((0_usize, 0_usize));
        let result = TestRunner::new(config).run(&generate::case(memory), |case| {
            let alerted = compare(&case, strict_ossec).map_err(TestCaseError::fail)?;
            counted.set((counted.get().0 + case.lines.len(), counted.get().1 + alerted));
            Ok(())
        });
        if let Err(TestError::Fail(reason, case)) = result {
            panic!("{reason}\n{}", show(&case));
        }
        cases += 50;
        (lines, alerts) = (lines + counted.get().0, alerts + counted.get().1);
    }
    println!("{cases} rule sets, {lines} lines, {alerts} alerts: no difference");
    // A generator whose lines match nothing would agree about nothing.
    assert!(alerts * 10 > lines, "{alerts} alerts from {lines} lines");
}

/// How many lines alert; the first difference otherwise.
fn compare(case: &Case, strict_ossec: bool) -> Result<usize, String> {
    let mut engine = engine(case, strict_ossec)?;
    let mut tree = Tree::new(&case.rules);
    let source = Arc::new(LogSource { location: "/var/log/test".into(), channel: Channel::Log });
    let (mut time, mut alerts) = (START, 0);
    for (number, line) in case.lines.iter().enumerate() {
        time += line.pause;
        let event = naive::decode(&case.decoders, line, time);
        let (decoder, fields) = (event.decoder.clone(), event.fields.clone().into_iter().collect());
        let judged = tree.judge(event);
        let expected = Answer {
            decoder,
            fields,
            rule: judged.rule,
            recorded: judged.recorded,
            mailed: judged.mailed,
            evidence: judged.evidence,
        };
        let now = Timestamp::from_unix_seconds(time);
        let text = line.text();
        let outcome = engine.process(EventRef { source: &source, received: now, line: text.as_bytes() }, now);
        let actual = answer(&outcome);
        if expected != actual {
            return Err(format!("line {number}: {text}\n   reference {expected:?}\n   engine    {actual:?}"));
        }
        alerts += usize::from(actual.recorded);
    }
    Ok(alerts)
}

fn engine(case: &Case, strict_ossec: bool) -> Result<Engine, String> {
    let sources = RulesetSources {
        decoders: vec![SourceFile::new("decoders", xml::decoders(&case.decoders))],
        rules: vec![SourceFile::new("roots", xml::roots()), SourceFile::new("rules", xml::rules(&case.rules))],
        lists: Vec::new(),
    };
    let (engine, diagnostics) = Engine::compile(&sources, EngineOptions { strict_ossec, ..EngineOptions::default() });
    engine.ok_or_else(|| format!("does not load: {}", diagnostics.iter().map(Diagnostic::render).collect::<String>()))
}

fn answer(outcome: &Outcome<'_>) -> Answer {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let label = |name: &str| if name == "data" { "extra_data".into() } else { name.to_owned() };
    let mut fields: Vec<_> = outcome.fields().map(|(name, value)| (label(name.as_str()), text(value))).collect();
    fields.sort();
    let alert = outcome.to_alert(AlertId { epoch_seconds: START, sequence: 1 }).filter(|_| outcome.is_recorded());
    Answer {
        decoder: outcome.decoder().map(|name| name.to_string()),
        fields,
        rule: outcome.rule().map(|rule| (rule.id.0, u32::from(rule.level.0))),
        recorded: outcome.is_recorded(),
        mailed: outcome.is_recorded() && outcome.is_mailed(),
        evidence: alert.map_or_else(Vec::new, |alert| alert.evidence.iter().map(|line| text(&line.full_log)).collect()),
    }
}

fn show(case: &Case) -> String {
    let mut time = 0;
    let lines: String = case
        .lines
        .iter()
        .map(|line| {
            time += line.pause;
            format!("{time:>5} {}\n", line.text())
        })
        .collect();
    format!("{}\n{}\n{lines}", xml::decoders(&case.decoders), xml::rules(&case.rules))
}
