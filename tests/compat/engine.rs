//! Whole lines: decoder, rule, level, alert and fields against what OSSEC printed.

use hids_core::diag::{Diagnostic, SourceFile};
use hids_core::engine::{Engine, EngineOptions, RulesetSources};
use serde_json::Value;

use crate::{records, ruleset};

/// OSSEC's seven roots, which are loaded before the rules of a vector.
pub(crate) fn roots() -> String {
    let kinds = ["syslog", "firewall", "ids", "web-log", "squid", "windows", "ossec"];
    let root = |(index, kind): (usize, &&str)| {
        let id = index + 1;
        format!(
            "<group name=\"{kind},\"><rule id=\"{id}\" level=\"0\" noalert=\"1\"><category>{kind}</category><description>{kind}</description></rule></group>\n"
        )
    };
    kinds.iter().enumerate().map(root).collect()
}

#[test]
fn small_rule_sets_answer_as_ossec_did() {
    let Some(vectors) = records::read("reference/rule_engine_vectors.jsonl") else { return };
    let mut differences = Vec::new();
    for record in &vectors {
        let file = |member: &str| SourceFile::new(member, records::text(record, member).unwrap_or_default());
        let sources = RulesetSources {
            decoders: vec![file("decoders")],
            rules: vec![SourceFile::new("roots", roots()), file("rules")],
            lists: Vec::new(),
        };
        let mut engine = ruleset::strict_engine(&sources);
        let lines: Vec<Vec<u8>> = match record.get("logs_hex").and_then(Value::as_array) {
            Some(lines) => lines.iter().filter_map(Value::as_str).map(records::from_hex).collect(),
            None => record["logs"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(|line| line.as_bytes().to_vec())
                .collect(),
        };
        for (line, expected) in lines.iter().zip(record["expect"].as_array().into_iter().flatten()) {
            let actual = ruleset::analyse(&mut engine, line, ruleset::answer);
            if !ruleset::difference(expected, &actual).is_empty() {
                differences.push(format!(
                    "{}: {} wants {expected}, got {actual}",
                    record["name"],
                    String::from_utf8_lossy(line)
                ));
                break;
            }
        }
    }
    records::judge("rule engine vectors", vectors.len(), &differences);
}

#[test]
fn every_suite_case_that_ossec_passes_is_passed() {
    let Some(cases) = records::read("testdata/ossec_rules.jsonl") else { return };
    let Some(mut engine) = stock_engine() else { return };
    let cases: Vec<&Value> = cases.iter().filter(|case| case["ossec"]["ok"] == true).collect();
    let mut differences = Vec::new();
    for case in &cases {
        engine.reset();
        let mut actual = Value::Null;
        for line in case["logs"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            actual = ruleset::analyse(&mut engine, line.as_bytes(), ruleset::answer);
        }
        let wrong =
            ["decoder", "rule", "level", "alert"].into_iter().any(|member| case["ossec"][member] != actual[member]);
        if wrong {
            differences.push(format!("{} but {actual}", case));
        }
    }
    records::judge("OSSEC's suite", cases.len(), &differences);
}

#[test]
fn single_lines_are_answered_as_ossec_did() {
    let Some(lines) = records::read("testdata/ossec_reference.jsonl") else { return };
    let Some(mut engine) = stock_engine() else { return };
    let mut differences = Vec::new();
    for record in &lines {
        engine.reset();
        let line = records::text(record, "line").unwrap_or_default();
        let actual = ruleset::analyse(&mut engine, line.as_bytes(), |outcome| {
            let mut answer = ruleset::answer(outcome);
            // Empty names were left out when the reference was made.
            let text = |bytes: Option<&[u8]>| {
                bytes.filter(|bytes| !bytes.is_empty()).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
            };
            answer["program_name"] = text(outcome.program_name()).into();
            answer["hostname"] = text(outcome.hostname_in_line()).into();
            answer
        });
        let mut expected = record["ossec"].clone();
        if expected["hostname"] == "vm" && !line.contains("vm ") {
            // The machine's own name, for lines without one.
            expected["hostname"] = Value::Null;
        }
        if ["sonicwall", "symantec-websecurity"].contains(&expected["decoder"].as_str().unwrap_or_default()) {
            // OSSEC's logtest does not print what these plug-ins extract.
            expected["fields"] = actual["fields"].clone();
        }
        let expected = &expected;
        let mut differing = ruleset::difference(expected, &actual);
        differing.extend(
            ["program_name", "hostname"]
                .into_iter()
                .filter(|member| expected.get(*member).unwrap_or(&Value::Null) != &actual[*member]),
        );
        if !differing.is_empty() {
            differences.push(format!("{differing:?}: {line}\n   wants {expected}\n   got   {actual}"));
        }
    }
    records::judge("single lines", lines.len(), &differences);
}

#[test]
fn whole_logs_are_answered_as_ossec_did() {
    for name in ["OpenSSH", "Linux", "Apache"] {
        let Some(expected) = records::read(&format!("testdata/loghub/{name}.ossec.jsonl")) else { return };
        let Some(mut engine) = stock_engine() else { return };
        let Some(directory) = hids_tests::require::shared() else { return };
        let log = std::fs::read(directory.join(format!("testdata/loghub/{name}.log"))).expect("the log is there");
        let mut differences = Vec::new();
        for (number, line) in log.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).enumerate() {
            let actual = ruleset::analyse(&mut engine, line, ruleset::answer);
            let differing = ruleset::difference(&expected[number], &actual);
            if !differing.is_empty() {
                let line = String::from_utf8_lossy(line);
                differences.push(format!(
                    "{differing:?} line {}: {line}\n   wants {}\n   got   {actual}",
                    number + 1,
                    expected[number]
                ));
            }
        }
        records::judge(name, expected.len(), &differences);
    }
}

