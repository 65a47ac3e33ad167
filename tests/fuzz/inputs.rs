//! What each fuzz target does with its input, and what must hold whatever the bytes are.
//!
//! Shared by the targets here and by the test that replays the kept inputs (`tests/oracle`).
//! Owns the promises; never: the instrumentation.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;

use hids_core::diag::{Diagnostic, SourceFile};
use hids_core::engine::{Engine, EngineOptions, Outcome, RulesetSources};
use hids_core::model::{AlertId, Channel, EventRef, LogSource, Timestamp};
use hids_core::pattern::{Captures, Dialect, Pattern, Subject};
use hids_core::rules::Catalogue;
use hids_core::{render, xml};

/// Most lines of one input; more only repeats what a few can show.
const MAX_LINES: usize = 64;

/// OSSEC's XML: everything is an element or a diagnostic that can be shown.
pub(super) fn xml(data: &[u8]) {
    let file = SourceFile::new("input.xml", data);
    let (elements, diagnostics) = xml::parse(&file);
    show(&diagnostics);
    elements.iter().for_each(|element| spans_lie_in(element, data.len()));
}

fn spans_lie_in(element: &xml::Element, length: usize) {
    let attributes = element.attributes.iter().flat_map(|attribute| [&attribute.name.span, &attribute.value.span]);
    for span in attributes.chain([&element.span, &element.name.span, &element.text.span]) {
        assert!(span.start <= span.end && span.end <= length, "{span:?} of {length} bytes");
    }
    element.children.iter().for_each(|child| spans_lie_in(child, length));
}

/// A pattern (first line, after one byte that chooses the dialect) against the other lines: every
/// way of asking gives the same answer, and captures lie inside of the subject.
pub(super) fn pattern(data: &[u8]) {
    let Some((&choice, rest)) = data.split_first() else { return };
    let mut lines = rest.split(|&byte| byte == b'\n');
    let Some(Ok(text)) = lines.next().map(std::str::from_utf8) else { return };
    let dialects = [Dialect::OsRegex, Dialect::OsMatch, Dialect::Pcre2, Dialect::Word];
    let dialect = dialects[usize::from(choice) % dialects.len()];
    let subject = if choice & 0x80 == 0 { Subject::Bytes } else { Subject::StrictUtf8 };
    let Ok(pattern) = Pattern::with_subject(dialect, text, subject) else { return };
    let mut captures = Captures::default();
    for line in lines.take(MAX_LINES) {
        let end = pattern.captures(line, &mut captures);
        let hits = pattern.limit_hits();
        let (found, found_end) = (pattern.is_match(line), pattern.find_end(line));
        // Where the match limit was hit the shorter question may still have been answered.
        if hits == 0 && pattern.limit_hits() == 0 {
            assert_eq!(found, end.is_some(), "{pattern:?} on {line:?}");
            assert_eq!(found_end, end, "{pattern:?} on {line:?}");
        }
        assert!(end.is_none_or(|end| end <= line.len()), "{pattern:?} ends behind {line:?}");
        assert!(end.is_some() || captures.spans().is_empty(), "{pattern:?} captured without a match");
        for span in captures.spans() {
            assert!(span.start <= span.end && span.end <= line.len(), "{pattern:?} captured {span:?} of {line:?}");
        }
    }
}

/// A decoder file up to the first NUL, then lines: what compiles can decode.
pub(super) fn decoder(data: &[u8]) {
    let mut parts = data.splitn(2, |&byte| byte == 0);
    let decoders = vec![SourceFile::new("decoder.xml", parts.next().unwrap_or_default())];
    let rules = b"<group name=\"all,\"><rule id=\"1\" level=\"3\"><category>syslog</category>\
        <description>all</description></rule></group>";
    for strict_ossec in [false, true] {
        let rules = vec![SourceFile::new("rules.xml", rules.as_slice())];
        let sources = RulesetSources { decoders: decoders.clone(), rules, lists: Vec::new() };
        let options = EngineOptions { strict_ossec, ..EngineOptions::default() };
        let (engine, diagnostics) = Engine::compile(&sources, options);
        show(&diagnostics);
        if let Some(mut engine) = engine {
            analyse(&mut engine, data.splitn(2, |&byte| byte == 0).nth(1).unwrap_or_default());
        }
    }
}

