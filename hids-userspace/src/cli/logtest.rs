//! `hidsctl logtest`: analyses lines from standard input and shows each step.

mod next;

use std::fmt::Write as _;
use std::io::{self, BufRead};
use std::sync::Arc;

use clap::Args;
use hids_core::diag::{Diagnostic, Severity};
use hids_core::engine::{Engine, Explanation, Outcome};
use hids_core::model::{Channel, EventRef, FieldName, LogSource};
use hids_core::rules::{Catalogue, RuleTrial};
use serde_json::{Map, Value, json};

use self::next::{Forecast, Next};
use super::exit::{BadConfiguration, Exit};
use super::{Common, messages, output};
use crate::config::{self, Config};
use crate::platform::clock::now;
use crate::ruleset;

/// Longest line that is read; the collector cuts at the same length.
const LINE_LIMIT_BYTES: usize = 64 * 1024;

/// Of a condition, this much is shown.
const SHOWN_CHARS: usize = 120;

/// Options of `logtest`.
#[derive(Debug, Args)]
pub struct LogtestArgs {
    /// Reproduce OSSEC's behaviour exactly, including its known gaps
    #[arg(long)]
    strict_ossec: bool,
    /// Show every decoder and rule that was tried
    #[arg(short, long)]
    verbose: bool,
    /// Log file name to assume for the lines
    #[arg(long, value_name = "PATH", default_value = "stdin")]
    location: String,
}

/// Reads lines until end of input; state (counts of composite rules) is kept between them.
pub(super) fn run(common: &Common, args: &LogtestArgs) -> anyhow::Result<Exit> {
    let (config, mut engine) = load(common, args.strict_ossec)?;
    let read_catalogue = || Catalogue::read(&ruleset::read_sources(&config).0.rules).0;
    let catalogue = args.verbose.then(read_catalogue);
    // The strict mode prints what OSSEC prints.
    let mut forecast = (!args.strict_ossec).then(|| Forecast::new(&config, &engine, read_catalogue()));
    let source = Arc::new(LogSource { location: args.location.clone(), channel: Channel::Log });
    let mut input = io::stdin().lock();
    let mut line = Vec::new();
    if !common.json {
        eprintln!("Type one log per line.\n");
    }
    while read_line(&mut input, &mut line)? {
        let received = now();
        let event = EventRef { source: &source, received, line: &line, notice: None };
        let (outcome, tried) = if args.verbose {
            let (outcome, tried) = engine.explain(event, received);
            (outcome, Some(tried))
        } else {
            (engine.process(event, received), None)
        };
        let next = forecast.as_mut().map(|forecast| forecast.of(&outcome, event));
        if common.json {
            output::print_json(&to_json(&outcome, tried.as_ref(), next.as_deref()))?;
        } else if line.len() > 1 {
            // Shorter lines are skipped, as ossec-logtest does.
            let mut text = to_text(&outcome, tried.as_ref(), catalogue.as_ref());
            next.iter().flatten().for_each(|next| _ = writeln!(text, "**Next: {}", next.text()));
            output::print(&text)?;
        }
    }
    Ok(Exit::Success)
}

/// The configuration and its engine; when there are errors, all problems go to standard error.
pub(super) fn load(common: &Common, strict_ossec: bool) -> anyhow::Result<(Config, Engine)> {
    prepare(common, strict_ossec).map_err(|diagnostics| {
        messages::diagnostics(diagnostics.iter().filter(|diagnostic| diagnostic.severity > Severity::Note));
        BadConfiguration.into()
    })
}

/// The same, with all problems instead where there are errors; prints nothing.
pub(super) fn prepare(common: &Common, strict_ossec: bool) -> Result<(Config, Engine), Vec<Diagnostic>> {
    let loaded = config::load(&common.load_options(strict_ossec));
    let mut diagnostics = loaded.diagnostics;
    let mut ready = None;
    if let Some(config) = loaded.config {
        let (engine, of_rules) = ruleset::compile(&config);
        diagnostics.extend(of_rules);
        ready = engine.map(|engine| (config, engine));
    }
    ready.ok_or(diagnostics)
}

/// What the engine makes of a line, for people.
pub(super) fn analyse(engine: &mut Engine, source: &Arc<LogSource>, line: &[u8]) -> String {
    let received = now();
    let line = &line[..line.len().min(LINE_LIMIT_BYTES)];
    let outcome = engine.process(EventRef { source, received, line, notice: None }, received);
    to_text(&outcome, None, None)
}

/// Reads one line without its end; false at the end of input. Longer lines are cut.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    if input.read_until(b'\n', line)? == 0 {
        return Ok(false);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    line.truncate(LINE_LIMIT_BYTES);
    Ok(true)
}

