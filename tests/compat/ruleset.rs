//! OSSEC's own rule set as data, and engines on it.

use std::path::Path;
use std::sync::Arc;

use hids_core::diag::{Diagnostic, SourceFile};
use hids_core::engine::{Engine, EngineOptions, Outcome, RulesetSources};
use hids_core::model::{Channel, EventRef, LogSource, Timestamp};
use hids_tests::require;
use serde_json::{Map, Value};

/// The stock decoders and the rules that OSSEC's sample server configuration includes, in its order.
pub(crate) fn stock_sources() -> Option<RulesetSources> {
    sources_of("conf-samples/ossec-server.conf")
}

/// The stock decoders and the rules that one of the configurations includes.
pub(crate) fn sources_of(configuration: &str) -> Option<RulesetSources> {
    let root = require::shared()?.join("testdata/ossec-ruleset");
    let configuration = std::fs::read_to_string(root.join(configuration)).expect("the configuration is text");
    let rules = includes(&configuration).map(|name| file(&root.join("rules").join(name))).collect();
    Some(RulesetSources { decoders: vec![file(&root.join("etc/decoder.xml"))], rules, lists: Vec::new() })
}

/// The stock sources with every rule file that they do not include appended, by name.
pub(crate) fn all_sources() -> Option<RulesetSources> {
    let mut sources = sources_of("etc/ossec.conf")?;
    let directory = require::shared()?.join("testdata/ossec-ruleset/rules");
    let entries = std::fs::read_dir(&directory).expect("the rules are there");
    let mut names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name()).collect();
    names.sort();
    for name in names {
        if !sources.rules.iter().any(|file| *file.name == *name) {
            sources.rules.push(file(&directory.join(name)));
        }
    }
    Some(sources)
}

/// The files of `<include>` lines that are not commented out.
fn includes(configuration: &str) -> impl Iterator<Item = &str> {
    configuration
        .lines()
        .filter(|line| !line.contains("<!--"))
        .filter_map(|line| line.trim().strip_prefix("<include>")?.strip_suffix("</include>"))
}

fn file(path: &Path) -> Arc<SourceFile> {
    let text = std::fs::read(path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    SourceFile::new(path.file_name().expect("a file").to_string_lossy(), text)
}

/// An engine of `sources` that answers as OSSEC does, with OSSEC's default levels.
pub(crate) fn strict_engine(sources: &RulesetSources) -> Engine {
    let options = EngineOptions { strict_ossec: true, ..EngineOptions::default() };
    let (engine, diagnostics) = Engine::compile(sources, options);
    engine.unwrap_or_else(|| panic!("{}", diagnostics.iter().map(Diagnostic::render).collect::<String>()))
}

/// Analyses a line as it would come on standard input.
pub(crate) fn analyse<T>(engine: &mut Engine, line: &[u8], read: impl FnOnce(&Outcome<'_>) -> T) -> T {
    let source = Arc::new(LogSource { location: "stdin".into(), channel: Channel::Log });
    let now = Timestamp::from_unix_seconds(1_700_000_000);
    read(&engine.process(EventRef { source: &source, received: now, line, notice: None }, now))
}

/// Decoder, rule, level, alert and fields of an answer, in the form of the reference data.
pub(crate) fn answer(outcome: &Outcome<'_>) -> Value {
    let mut fields = Map::new();
    for (name, value) in outcome.extracted() {
        let label = match name.as_str() {
            "data" => "extra_data",
            "protocol" => "proto",
            "systemname" => "system_name",
            other => other,
        };
        // The reference keeps the first of equal names that logtest printed.
        let text = || String::from_utf8_lossy(value).into_owned().into();
        fields.entry(label).or_insert_with(text);
    }
    let rule = outcome.rule();
    serde_json::json!({
        "decoder": outcome.decoder().map(|name| name.to_string()),
        "rule": rule.map(|rule| rule.id.0),
        "level": rule.map(|rule| rule.level.0),
        "alert": outcome.is_recorded(),
        "fields": fields,
    })
}

/// Which of decoder, rule, level, alert and fields of an answer differ from the expected ones.
pub(crate) fn difference(expected: &Value, actual: &Value) -> Vec<&'static str> {
    let known = |member: &&str| expected.get(*member).is_some();
    let mut differing: Vec<&str> = ["decoder", "rule", "level", "alert"]
        .into_iter()
        .filter(known)
        .filter(|member| expected[*member] != actual[*member])
        .collect();
    let filled = |fields: &Value| {
        let fields = fields.as_object().into_iter().flatten();
        let mut fields: Vec<(String, String)> = fields
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            // Values that mean nothing were left out when the reference was made.
            .filter(|(_, value)| {
                !["", "-", "none", "null", "(null)"].contains(&value.trim().to_ascii_lowercase().as_str())
            })
            .collect();
        fields.sort();
        fields
    };
    if filled(&expected["fields"]) != filled(&actual["fields"]) {
        differing.push("fields");
    }
    differing
}
