//! The linear-time engine, and its variant for text of characters.

use std::sync::OnceLock;

use regex_automata::meta::Regex;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input};

use super::foreign::Foreign;
use super::{Captures, MAX_CAPTURES, PatternError, Subject};

/// Largest automaton of one pattern; 2048 bytes of os_regex stay far below it.
const NFA_SIZE_BYTES: usize = 4 << 20;

/// How a pattern differs on text that is not plain ASCII without a newline at its end.
pub(super) enum Variant {
    /// It does not.
    None,
    /// Text that is not ASCII is decoded first: matched by this expression, or not at all.
    Characters { expression: Box<str>, regex: OnceLock<Option<Regex>> },
    /// `$` also stands before a final newline, which only PCRE2 itself gets right.
    FinalNewline { pattern: Box<str>, foreign: OnceLock<Option<Foreign>> },
}

/// An expression compiled for bytes.
pub(super) struct Automaton {
    expression: Box<str>,
    regex: Regex,
    variant: Variant,
}

impl Automaton {
    /// For os_regex and os_match: `bytes` and `characters` are the same expression in the two
    /// readings.
    pub(super) fn for_subject(bytes: &str, characters: String, subject: Subject) -> Result<Self, PatternError> {
        let variant = match subject {
            Subject::Bytes => Variant::None,
            Subject::StrictUtf8 => Variant::Characters { expression: characters.into(), regex: OnceLock::new() },
        };
        Ok(Self { expression: bytes.into(), regex: build(bytes, false)?, variant })
    }

    /// For PCRE2: `expression` is `pattern` with `$` read as the very end.
    pub(super) fn for_pcre2(expression: &str, pattern: &str, has_dollar: bool) -> Result<Self, PatternError> {
        let variant = if has_dollar {
            Variant::FinalNewline { pattern: pattern.into(), foreign: OnceLock::new() }
        } else {
            Variant::None
        };
        Ok(Self { expression: expression.into(), regex: build(expression, false)?, variant })
    }

    /// Which engine reads `subject`; `None` when nothing can match it.
    fn engine(&self, subject: &[u8]) -> Option<Engine<'_>> {
        match &self.variant {
            Variant::None => Some(Engine::Automaton(&self.regex)),
            Variant::Characters { expression, regex } => {
                if subject.is_ascii() {
                    return Some(Engine::Automaton(&self.regex));
                }
                std::str::from_utf8(subject).ok()?;
                regex.get_or_init(|| build(expression, true).ok()).as_ref().map(Engine::Automaton)
            }
            Variant::FinalNewline { pattern, foreign } => {
                if subject.last() != Some(&b'\n') {
                    return Some(Engine::Automaton(&self.regex));
                }
                foreign.get_or_init(|| Foreign::new(pattern).ok()).as_ref().map(Engine::Foreign)
            }
        }
    }

    pub(super) fn is_match(&self, subject: &[u8]) -> bool {
        match self.engine(subject) {
            None => false,
            Some(Engine::Automaton(regex)) => regex.is_match(Input::new(subject).earliest(true)),
            Some(Engine::Foreign(foreign)) => foreign.is_match(subject),
        }
    }

    pub(super) fn find_end(&self, subject: &[u8]) -> Option<usize> {
        match self.engine(subject)? {
            Engine::Automaton(regex) => Some(regex.search_half(&Input::new(subject).anchored(Anchored::No))?.offset()),
            Engine::Foreign(foreign) => foreign.find_end(subject),
        }
    }

    pub(super) fn captures(&self, subject: &[u8], captures: &mut Captures) -> Option<usize> {
        let regex = match self.engine(subject)? {
            Engine::Automaton(regex) => regex,
            Engine::Foreign(foreign) => return foreign.captures(subject, captures),
        };
        if regex.captures_len() <= 1 {
            return Some(regex.search_half(&Input::new(subject))?.offset());
        }
        captures.slots.clear();
        captures.slots.resize(regex.captures_len() * 2, None);
        regex.search_slots(&Input::new(subject), &mut captures.slots)?;
        let end = captures.slots[1].map(|slot| slot.get());
        for pair in captures.slots[2..].chunks_exact(2) {
            if let (Some(start), Some(end), true) = (pair[0], pair[1], captures.spans.len() < MAX_CAPTURES) {
                captures.spans.push(start.get()..end.get());
            }
        }
        end
    }

    pub(super) fn expression(&self) -> &str {
        &self.expression
    }

    pub(super) fn has_captures(&self) -> bool {
        self.regex.captures_len() > 1
    }

    pub(super) fn limit_hits(&self) -> u64 {
        match &self.variant {
            Variant::FinalNewline { foreign, .. } => {
                foreign.get().and_then(Option::as_ref).map_or(0, Foreign::limit_hits)
            }
            _ => 0,
        }
    }
}

enum Engine<'a> {
    Automaton(&'a Regex),
    Foreign(&'a Foreign),
}

fn build(expression: &str, unicode: bool) -> Result<Regex, PatternError> {
    Regex::builder()
        .syntax(syntax::Config::new().unicode(unicode).utf8(false).case_insensitive(true))
        .configure(Regex::config().utf8_empty(false).nfa_size_limit(Some(NFA_SIZE_BYTES)))
        .build(expression)
        .map_err(|error| PatternError::TooLarge { message: error.to_string() })
}
