//! Random decoder files, rule trees and lines: the engine and the naive reading agree on each line.
//!
//! `HIDS_ORACLE_SECONDS` sets how long each test goes on; the default fits a normal test run.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hids_core::diag::{Diagnostic, SourceFile};
use hids_core::engine::{Engine, EngineOptions, Outcome, RulesetSources};
use hids_core::model::{AlertId, Channel, EventRef, LogSource, Timestamp};
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};

use crate::generate;
use crate::model::{Answer, Case, Line, Mode};
use crate::naive::{self, MEMORY, SID_EVENTS, Tree};
use crate::xml;

const START: i64 = 1_700_000_000;

#[test]
fn engine_and_naive_reading_agree_as_ossec() {
    run(Mode::Ossec);
}

#[test]
fn engine_and_naive_reading_agree_by_default() {
    run(Mode::Default);
}

/// What was compared.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    lines: usize,
    alerts: usize,
    /// Alerts of composite rules.
    composites: usize,
    /// Lines with decoded fields.
    decoded: usize,
}

fn run(mode: Mode) {
    let seconds = std::env::var("HIDS_ORACLE_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(8);
    let deadline = Instant::now() + Duration::from_secs(seconds);
    let tally = Cell::new(Tally::default());
    let mut cases = 0_usize;
    // On a slow machine fewer rule sets than these say little.
    while cases < 200 || Instant::now() < deadline {
        let config = Config { cases: 50, failure_persistence: None, max_shrink_iters: 4_000, ..Config::default() };
        let result = TestRunner::new(config).run(&generate::case(), |case| {
            let mut compared = tally.get();
            compare(&case, mode, &mut compared).map_err(TestCaseError::fail)?;
            tally.set(compared);
            Ok(())
        });
        if let Err(TestError::Fail(reason, case)) = result {
            panic!("{reason}\n{}", show(&case));
        }
        cases += 50;
    }
    let Tally { lines, alerts, composites, decoded } = tally.get();
    println!(
        "{cases} rule sets: no difference in {lines} lines ({decoded} decoded, {alerts} alerts, {composites} composite)"
    );
    // A generator whose lines match nothing would agree about nothing.
    assert!(alerts * 10 > lines && decoded * 10 > lines && composites * 200 > lines, "{:?}", tally.get());
}

/// Adds to the tally; the first difference otherwise.
fn compare(case: &Case, mode: Mode, tally: &mut Tally) -> Result<(), String> {
    let mut engine = engine(case, mode)?;
    let mut tree = Tree::new(&case.rules, mode);
    let composites: Vec<u32> = case.rules.iter().filter(|rule| rule.earlier.is_some()).map(|rule| rule.id).collect();
    let source = Arc::new(LogSource { location: "/var/log/test".into(), channel: Channel::Log });
    let mut time = START;
    for (number, line) in case.lines.iter().enumerate() {
        time += line.pause;
        let expected = naive_answer(case, &mut tree, line, time);
        let now = Timestamp::from_unix_seconds(time);
        let text = line.text();
        let outcome =
            engine.process(EventRef { source: &source, received: now, line: text.as_bytes(), notice: None }, now);
        let actual = answer(&outcome);
        if mode == Mode::Default && is_address_withheld(&expected, &actual, &text) {
            // Whatever counts by source differs from here on.
            return Ok(());
        }
        if expected != actual {
            return Err(format!("line {number}: {text}\n   reference {expected:?}\n   engine    {actual:?}"));
        }
        tally.lines += 1;
        tally.decoded += usize::from(!actual.fields.is_empty());
        tally.alerts += usize::from(actual.recorded);
        let is_composite = actual.rule.is_some_and(|(id, _)| composites.contains(&id));
        tally.composites += usize::from(actual.recorded && is_composite);
    }
    Ok(())
}

/// Whether the engine gave no source because the line can be read in two ways (`decode/peer`): the naive reading takes
/// the first address, as OSSEC does. `tests/ruleset/forgery.rs` and `tests/compat/hardened.rs` are about that.
fn is_address_withheld(expected: &Answer, actual: &Answer, line: &str) -> bool {
    let is_source = |field: &&(String, String)| field.0 == "srcip";
    let rest = |answer: &Answer| answer.fields.iter().filter(|field| !is_source(field)).cloned().collect::<Vec<_>>();
    let words = line.split(|char: char| !char.is_ascii_hexdigit() && char != '.' && char != ':');
    let words = words.map(|word| word.trim_matches(['.', ':'].as_slice()));
    let addresses = words.filter(|word| word.matches('.').count() == 3 || word.matches(':').count() > 1);
    expected.fields.iter().any(|field| is_source(&field))
        && !actual.fields.iter().any(|field| is_source(&field))
        && expected.decoder == actual.decoder
        && rest(expected) == rest(actual)
        && addresses.count() > 1
}

fn naive_answer(case: &Case, tree: &mut Tree, line: &Line, time: i64) -> Answer {
    let event = naive::decode(&case.decoders, line, time);
    let (decoder, fields) = (event.decoder.clone(), event.fields.clone().into_iter().collect());
    let judged = tree.judge(event);
    Answer {
        decoder,
        fields,
        rule: judged.rule,
        recorded: judged.recorded,
        mailed: judged.mailed,
        evidence: judged.evidence,
    }
}

fn engine(case: &Case, mode: Mode) -> Result<Engine, String> {
    let options = EngineOptions {
        strict_ossec: mode == Mode::Ossec,
        memory_size: MEMORY,
        rule_memory_size: SID_EVENTS,
        ..EngineOptions::default()
    };
    let sources = RulesetSources {
        decoders: vec![SourceFile::new("decoders", xml::decoders(&case.decoders))],
        rules: vec![SourceFile::new("roots", xml::roots()), SourceFile::new("rules", xml::rules(&case.rules))],
        lists: Vec::new(),
    };
    let (engine, diagnostics) = Engine::compile(&sources, options);
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
