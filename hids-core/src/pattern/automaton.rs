//! Patterns of the linear-time engine, and their variant for text of characters.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use regex_syntax::hir::Hir;

use super::backtrack::{Backtracker, Exhausted};
use super::backtracking::Backtracking;
use super::captures::{Captures, MAX_CAPTURES};
use super::dialect::{PatternError, Subject};
use super::linear::{Encoding, GaveUp, Linear};

/// How a pattern differs on text that is not plain ASCII without a newline at its end.
enum Variant {
    /// It does not.
    None,
    /// Text that is not ASCII is decoded first: matched by this expression, or not at all.
    Characters { expression: Box<str>, regex: OnceLock<Option<Box<Expression>>> },
    /// `$` also stands before a final newline, which the linear-time engine does not know.
    FinalNewline { pattern: Box<str>, backtracking: OnceLock<Option<Box<Backtracking>>> },
}

/// An expression compiled for bytes.
pub(super) struct Automaton {
    bytes: Expression,
    variant: Variant,
    limit_hits: AtomicU64,
}

/// One expression with what replaces its automaton when that gives up.
struct Expression {
    linear: Linear,
    /// For the groups of long lines, and when the automaton gave up.
    tracker: OnceLock<Option<Backtracker>>,
}

impl Automaton {
    /// For os_regex and os_match: `bytes` and `characters` are the same expression in the two
    /// readings.
    pub(super) fn for_subject(bytes: &str, characters: String, subject: Subject) -> Result<Self, PatternError> {
        let variant = match subject {
            Subject::Bytes => Variant::None,
            Subject::StrictUtf8 => Variant::Characters { expression: characters.into(), regex: OnceLock::new() },
        };
        Ok(Self { bytes: Expression::new(bytes, Encoding::Bytes)?, variant, limit_hits: AtomicU64::new(0) })
    }

    /// For PCRE2: `expression`, read as `hir`, is `pattern` with `$` read as the very end.
    pub(super) fn for_pcre2(
        expression: &str,
        hir: &Hir,
        pattern: &str,
        has_dollar: bool,
    ) -> Result<Self, PatternError> {
        let variant = if has_dollar {
            Variant::FinalNewline { pattern: pattern.into(), backtracking: OnceLock::new() }
        } else {
            Variant::None
        };
        let linear = Linear::from_hir(expression, Encoding::Bytes, hir)?;
        let bytes = Expression { linear, tracker: OnceLock::new() };
        Ok(Self { bytes, variant, limit_hits: AtomicU64::new(0) })
    }