/// Lines through a decoder for JSON: whatever an object holds, an address is one, and that of the named value; where a
/// well-kept reader finds an object, there is one.
pub(super) fn json(data: &[u8]) {
    const DECODERS: &str = r#"<decoder name="json"><prematch>^{</prematch><plugin_decoder>JSON_Decoder</plugin_decoder></decoder>
        <decoder name="web"><parent>json</parent><field name="kind">^web</field><map field="peer.ip">srcip</map><map field="uri">url</map>
        <pcre2 field="msg">^(\w+) from (\S+)$</pcre2><order>user, color</order></decoder>"#;
    const RULES: &str = "<group name=\"all,\"><rule id=\"1\" level=\"3\"><category>syslog</category>\
        <description>all</description></rule></group>";
    thread_local! {
        static ENGINES: RefCell<Option<[Engine; 2]>> = const { RefCell::new(None) };
    }
    let engine = |strict_ossec| {
        let decoders = vec![SourceFile::new("decoder.xml", DECODERS)];
        let sources = RulesetSources { decoders, rules: vec![SourceFile::new("rules.xml", RULES)], lists: Vec::new() };
        let (engine, _) = Engine::compile(&sources, EngineOptions { strict_ossec, ..EngineOptions::default() });
        engine.expect("the decoders are good")
    };
    ENGINES.with_borrow_mut(|engines| {
        let [default, strict] = engines.get_or_insert_with(|| [false, true].map(engine));
        analyse(strict, data);
        analyse(default, data);
        let source = Arc::new(LogSource { location: "/var/log/fuzz".into(), channel: Channel::Log });
        let now = Timestamp::from_unix_seconds(1_700_000_000);
        for line in data.split(|&byte| byte == b'\n').take(MAX_LINES) {
            let outcome = default.process(EventRef { source: &source, received: now, line, notice: None }, now);
            let address = outcome.source_ip().map(|text| std::str::from_utf8(text).expect("an address"));
            assert!(address.is_none_or(|text| text.parse::<std::net::IpAddr>().is_ok()), "{address:?}");
            let Ok(value) = serde_json::from_slice::<serde_json::Value>(outcome.log()) else { continue };
            let written = value["peer"]["ip"].as_str().unwrap_or_default();
            assert!(address.is_none_or(|text| written.contains(text)), "{address:?} in {value}");
        }
    });
}

/// A rule file up to the first NUL, then lines: there are errors, or the rules analyse the lines; whoever looks at
/// the rules comes to an end, too.
pub(super) fn rules(data: &[u8]) {
    const ROOTS: &str = "<group name=\"roots,\"><rule id=\"1\" level=\"0\" noalert=\"1\"><category>syslog</category>\
        <description>-</description></rule><rule id=\"7\" level=\"0\" noalert=\"1\"><category>ossec</category>\
        <description>-</description></rule></group>";
    const DECODERS: &str = r#"<decoder name="demo"><program_name>^demo</program_name></decoder>
        <decoder name="demo-from"><parent>demo</parent><regex>from (\S+) user (\S+)</regex><order>srcip, color</order></decoder>"#;
    let mut parts = data.splitn(2, |&byte| byte == 0);
    let rules = parts.next().unwrap_or_default();
    let lines = parts.next().unwrap_or_default();
    for strict_ossec in [false, true] {
        let sources = RulesetSources {
            decoders: vec![SourceFile::new("decoder.xml", DECODERS)],
            rules: vec![SourceFile::new("roots.xml", ROOTS), SourceFile::new("rules.xml", rules)],
            lists: Vec::new(),
        };
        let options = EngineOptions { strict_ossec, ..EngineOptions::default() };
        show(&hids_core::engine::lint(&sources, &options));
        let (catalogue, _) = Catalogue::read(&sources.rules);
        assert!(catalogue.rules().all(|rule| catalogue.rule(rule.facts.id).is_some()));
        let (engine, diagnostics) = Engine::compile(&sources, options);
        show(&diagnostics);
        if let Some(mut engine) = engine {
            analyse(&mut engine, lines);
        }
    }
}

/// Lines through the shipped decoders and rules, as every kind of source, up to the texts that
/// administrators read: none can be forged, and `explain` agrees with `process`.
pub(super) fn event(data: &[u8]) {
    thread_local! {
        static ENGINES: RefCell<[Engine; 2]> = RefCell::new([false, true].map(shipped_engine));
    }
    ENGINES.with_borrow_mut(|engines| engines.iter_mut().for_each(|engine| analyse(engine, data)));
}

