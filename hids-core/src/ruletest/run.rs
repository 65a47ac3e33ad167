//! Feeds the lines of a case and compares.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use memchr::memmem;

use super::case::{Case, Feed, Key};
use super::news;
use crate::diag::Span;
use crate::engine::{Engine, Explanation, Outcome};
use crate::model::{EventRef, LogSource, RuleId, Timestamp};

/// When the lines are received: Wednesday, 25 November 2026, 12:00 UTC. All lines of a case come in
/// this second.
const RECEIVED_UNIX_SECONDS: i64 = 1_795_608_000;

/// The level from which `blocks` is about, as in OSSEC's example configuration.
const BLOCKING_LEVEL: u16 = 7;

/// The answer to a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the case is fulfilled.
    pub passed: bool,
    /// What of the last answer is not as expected; of a `fail` case that is not fulfilled, nothing.
    pub differences: Vec<Difference>,
    /// The rules that won, in the order of the lines.
    pub fired: Vec<RuleId>,
    /// The rule that won on the last line.
    pub answer: Option<RuleId>,
    /// The rules on the way to it, itself included.
    pub chain: Vec<RuleId>,
    /// Where the decoders stand that took the lines, parents and the further ones of a group included.
    pub decoders: Vec<Span>,
}

/// One thing that is not as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What.
    pub key: Key,
    /// As the case wants it.
    pub expected: String,
    /// As the engine has it.
    pub actual: String,
}

/// Runs a case on `engine`, which forgets everything before it.
pub fn run(engine: &mut Engine, case: &Case) -> Verdict {
    engine.reset();
    let (location, channel) = case.feed.source();
    let source = Arc::new(LogSource { location: location.to_owned(), channel });
    let now = Timestamp::from_unix_seconds(RECEIVED_UNIX_SECONDS);
    let mut verdict = Verdict {
        passed: false,
        differences: Vec::new(),
        fired: Vec::new(),
        answer: None,
        chain: Vec::new(),
        decoders: Vec::new(),
    };
    for round in 1..=case.repeat {
        for line in &case.lines {
            let line = numbered(case, line, round);
            // A value that names no news was an error of the file.
            let told = if case.feed == Feed::File { news::notice(&line, now) } else { None };
            let (line, notice) = told.as_ref().map_or((&*line, None), |(text, notice)| (text, Some(notice)));
            let event = EventRef { source: &source, received: now, line, notice };
            // Lines that come again are decoded as before.
            let (outcome, tried) = match round {
                1 => engine.explain(event, now),
                _ => (engine.process(event, now), Explanation::default()),
            };
            let taken = tried.decoders.into_iter().filter(|trial| trial.refused_by.is_none());
            verdict.decoders.extend(taken.map(|trial| trial.place));
            verdict.answer = outcome.rule().map(|rule| rule.id);
            verdict.fired.extend(verdict.answer);
            verdict.chain = outcome.chain().map(|rule| rule.id).collect();
            verdict.differences = compare(case, &outcome);
        }
    }
    verdict.passed = verdict.differences.is_empty() == case.passes;
    verdict
}

/// A line as it is fed for the `round`-th time.
fn numbered<'a>(case: &Case, line: &'a [u8], round: usize) -> Cow<'a, [u8]> {
    const NUMBER: &[u8] = b"{n}";
    if !case.is_repeated || memmem::find(line, NUMBER).is_none() {
        return Cow::Borrowed(line);
    }
    let mut out = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = memmem::find(rest, NUMBER) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(round.to_string().as_bytes());
        rest = &rest[at + NUMBER.len()..];
    }
    out.extend_from_slice(rest);
    Cow::Owned(out)
}

fn compare(case: &Case, outcome: &Outcome<'_>) -> Vec<Difference> {
    let differing = case.expected().filter_map(|(key, expected)| {
        let actual = actual(key, outcome);
        (actual != expected).then(|| Difference { key, expected: expected.to_owned(), actual })
    });
    differing.collect()
}

fn actual(key: Key, outcome: &Outcome<'_>) -> String {
    let field = |wanted: &str| {
        let mut fields = outcome.fields();
        fields.find(|(name, _)| name.as_str() == wanted).map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    };
    let level = outcome.rule().map_or(0, |rule| rule.level.0);
    let found = match key {
        Key::Rule => outcome.rule().map(|rule| rule.id.to_string()),
        Key::Level => Some(level.to_string()),
        Key::Decoder => outcome.decoder().map(|name| name.to_ascii_lowercase()),
        Key::SrcIp => field("srcip"),
        Key::User => field("dstuser").or_else(|| field("srcuser")),
        Key::Blocks => {
            let is_address = field("srcip").is_some_and(|text| text.parse::<IpAddr>().is_ok());
            let blocks = level >= BLOCKING_LEVEL && outcome.may_respond() && is_address;
            Some(if blocks { "yes" } else { "no" }.into())
        }
    };
    found.unwrap_or_else(|| "none".into())
}
