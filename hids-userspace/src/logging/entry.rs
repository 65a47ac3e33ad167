//! One entry of the log: a sentence, and the facts in it as fields.

use std::fmt::{self, Write as _};

use hids_core::escape::{visible, visible_string};
use tracing::field::{Field, Visit};
use tracing::{Event, Level};

use super::NOTICE;

/// Longest value of a field. Sixteen fields of it still fit a datagram.
const VALUE_LIMIT_BYTES: usize = 2048;
/// Most fields of an entry.
const MOST_FIELDS: usize = 16;

/// How important an entry is: syslog's severities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Priority {
    Error = 3,
    Warning = 4,
    Notice = 5,
    Info = 6,
    Debug = 7,
}

impl Priority {
    /// As OSSEC's daemons and most logs write it.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Warning => "WARN",
            Self::Notice | Self::Info => "INFO",
            Self::Debug => "DEBUG",
        }
    }
}

/// An entry. Nothing in it can end a line or act on a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub priority: Priority,
    pub message: String,
    /// In the order in which they were given; empty values are omitted.
    pub fields: Vec<(&'static str, String)>,
}

/// What a field is to a reader of the sentence.
enum Part {
    Reason,
    Consequence,
    Help,
    Fact,
}

impl Entry {
    pub(super) fn of(event: &Event<'_>) -> Self {
        let metadata = event.metadata();
        let priority = match *metadata.level() {
            Level::ERROR => Priority::Error,
            Level::WARN => Priority::Warning,
            Level::INFO if metadata.target() == NOTICE => Priority::Notice,
            Level::INFO => Priority::Info,
            Level::DEBUG | Level::TRACE => Priority::Debug,
        };
        let mut entry = Self { priority, message: String::new(), fields: Vec::new() };
        event.record(&mut entry);
        entry
    }

    /// `MESSAGE: REASON (FACT=…, FACT=…); consequence: …; help: …`, on one line.
    pub(super) fn sentence(&self) -> String {
        let mut text = self.message.clone();
        for (_, reason) in self.parts(|part| matches!(part, Part::Reason)) {
            let _ = write!(text, ": {reason}");
        }
        let mut facts = String::new();
        for (name, value) in self.parts(|part| matches!(part, Part::Fact)) {
            let separator = if facts.is_empty() { "" } else { ", " };
            let _ = write!(facts, "{separator}{name}={}", quoted(value));
        }
        if !facts.is_empty() {
            let _ = write!(text, " ({facts})");
        }
        for (_, consequence) in self.parts(|part| matches!(part, Part::Consequence)) {
            let _ = write!(text, "; consequence: {consequence}");
        }
        for (_, help) in self.parts(|part| matches!(part, Part::Help)) {
            let _ = write!(text, "; help: {help}");
        }
        text
    }

    fn parts(&self, wanted: impl Fn(Part) -> bool) -> impl Iterator<Item = (&'static str, &str)> {
        let fields = self.fields.iter().filter(move |(name, _)| wanted(part_of(name)));
        fields.map(|(name, value)| (*name, value.as_str()))
    }

    fn push(&mut self, name: &'static str, value: &str) {
        if name == "message" {
            self.message = shortened(value.as_bytes());
        } else if !value.is_empty() && self.fields.len() < MOST_FIELDS {
            self.fields.push((name, shortened(value.as_bytes())));
        }
    }
}

impl Visit for Entry {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.push(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.push(field.name(), &format!("{value:?}"));
    }
}

fn part_of(name: &str) -> Part {
    match name {
        "reason" | "error" | "why" => Part::Reason,
        "consequence" => Part::Consequence,
        "help" => Part::Help,
        _ => Part::Fact,
    }
}

fn shortened(value: &[u8]) -> String {
    if value.len() <= VALUE_LIMIT_BYTES {
        return visible_string(value).replace('\t', "\\t");
    }
    let mut text = Vec::new();
    visible(&mut text, value, VALUE_LIMIT_BYTES);
    String::from_utf8_lossy(&text).replace('\t', "\\t") + "…"
}

/// The value as it is when it is one word, so that it cannot be taken for several facts.
fn quoted(value: &str) -> std::borrow::Cow<'_, str> {
    let is_word = |char: char| !char.is_whitespace() && !matches!(char, '"' | '(' | ')' | '=' | ',' | ';');
    match value.chars().all(is_word) {
        true => value.into(),
        false => format!("\"{}\"", value.replace('"', "\\\"")).into(),
    }
}
