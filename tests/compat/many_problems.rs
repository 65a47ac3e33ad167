//! A file that is wrong all over is answered in a time that grows with its size (issue 9, L7).

use std::time::{Duration, Instant};

use hids_core::diag::{Diagnostic, SourceFile, has_errors};
use hids_core::engine::{self, Engine, EngineOptions, RulesetSources};
use hids_userspace::config::{self, LoadOptions};

use crate::engine::roots;

/// Everything that `check` does with decoders and rules, up to the text.
fn check(decoders: &str, rules: &str) -> Vec<Diagnostic> {
    let sources = RulesetSources {
        decoders: vec![SourceFile::new("decoders", decoders)],
        rules: vec![SourceFile::new("roots", roots()), SourceFile::new("rules", rules)],
        lists: Vec::new(),
    };
    let (_, mut diagnostics) = Engine::compile(&sources, EngineOptions::default());
    diagnostics.extend(engine::lint(&sources, &EngineOptions::default()));
    diagnostics
}

fn configuration(text: &str) -> Vec<Diagnostic> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ossec.conf");
    std::fs::write(&file, text).expect("a file is written");
    let root = Some(folder.path().join("root"));
    config::load(&LoadOptions { config: Some(file), root, strict_ossec: false }).diagnostics
}

/// Fails when sixteen times as much takes more than eighty times as long: growing with the square it is 256 times.
fn grows_with_the_size(what: &str, check: impl Fn(usize) -> Vec<Diagnostic>) {
    let time = |count: usize| {
        let started = Instant::now();
        let diagnostics = check(count);
        let text: String = diagnostics.iter().map(Diagnostic::render).collect();
        assert!(has_errors(&diagnostics) && text.contains("not shown"), "{what}: {text:.300}");
        assert!(diagnostics.len() < 1000, "{what}: {}", diagnostics.len());
        started.elapsed()
    };
    let (few, many) = (2_000, 32_000);
    // The best of some: other programs run, too.
    let least = |count: usize| (0..3).map(|_| time(count)).min().unwrap_or_default();
    let (short, long) = (least(few).max(Duration::from_millis(2)), least(many));
    println!("{what}: {few} in {short:?}, {many} in {long:?}");
    assert!(long < short * 80, "{what}: {few} in {short:?}, {many} in {long:?}");
}

// L7
#[test]
fn unknown_elements_in_rules() {
    grows_with_the_size("in one rule", |count| {
        let elements: String = (0..count).map(|index| format!("<x{index}>y</x{index}>\n")).collect();
        check("", &format!("<group name=\"a,\"><rule id=\"100\" level=\"3\">{elements}</rule></group>"))
    });
    grows_with_the_size("in the group", |count| {
        let elements: String = (0..count).map(|index| format!("<mtach{index}>y</mtach{index}>")).collect();
        check("", &format!("<group name=\"a,\">{elements}</group>"))
    });
    grows_with_the_size("at the top", |count| {
        let elements: String = (0..count).map(|index| format!("<grop{index}>y</grop{index}>\n")).collect();
        check("", &elements)
    });
}

// L7
#[test]
fn errors_in_rules() {
    let rule = |index: usize, body: &str| {
        format!("<rule id=\"{}\" level=\"3\">{body}<description>x</description></rule>\n", 1000 + index)
    };
    let rows = [
        ("unknown parents", "<if_sid>9</if_sid>"),
        ("unknown decoders", "<decoded_as>nobody</decoded_as>"),
        ("bad patterns", "<regex>\\y</regex>"),
        ("bad addresses", "<match>a</match><srcip>x</srcip>"),
        ("unknown options", "<match>a</match><options>no_lag</options>"),
        ("attributes", "<match foo=\"x\">a</match><options>no_lag</options>"),
    ];
    for (what, body) in rows {
        grows_with_the_size(what, |count| {
            let rules: String = (0..count / 8).map(|index| rule(index, body)).collect();
            check("", &format!("<group name=\"a,\">{rules}</group>"))
        });
    }
    grows_with_the_size("the same rule", |count| {
        let rules: String = (0..count / 4).map(|_| rule(1, "<match>a</match>")).collect();
        check("", &format!("<group name=\"a,\">{rules}</group>"))
    });
}

// L7
#[test]
fn errors_in_decoders() {
    grows_with_the_size("decoders without parent", |count| {
        let decoder = |index: usize| {
            format!(
                "<decoder name=\"d{index}\"><parent>p{index}</parent><regex>(a)</regex><order>user</order></decoder>\n<decoder name=\"t{index}\"><prematch>x</prematch></decoder>"
            )
        };
        check(&(0..count / 8).map(decoder).collect::<String>(), "")
    });
    grows_with_the_size("unknown elements", |count| {
        let elements: String = (0..count).map(|index| format!("<regx{index}>y</regx{index}>\n")).collect();
        check(&format!("<decoder name=\"d\"><prematch>x</prematch>{elements}</decoder>"), "")
    });
}

// L7
#[test]
fn unknown_elements_in_the_configuration() {
    grows_with_the_size("options", |count| {
        let elements: String = (0..count).map(|index| format!("<emial{index}>y</emial{index}>\n")).collect();
        configuration(&format!("<ossec_config><global>{elements}</global></ossec_config>"))
    });
    grows_with_the_size("sections", |count| {
        let elements: String = (0..count).map(|index| format!("<gobal{index}><a>y</a></gobal{index}>\n")).collect();
        configuration(&format!("<ossec_config>{elements}</ossec_config>"))
    });
}