fn shipped_engine(strict_ossec: bool) -> Engine {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|folder| folder.join("config/ruleset"));
    let folder = folder.into_iter().find(|folder| folder.is_dir()).expect("the shipped ruleset is in the repository");
    let sources = RulesetSources {
        decoders: files(&folder.join("decoders")),
        rules: files(&folder.join("rules")),
        lists: Vec::new(),
    };
    let (engine, diagnostics) = Engine::compile(&sources, EngineOptions { strict_ossec, ..EngineOptions::default() });
    engine.unwrap_or_else(|| panic!("{}", diagnostics.iter().map(Diagnostic::render).collect::<String>()))
}

fn files(folder: &Path) -> Vec<Arc<SourceFile>> {
    let entries = std::fs::read_dir(folder).expect("the folder is in the repository");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let read = |path: &std::path::PathBuf| std::fs::read(path).expect("a file that can be read");
    paths.iter().map(|path| SourceFile::new(path.to_string_lossy(), read(path))).collect()
}

/// Analyses the lines twice from the same state; the first byte of each sets how much time passed.
fn analyse(engine: &mut Engine, lines: &[u8]) {
    engine.reset();
    let processed = answers(engine, lines, Engine::process);
    engine.reset();
    let explained = answers(engine, lines, |engine, event, now| engine.explain(event, now).0);
    assert_eq!(processed, explained, "process and explain differ");
}

type Ask = for<'a> fn(&'a mut Engine, EventRef<'a>, Timestamp) -> Outcome<'a>;

fn answers(engine: &mut Engine, lines: &[u8], ask: Ask) -> Vec<String> {
    let channels = [Channel::Log, Channel::HostInformation, Channel::Syscheck, Channel::Rootcheck];
    let sources = channels.map(|channel| Arc::new(LogSource { location: "/var/log/fuzz".into(), channel }));
    let mut seconds = 1_700_000_000;
    let mut answers = Vec::new();
    for line in lines.split(|&byte| byte == b'\n').take(MAX_LINES) {
        // A leading control byte chooses the source and the time that passed; most lines have none.
        let (choice, line) = match line.split_first() {
            Some((&choice, rest)) if choice < b' ' => (usize::from(choice), rest),
            _ => (0, line),
        };
        seconds += i64::try_from(choice).unwrap_or_default() * 20;
        let now = Timestamp::from_unix_seconds(seconds);
        let source = &sources[choice % sources.len()];
        let outcome = ask(engine, EventRef { source, received: now, line, notice: None }, now);
        answers.push(answer(&outcome, answers.len() as u64));
    }
    answers
}

/// Everything that can be asked of an answer, as text.
fn answer(outcome: &Outcome<'_>, sequence: u64) -> String {
    let fields: Vec<_> = outcome.fields().chain(outcome.extracted()).collect();
    let names = (outcome.decoder(), outcome.decoder_parent(), outcome.hostname(), outcome.program_name());
    let flags = (outcome.is_recorded(), outcome.is_mailed(), outcome.may_respond(), outcome.is_ignored());
    let rule = outcome.rule().map(|rule| rule.id);
    let text = format!("{names:?} {fields:?} {rule:?} {flags:?} {:?} {}", outcome.log(), outcome.fired_times());
    if let Some(alert) = outcome.to_alert(AlertId { epoch_seconds: 1_700_000_000, sequence }) {
        let zone = jiff::tz::TimeZone::UTC;
        let mut log = Vec::new();
        render::alert_log(&mut log, &alert, &zone);
        assert_eq!(render::parse_alert_log(&log).0.len(), 1, "{}", log.escape_ascii());
        let mut json = Vec::new();
        render::alert_json(&mut json, &alert, &zone);
        let json = json.strip_suffix(b"\n").unwrap_or(&json);
        assert!(!json.contains(&b'\n'), "{}", json.escape_ascii());
        let value: Result<serde_json::Value, _> = serde_json::from_slice(json);
        assert!(value.is_ok(), "{}", json.escape_ascii());
        assert!(!render::mail_subject(&alert, true).contains(['\n', '\r']), "{alert:?}");
        let _shown = render::mail_body(&alert, &zone);
    }
    text
}

fn show(diagnostics: &[Diagnostic]) {
    diagnostics.iter().for_each(|diagnostic| drop(diagnostic.render()));
}