/// OSSEC's three phases.
fn to_text(outcome: &Outcome<'_>, tried: Option<&Explanation>, catalogue: Option<&Catalogue>) -> String {
    let visible = |bytes: &[u8]| output::visible(bytes);
    let mut out = String::from("\n**Phase 1: Completed pre-decoding.\n");
    let program = outcome.program_name().filter(|name| !name.is_empty()).map_or_else(|| "(null)".into(), visible);
    let _ = writeln!(out, "       full event: '{}'", visible(outcome.full_log()));
    let _ = writeln!(out, "       hostname: '{}'", visible(outcome.hostname()));
    let _ = writeln!(out, "       program_name: '{program}'");
    let _ = writeln!(out, "       log: '{}'", visible(outcome.log()));
    if let Some(tried) = tried {
        out.push_str("\n**Decoder debugging:\n");
        for trial in &tried.decoders {
            let end = trial.refused_by.map_or_else(|| "matched".into(), |why| format!("no match: {why}"));
            let _ = writeln!(out, "    Trying decoder: {}: {end}", trial.decoder);
        }
    }
    out.push_str("\n**Phase 2: Completed decoding.\n");
    for (name, value) in outcome.extracted() {
        let _ = writeln!(out, "       {}: '{}'", label(name), visible(value));
    }
    match outcome.decoder() {
        Some(name) => _ = writeln!(out, "       decoder: '{name}'"),
        None => out.push_str("       No decoder matched.\n"),
    }
    if let Some(tried) = tried {
        out.push_str("\n**Rule debugging:\n");
        for trial in &tried.rules {
            let _ = writeln!(out, "    {}Trying rule: {}", "  ".repeat(trial.depth), rule_tried(trial, catalogue));
        }
    }
    let Some(rule) = outcome.rule() else { return out };
    out.push_str("\n**Phase 3: Completed filtering (rules).\n");
    let _ = writeln!(out, "       Rule id: '{}'", rule.id);
    let _ = writeln!(out, "       Level: '{}'", rule.level);
    let _ = writeln!(out, "       Description: '{}'", visible(rule.description.as_bytes()));
    if let Some(info) = &rule.info {
        let _ = writeln!(out, "       Info - Text: '{}'", visible(info.as_bytes()));
    }
    if !rule.mitre.is_empty() {
        let _ = writeln!(out, "       ATT&CK: '{}'", rule.mitre.join(", "));
    }
    if outcome.is_recorded() {
        out.push_str("**Alert to be generated.\n");
    }
    out
}

/// `5716 - sshd: authentication failed.: no match: regex: <pcre2>^Failed</pcre2>`
fn rule_tried(trial: &RuleTrial, catalogue: Option<&Catalogue>) -> String {
    let rule = catalogue.and_then(|catalogue| catalogue.rule(trial.id));
    let mut out = trial.id.to_string();
    if let Some(rule) = rule {
        let _ = write!(out, " - {}", output::visible(rule.facts.description.as_bytes()));
    }
    let Some(why) = trial.refused_by else {
        out.push_str(": matched");
        return out;
    };
    let _ = write!(out, ": no match: {why}");
    let Some(rule) = rule else { return out };
    if let (Some(counts), "frequency") = (&rule.counts, why) {
        let _ = write!(out, ": {} events are needed, this one included", counts.events);
    }
    for written in rule.condition(why) {
        let xml = written.to_xml();
        let shown: String = xml.chars().take(SHOWN_CHARS).collect();
        let end = if shown.len() < xml.len() { "…" } else { "" };
        let _ = write!(out, ": {}{end}", output::visible(shown.as_bytes()));
    }
    out
}

/// The labels of ossec-logtest, which differ from the names in alerts.json.
fn label(name: &FieldName) -> &str {
    match name {
        FieldName::Protocol => "proto",
        FieldName::Data => "extra_data",
        FieldName::SystemName => "system_name",
        other => other.as_str(),
    }
}

/// One object a line, for programs; `user` is who was acted upon, else who acted.
fn to_json(outcome: &Outcome<'_>, tried: Option<&Explanation>, next: Option<&[Next]>) -> Value {
    let text = |bytes: &[u8]| Value::from(String::from_utf8_lossy(bytes));
    // A header with an empty name has none.
    let name = |bytes: Option<&[u8]>| bytes.filter(|bytes| !bytes.is_empty()).map_or(Value::Null, text);
    let mut object = Map::new();
    let decoder = outcome
        .decoder()
        .map(|name| json!({ "name": **name, "parent": outcome.decoder_parent().map(|parent| &**parent) }));
    object.insert("decoder".into(), decoder.unwrap_or(Value::Null));
    let rule = outcome.rule().map(|rule| {
        json!({
            "id": rule.id, "level": rule.level, "description": rule.description,
            "groups": rule.groups().collect::<Vec<_>>(),
        })
    });
    object.insert("rule".into(), rule.unwrap_or(Value::Null));
    object.insert("alert".into(), outcome.is_recorded().into());
    object.insert("hostname".into(), name(outcome.hostname_in_line()));
    object.insert("program_name".into(), name(outcome.program_name()));
    object.insert("log".into(), text(outcome.log()));
    object.insert("mail".into(), outcome.is_mailed().into());
    if let Some(next) = next {
        object.insert("next".into(), next.iter().map(Next::to_json).collect());
    }
    for (name, value) in outcome.fields() {
        let taken = object.contains_key(name.as_str());
        // A decoder may name a field like one of our keys.
        let key = if taken { format!("field_{}", name.as_str()) } else { name.as_str().to_owned() };
        object.insert(key, text(value));
    }
    let user = object.get("dstuser").or_else(|| object.get("srcuser")).cloned();
    if let Some(user) = user {
        object.insert("user".into(), user);
    }
    if let Some(tried) = tried {
        let decoders =
            tried.decoders.iter().map(|trial| json!({ "decoder": *trial.decoder, "refused_by": trial.refused_by }));
        let rules = tried
            .rules
            .iter()
            .map(|trial| json!({ "rule": trial.id, "depth": trial.depth, "refused_by": trial.refused_by }));
        object.insert("decoders_tried".into(), decoders.collect());
        object.insert("rules_tried".into(), rules.collect());
    }
    Value::Object(object)
}
