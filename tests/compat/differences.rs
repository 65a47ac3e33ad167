//! The differences from OSSEC that `docs/compatibility.md` lists, each shown in both modes.
//!
//! `known-differences.toml` holds an example of each: decoders, rules, lists and lines with what the
//! strict and the default mode say of every line. In it `\xff` stands for a byte and `{x*2100}`
//! for 2100 letters x.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use hids_core::diag::{Severity, SourceFile};
use hids_core::engine::{Dropped, Engine, EngineOptions, ListSource, OssecProgram, Outcome, RulesetSources};
use hids_core::model::{Channel, Doubt, EventRef, LogSource, Timestamp, UntrustedSender};
use serde::Deserialize;

use crate::engine::roots;

const DATA: &str = include_str!("known-differences.toml");

/// A Tuesday, 22:13:20 UTC.
const START_SECONDS: i64 = 1_700_000_000;

const DECODERS: &str = r#"<decoder name="other"><prematch>^zzz</prematch></decoder>
<decoder name="demo"><program_name>^demo</program_name></decoder>
<decoder name="demo-f"><parent>demo</parent><prematch>^fail</prematch><regex offset="after_prematch"> from (\S+)</regex><order>srcip</order></decoder>"#;

#[derive(Deserialize)]
struct Data {
    entry: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    /// For ids that begin with S: what OSSEC does, which neither mode does.
    ossec: Option<String>,
    /// Whether the strict mode answers as the daemon rather than as logtest.
    #[serde(default)]
    daemon: bool,
    /// Events of a rule that the strict mode remembers, instead of 128.
    rule_memory: Option<usize>,
    /// Instead of the decoders above.
    decoders: Option<String>,
    rules: String,
    #[serde(default)]
    lists: Vec<List>,
    lines: Vec<String>,
    /// When each line is read, from the start; all at once where absent.
    seconds: Option<Vec<i64>>,
    /// Where each line comes from; all from one place where absent.
    locations: Option<Vec<String>>,
    /// Whether the journal does not confirm who sent a line; it does of all where absent.
    untrusted: Option<Vec<bool>>,
    /// Parts of the event that an answer shows besides the rule.
    #[serde(default)]
    show: Vec<String>,
    strict: Vec<String>,
    default: Vec<String>,
}

#[derive(Deserialize)]
struct List {
    name: String,
    text: Option<String>,
}

fn entries() -> Vec<Entry> {
    toml::from_str::<Data>(DATA).expect("known-differences.toml fits").entry
}

