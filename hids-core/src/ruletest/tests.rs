//! The form of the files, and what a case is held to.

use std::sync::Arc;

use proptest::prelude::*;

use super::{Case, Coverage, Key, Verdict, parse, run};
use crate::diag::SourceFile;
use crate::engine::{Engine, EngineOptions, RulesetSources};
use crate::rules::{Catalogue, RuleEntry};

const DECODERS: &str = "<decoder name=\"tick\"><program_name>^tick$</program_name></decoder>";

const RULES: &str = r#"
<group name="syslog,"><rule id="1" level="0" noalert="1"><category>syslog</category><description>-</description></rule></group>
<group name="tick,">
  <rule id="100" level="3"><decoded_as>tick</decoded_as><description>a tick</description></rule>
  <rule id="101" level="8" frequency="2" timeframe="60"><if_matched_sid>100</if_matched_sid><description>ticks</description></rule>
</group>"#;

fn file(text: &[u8]) -> Arc<SourceFile> {
    SourceFile::new("t.ini", text)
}

fn cases(text: &str) -> Vec<Case> {
    let (cases, problems) = parse(&file(text.as_bytes()));
    assert!(problems.is_empty(), "{problems:?}");
    cases
}

fn codes(text: &str) -> Vec<&'static str> {
    parse(&file(text.as_bytes())).1.iter().map(|problem| problem.code).collect()
}

fn verdicts(text: &str) -> Vec<Verdict> {
    let sources = RulesetSources {
        decoders: vec![SourceFile::new("d.xml", DECODERS)],
        rules: vec![SourceFile::new("r.xml", RULES)],
        lists: Vec::new(),
    };
    let (engine, problems) = Engine::compile(&sources, EngineOptions::default());
    let mut engine = engine.unwrap_or_else(|| panic!("{problems:?}"));
    cases(text).iter().map(|case| run(&mut engine, case)).collect()
}

const TICK: &str = "Nov 25 10:00:00 h tick[1]: x";

#[test]
fn expectations_hold_for_the_whole_section_and_a_semicolon_belongs_to_the_line() {
    let cases = cases("; c\n[a]\nlog 1 pass = sudo: x ; PWD=/ ; COMMAND=y\nrule = 0100\nDecoder: Sudo\n");
    assert_eq!(cases[0].lines, [b"sudo: x ; PWD=/ ; COMMAND=y"]);
    assert_eq!(cases[0].expects(Key::Rule), Some("100"));
    assert_eq!(cases[0].expects(Key::Decoder), Some("sudo"));
    assert_eq!(cases[0].place(), "t.ini:3: [a] log 1 pass");
}

#[test]
fn indented_lines_are_further_lines_of_the_same_case() {
    let cases = cases("[a]\nrule = 1\nlog 1 pass = one\n  two\nlog 2 fail = three\n");
    assert_eq!(cases[0].lines, [b"one", b"two"]);
    assert!(cases[0].passes && !cases[1].passes);
}

#[test]
fn doubled_percent_signs_of_cisco_names_are_single() {
    let cases = cases("[a]\nrule = 1\nlog 1 pass = h %%ASA-6-1: x\nlog 2 pass = GET /%%32%65\n");
    assert_eq!(cases[0].lines, [b"h %ASA-6-1: x"]);
    assert_eq!(cases[1].lines, [b"GET /%%32%65"]);
}

#[test]
fn every_mistake_in_a_file_is_named() {
    assert_eq!(codes("rule = 1\n"), ["T003"]);
    assert_eq!(codes("[a\n"), ["T001"]);
    assert_eq!(codes("[a]\nrulle = 1\nlog 1 pass = x\n"), ["T004", "T008"]);
    assert_eq!(codes("[a]\nrule = ssh\nrule = 1\nrule = 2\nlog 1 pass = x\nwhat\n"), ["T002", "T006", "T005"]);
    assert_eq!(codes("[a]\nrule = 1\n"), ["T007"]);
    assert_eq!(codes("[a]\nrule = 1\nrepeat = 0\nlog 1 pass = x\n"), ["T006"]);
}