#[test]
fn stock_rule_sets_load_unchanged_in_both_modes() {
    for configuration in ["etc/ossec.conf", "conf-samples/ossec-server.conf", "conf-samples/ossec-local.conf"] {
        for strict_ossec in [false, true] {
            let Some(sources) = ruleset::sources_of(configuration) else { return };
            let (engine, diagnostics) =
                Engine::compile(&sources, EngineOptions { strict_ossec, ..EngineOptions::default() });
            let shown: String = diagnostics.iter().map(Diagnostic::render).collect();
            let Some(engine) = engine else { panic!("{configuration}: {shown}") };
            println!(
                "{configuration}: {} decoders, {} rules, {} remarks",
                engine.decoder_count(),
                engine.rule_count(),
                diagnostics.len()
            );
            assert!(!hids_core::diag::has_errors(&diagnostics), "{shown}");
        }
    }
}

fn stock_engine() -> Option<Engine> {
    Some(ruleset::strict_engine(&ruleset::stock_sources()?))
}

#[test]
fn every_stock_rule_file_loads_unchanged() {
    let Some(sources) = ruleset::all_sources() else { return };
    let (engine, diagnostics) = Engine::compile(&sources, EngineOptions::default());
    let shown: String = diagnostics.iter().map(Diagnostic::render).collect();
    let Some(engine) = engine else { panic!("{shown}") };
    println!("{} files, {} rules", sources.rules.len(), engine.rule_count());
}

// C28, C29: what is said to never fire must not be fired by a suite.
#[test]
fn stock_rules_that_never_fire_are_not_fired_by_their_suites() {
    let Some(sources) = ruleset::stock_sources() else { return };
    let Some(cases) = records::read("testdata/ossec_rules.jsonl") else { return };
    let found = hids_core::engine::lint(&sources, &EngineOptions::default());
    let named: Vec<&Diagnostic> = found.iter().filter(|problem| ["R058", "R060"].contains(&problem.code)).collect();
    println!("{}", named.iter().map(|problem| problem.render()).collect::<String>());
    let fired: Vec<u64> = cases.iter().filter_map(|case| case["ossec"]["rule"].as_u64()).collect();
    let wrong: Vec<String> = named
        .iter()
        .filter(|problem| problem.message.contains("never fires"))
        .filter(|problem| {
            let id = problem.message.split(' ').nth(1).and_then(|id| id.parse().ok());
            id.is_some_and(|id| fired.contains(&id))
        })
        .map(|problem| problem.render())
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
