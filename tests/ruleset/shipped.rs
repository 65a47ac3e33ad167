//! An engine on the shipped ruleset.

use std::sync::Arc;

use hids_core::diag::{Diagnostic, Severity, Span};
use hids_core::engine::{Engine, EngineOptions, RulesetSources};
use hids_core::model::{Alert, AlertId, Channel, EventRef, LogSource, Timestamp};
use hids_core::ruletest::{self, Case, Verdict};

use crate::files;

/// The engine with the place that lines come from.
pub(crate) struct Shipped {
    engine: Engine,
    source: Arc<LogSource>,
}

/// What the engine says of a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Rule that won.
    pub rule: Option<u32>,
    /// Its level, 0 without a rule.
    pub level: u16,
    /// Decoder.
    pub decoder: Option<String>,
    /// The peer.
    pub srcip: Option<String>,
    /// `dstuser`, or `srcuser` if there is none.
    pub user: Option<String>,
    /// Whether a response with `<level>7</level>` would block the peer.
    pub blocks: bool,
}

impl Shipped {
    /// Compiled anew.
    pub(crate) fn new() -> Self {
        let sources =
            RulesetSources { decoders: files::sources("decoders"), rules: files::sources("rules"), lists: Vec::new() };
        let (engine, problems) = Engine::compile(&sources, EngineOptions::default());
        let text: String = problems.iter().map(Diagnostic::render).collect();
        let engine = engine.unwrap_or_else(|| panic!("the shipped ruleset does not load:\n{text}"));
        let complaints = problems.iter().any(|problem| problem.severity > Severity::Note);
        assert!(!complaints, "the shipped ruleset loads with complaints:\n{text}");
        Self { engine, source: Arc::new(LogSource { location: "test".to_owned(), channel: Channel::Log }) }
    }

    /// Forgets earlier lines.
    pub(crate) fn reset(&mut self) {
        self.engine.reset();
    }

    /// Runs a case, which forgets earlier lines.
    pub(crate) fn run(&mut self, case: &Case) -> Verdict {
        ruletest::run(&mut self.engine, case)
    }

    /// Where the decoders stand that take a line without earlier ones.
    pub(crate) fn decoders_of(&mut self, line: &str) -> Vec<Span> {
        self.reset();
        let now = Timestamp::from_unix_seconds(0);
        let event = EventRef { source: &self.source, received: now, line: line.as_bytes(), notice: None };
        let (_, tried) = self.engine.explain(event, now);
        tried.decoders.into_iter().filter(|trial| trial.refused_by.is_none()).map(|trial| trial.place).collect()
    }

    /// The engine, to ask what it consists of.
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The alert of a line.
    pub(crate) fn alert(&mut self, line: &str) -> Option<Alert> {
        let now = Timestamp::from_unix_seconds(0);
        let event = EventRef { source: &self.source, received: now, line: line.as_bytes(), notice: None };
        self.engine.process(event, now).to_alert(AlertId { epoch_seconds: 0, sequence: 1 })
    }

    /// Analyses a line received at `second`.
    pub(crate) fn answer(&mut self, line: &str, second: i64) -> Answer {
        let now = Timestamp::from_unix_seconds(second);
        let event = EventRef { source: &self.source, received: now, line: line.as_bytes(), notice: None };
        let outcome = self.engine.process(event, now);
        let field = |wanted: &str| {
            let mut fields = outcome.fields();
            fields
                .find(|(name, _)| name.as_str() == wanted)
                .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
        };
        let level = outcome.rule().map_or(0, |rule| rule.level.0);
        let srcip = field("srcip");
        let is_address = srcip.as_deref().is_some_and(|text| text.parse::<std::net::IpAddr>().is_ok());
        Answer {
            rule: outcome.rule().map(|rule| rule.id.0),
            level,
            decoder: outcome.decoder().map(ToString::to_string),
            user: field("dstuser").or_else(|| field("srcuser")),
            blocks: level >= 7 && outcome.may_respond() && is_address,
            srcip,
        }
    }
}

#[test]
fn loads_without_errors_or_warnings() {
    Shipped::new();
}

#[test]
fn lint_finds_nothing_in_either_mode() {
    let sources =
        RulesetSources { decoders: files::sources("decoders"), rules: files::sources("rules"), lists: Vec::new() };
    for strict_ossec in [false, true] {
        let options = EngineOptions { strict_ossec, ..EngineOptions::default() };
        let found = hids_core::engine::lint(&sources, &options);
        assert!(found.is_empty(), "{}", found.iter().map(Diagnostic::render).collect::<String>());
    }
}