#[test]
fn a_case_that_gets_another_answer_fails_with_both() {
    let verdicts = verdicts(&format!("[a]\nrule = 101\nalert = 3\ndecoder = tick\nlog 1 pass = {TICK}\n"));
    assert!(!verdicts[0].passed);
    let difference = &verdicts[0].differences[0];
    assert_eq!((difference.key, &*difference.expected, &*difference.actual), (Key::Rule, "101", "100"));
    assert_eq!(verdicts[0].differences.len(), 1);
}

#[test]
fn a_fail_case_wants_at_least_one_difference() {
    let text = format!("[a]\nrule = 100\nalert = 3\nlog 1 fail = {TICK}\nlog 2 fail = nothing known\n");
    let verdicts = verdicts(&text);
    assert!(!verdicts[0].passed && verdicts[1].passed);
}

#[test]
fn repeated_lines_reach_a_rule_that_counts_and_the_next_case_starts_anew() {
    let text = format!("[a]\nrule = 101\nrepeat = 4\nlog 1 pass = {TICK}\n[b]\nrule = 100\nlog 1 pass = {TICK}\n");
    let verdicts = verdicts(&text);
    assert!(verdicts.iter().all(|verdict| verdict.passed), "{verdicts:?}");
    assert_eq!(verdicts[0].fired.iter().map(|id| id.0).collect::<Vec<_>>(), [100, 100, 100, 101]);
}

#[test]
fn a_rule_is_covered_when_it_is_fired_and_a_near_miss_is_not() {
    let (catalogue, _) = Catalogue::read(&[SourceFile::new("r.xml", RULES)]);
    let lacking = |text: &str| {
        let mut coverage = Coverage::default();
        cases(text).iter().zip(verdicts(text)).for_each(|(case, verdict)| coverage.add(case, &verdict));
        let covered = coverage.of_rules(&catalogue, |_| true);
        let ids = |rules: &[&RuleEntry]| rules.iter().map(|rule| rule.facts.id.0).collect::<Vec<_>>();
        (ids(&covered.not_fired), ids(&covered.no_near_miss), covered.percent())
    };
    let (tick, ticks) = (format!("[a]\nrule = 100\nlog 1 pass = {TICK}\n"), "[b]\nrule = 101\nrepeat = 4\n");
    assert_eq!(lacking(""), (vec![1, 100, 101], vec![100, 101], 0));
    assert_eq!(lacking(&tick), (vec![101], vec![100, 101], 33));
    let tick = format!("{tick}log 2 fail = {}\n", TICK.replace("tick", "tock"));
    assert_eq!(lacking(&tick), (vec![101], vec![101], 66));
    assert_eq!(lacking(&format!("{tick}{ticks}log 1 pass = {TICK}\n")), (vec![], vec![101], 66));
    let fewer = format!("{tick}{ticks}log 1 pass = {TICK}\n[c]\nrule = 100\nrepeat = 3\nlog 1 pass = {TICK}\n");
    assert_eq!(lacking(&fewer), (vec![], vec![], 100));
    // A case that expects another level, or fails, shows nothing.
    let level = format!("{tick}[b]\nrule = 101\nalert = 8\nrepeat = 3\nlog 1 pass = {TICK}\n");
    assert_eq!(lacking(&level), (vec![101], vec![101], 66));
}

#[test]
fn a_repeated_line_can_have_the_number_of_the_time() {
    let text = "[a]\nrule = 101\nrepeat = 4\nlog 1 pass = Nov 25 10:00:0{n} h tick[{n}]: x {n}\n";
    assert!(verdicts(text)[0].passed);
    let literal = format!("[a]\nrule = 100\nlog 1 pass = {TICK} {{n}}\n");
    assert!(verdicts(&literal)[0].passed);
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(text in prop::collection::vec(any::<u8>(), 0..400)) {
        let (cases, problems) = parse(&file(&text));
        for case in cases {
            prop_assert!(!case.place().is_empty());
        }
        for problem in problems {
            prop_assert!(!problem.render().is_empty());
        }
    }

    #[test]
    fn any_mix_of_its_words_is_read_without_panic(
        words in prop::collection::vec(prop::sample::select(vec!["[", "]", "=", "log 1 pass", "rule", "\n", "\n ", "%%", "%%AB-", "1", ";", "repeat"]), 0..40),
    ) {
        parse(&file(words.concat().as_bytes()));
    }
}