#[test]
fn every_listed_difference_shows_in_its_example() {
    let mut problems = Vec::new();
    for entry in entries() {
        let (strict, default) = (entry.answers(true), entry.answers(false));
        for (mode, expected, actual) in [("strict", &entry.strict, &strict), ("default", &entry.default, &default)] {
            if expected != actual {
                problems.push(format!("{} {mode}: wants {expected:#?}, got {actual:#?}", entry.id));
            }
        }
        match &entry.ossec {
            None if strict == default => problems.push(format!("{}: the modes do not differ any more", entry.id)),
            None if !entry.id.starts_with('K') => problems.push(format!("{}: what does OSSEC do?", entry.id)),
            Some(_) if !entry.id.starts_with('S') => problems.push(format!("{}: a K differs by mode", entry.id)),
            _ => {}
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn document_and_examples_list_the_same_differences() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/compatibility.md");
    let text = std::fs::read_to_string(path).expect("docs/compatibility.md is there");
    let documented: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(' ').next())
        .filter(|id| id.len() == 3 && id.starts_with(['K', 'S']) && id[1..].bytes().all(|byte| byte.is_ascii_digit()))
        .collect();
    let entries = entries();
    let shown: Vec<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
    assert_eq!(documented.len(), documented.iter().collect::<BTreeSet<_>>().len(), "an id is documented twice");
    let difference: Vec<_> =
        documented.iter().collect::<BTreeSet<_>>().symmetric_difference(&shown.iter().collect()).copied().collect();
    assert!(difference.is_empty(), "only in one of document and examples: {difference:?}");
}

impl Entry {
    /// What one of the modes says of every line.
    fn answers(&self, strict_ossec: bool) -> Vec<String> {
        let strict_program = if self.daemon { OssecProgram::Daemon } else { OssecProgram::Logtest };
        let defaults = EngineOptions::default();
        let rule_memory_size = self.rule_memory.unwrap_or(defaults.rule_memory_size);
        let options = EngineOptions { strict_ossec, strict_program, rule_memory_size, ..defaults };
        let (engine, diagnostics) = Engine::compile(&self.sources(), options);
        let Some(mut engine) = engine else {
            let error = diagnostics.iter().find(|problem| problem.severity == Severity::Error);
            return vec![format!("refused {}", error.map_or("", |problem| problem.code))];
        };
        let source = |index: usize| {
            let location = self.locations.as_ref().map_or("/var/log/demo", |locations| &locations[index]);
            Arc::new(LogSource { location: location.into(), channel: Channel::Log })
        };
        let sender = UntrustedSender { doubt: Doubt::OtherUser, uid: Some(33), executable: None, unit: None };
        let sender = Arc::new(sender);
        let lines = self.lines.iter().enumerate().map(|(index, line)| {
            let now = START_SECONDS + self.seconds.as_ref().map_or(0, |seconds| seconds[index]);
            let now = Timestamp::from_unix_seconds(now);
            let (source, line) = (source(index), bytes(line));
            let event = EventRef { source: &source, received: now, line: &line, notice: None };
            let outcome = match self.untrusted.as_ref().is_some_and(|untrusted| untrusted[index]) {
                true => engine.process_untrusted(event, &sender, now),
                false => engine.process(event, now),
            };
            self.answer(&outcome)
        });
        lines.collect()
    }

    fn sources(&self) -> RulesetSources {
        let decoders = self.decoders.as_deref().unwrap_or(DECODERS);
        let list = |list: &List| ListSource {
            name: list.name.clone(),
            text: list.text.as_ref().map(|text| SourceFile::new("list", text.as_str())),
        };
        RulesetSources {
            decoders: vec![SourceFile::new("decoders", decoders)],
            rules: vec![SourceFile::new("roots", roots()), SourceFile::new("rules", bytes(&self.rules))],
            lists: self.lists.iter().map(list).collect(),
        }
    }

    fn answer(&self, outcome: &Outcome<'_>) -> String {
        let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
        let mut answer = match (outcome.dropped(), outcome.rule()) {
            (Some(Dropped::Repeated), _) => "dropped as repeated".to_owned(),
            (Some(Dropped::IncompleteFirewall), _) => "dropped as incomplete".to_owned(),
            (Some(Dropped::UnchangedHost), _) => "dropped as unchanged".to_owned(),
            (None, Some(rule)) => rule.id.to_string(),
            (None, None) => "none".to_owned(),
        };
        if outcome.is_recorded() {
            answer.push_str(" alert");
        }
        if outcome.untrusted().is_some() {
            answer.push_str(" untrusted");
        }
        for part in &self.show {
            let value = match part.as_str() {
                "log" => Some(text(outcome.log())),
                "hostname" => outcome.hostname_in_line().map(text),
                "program_name" => outcome.program_name().map(text),
                field => outcome.fields().find(|(name, _)| name.as_str() == field).map(|(_, value)| text(value)),
            };
            answer.push_str(&format!(" {part}={}", value.as_deref().unwrap_or("-")));
        }
        answer
    }
}

/// The bytes that a text of the data stands for.
fn bytes(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let hex = rest.strip_prefix("\\x").and_then(|hex| u8::from_str_radix(hex.get(..2)?, 16).ok());
        let repeated = rest.strip_prefix('{').and_then(|inner| {
            let (inner, _) = inner.split_once('}')?;
            let (letter, count) = inner.split_once('*')?;
            Some((letter.repeat(count.parse().ok()?), inner.len() + 2))
        });
        if let Some(byte) = hex {
            out.push(byte);
            rest = &rest[4..];
        } else if let Some((letters, length)) = repeated {
            out.extend_from_slice(letters.as_bytes());
            rest = &rest[length..];
        } else {
            rest = &rest[first.len_utf8()..];
            out.extend_from_slice(first.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    out
}