    /// Which engine reads `subject`; `None` when nothing can match it.
    fn engine(&self, subject: &[u8]) -> Option<Engine<'_>> {
        match &self.variant {
            Variant::None => Some(Engine::Automaton(&self.bytes)),
            Variant::Characters { expression, regex } => {
                if subject.is_ascii() {
                    return Some(Engine::Automaton(&self.bytes));
                }
                std::str::from_utf8(subject).ok()?;
                let build = || Expression::new(expression, Encoding::Characters).ok().map(Box::new);
                regex.get_or_init(build).as_deref().map(Engine::Automaton)
            }
            Variant::FinalNewline { pattern, backtracking } => {
                if subject.last() != Some(&b'\n') {
                    return Some(Engine::Automaton(&self.bytes));
                }
                let build = || Backtracking::new(pattern).ok().map(Box::new);
                backtracking.get_or_init(build).as_deref().map(Engine::Backtracking)
            }
        }
    }

    pub(super) fn is_match(&self, subject: &[u8]) -> bool {
        match self.engine(subject) {
            None => false,
            Some(Engine::Automaton(expression)) => self.counted(expression.is_match(subject)),
            Some(Engine::Backtracking(backtracking)) => backtracking.is_match(subject),
        }
    }

    pub(super) fn find_end(&self, subject: &[u8]) -> Option<usize> {
        match self.engine(subject)? {
            Engine::Automaton(expression) => self.counted(expression.find_end(subject)),
            Engine::Backtracking(backtracking) => backtracking.find_end(subject),
        }
    }

    pub(super) fn captures(&self, subject: &[u8], captures: &mut Captures) -> Option<usize> {
        match self.engine(subject)? {
            Engine::Automaton(expression) => self.counted(expression.captures(subject, captures)),
            Engine::Backtracking(backtracking) => backtracking.captures(subject, captures),
        }
    }

    /// The answer; none, counted, when the pattern was given up.
    fn counted<T: Default>(&self, answer: Result<T, Exhausted>) -> T {
        answer.unwrap_or_else(|Exhausted| {
            self.limit_hits.fetch_add(1, Ordering::Relaxed);
            T::default()
        })
    }

    /// Whether its expression is for the bytes of any text.
    pub(super) fn reads_bytes(&self) -> bool {
        !matches!(self.variant, Variant::Characters { .. })
    }

    pub(super) fn literals(&self) -> Option<&[Box<[u8]>]> {
        self.bytes.linear.literals()
    }

    pub(super) fn expression(&self) -> &str {
        self.bytes.linear.expression()
    }

    pub(super) fn has_captures(&self) -> bool {
        self.bytes.linear.groups() > 0
    }

    pub(super) fn limit_hits(&self) -> u64 {
        let of_variant = match &self.variant {
            Variant::FinalNewline { backtracking, .. } => {
                backtracking.get().and_then(Option::as_deref).map_or(0, Backtracking::limit_hits)
            }
            _ => 0,
        };
        of_variant + self.limit_hits.load(Ordering::Relaxed)
    }
}

enum Engine<'a> {
    Automaton(&'a Expression),
    Backtracking(&'a Backtracking),
}

impl Expression {
    fn new(expression: &str, encoding: Encoding) -> Result<Self, PatternError> {
        Ok(Self { linear: Linear::new(expression, encoding)?, tracker: OnceLock::new() })
    }

    fn is_match(&self, subject: &[u8]) -> Result<bool, Exhausted> {
        self.linear.is_match(subject).or_else(|GaveUp| Ok(self.tracker()?.find_end(subject, 0)?.is_some()))
    }

    fn find_end(&self, subject: &[u8]) -> Result<Option<usize>, Exhausted> {
        self.linear.find_end(subject).or_else(|GaveUp| self.tracker()?.find_end(subject, 0))
    }

    fn captures(&self, subject: &[u8], captures: &mut Captures) -> Result<Option<usize>, Exhausted> {
        if self.linear.groups() == 0 {
            return self.find_end(subject);
        }
        if !self.linear.is_easy(subject) {
            return self.captures_of_long(subject, captures);
        }
        // From one place, the back-tracker finds the groups in one pass; `regex-automata` takes two.
        if self.linear.is_at_start()
            && let Ok(end) = self.tracker().and_then(|tracker| tracker.captures(subject, 0, captures))
        {
            return Ok(end);
        }
        match self.linear.captures(subject, &mut captures.slots) {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(GaveUp) => return self.tracker()?.captures(subject, 0, captures),
        }
        let end = captures.slots[1].map(|slot| slot.get());
        for pair in captures.slots[2..].chunks_exact(2) {
            if let (Some(start), Some(end), true) = (pair[0], pair[1], captures.spans.len() < MAX_CAPTURES) {
                captures.spans.push(start.get()..end.get());
            }
        }
        Ok(end)
    }

    /// The automaton tells whether and where; the groups are found from there.
    fn captures_of_long(&self, subject: &[u8], captures: &mut Captures) -> Result<Option<usize>, Exhausted> {
        let start = match self.linear.find(subject) {
            Ok(None) => return Ok(None),
            Ok(Some(span)) => span.start,
            Err(GaveUp) => 0,
        };
        self.tracker()?.captures(subject, start, captures)
    }

    fn tracker(&self) -> Result<&Backtracker, Exhausted> {
        let build = || Backtracker::for_hir(&self.linear.hir()?);
        self.tracker.get_or_init(build).as_ref().ok_or(Exhausted)
    }
}
