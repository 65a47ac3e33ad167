//! OSSEC's pattern dialects behind one type, [`Pattern`].
//!
//! A pattern is translated once, when it is loaded, to a linear-time automaton or a plain
//! comparison; PCRE2 patterns that need back-tracking (look-around, back references) run in a
//! back-tracker of our own that counts its steps, and what only PCRE2 knows runs there, with a match
//! limit. Where a limit is hit, that is counted. Owns: what a pattern means. Never:
//! where patterns stand in decoders and rules.

mod anchored;
mod automaton;
mod backtrack;
mod backtracking;
mod captures;
mod dialect;
mod linear;
mod lint;
mod literals;
mod needs;
mod os_match;
mod os_regex;
mod paths;
mod pcre2;
mod prefilter;
#[cfg(test)]
mod tests;
mod union;
mod window;
mod word;

pub use self::captures::{Captures, MAX_CAPTURES};
pub use self::dialect::{Dialect, MAX_PATTERN_BYTES, OSSEC_MAX_PATTERN_BYTES, PatternError, Subject};
pub use self::lint::{Suspicion, suspicions};
pub use self::needs::{Need, needs};
pub(crate) use self::paths::{Part, paths};
pub use self::prefilter::{Prefilter, PrefilterBuilder, Required, Seen};
pub(crate) use self::union::Union;

use std::fmt;

use self::anchored::Anchored;
use self::automaton::Automaton;
use self::word::Words;

/// A compiled pattern.
pub struct Pattern {
    text: Box<str>,
    dialect: Dialect,
    program: Program,
}

/// How a pattern is executed.
enum Program {
    /// Matches everything, at its start.
    Always,
    Anchored(Anchored),
    Words(Words),
    Automaton(Box<Automaton>),
    Pcre2(Box<backtracking::Backtracking>),
}

impl Pattern {
    /// Compiles `text`, matching bytes.
    ///
    /// ```
    /// use hids_core::pattern::{Dialect, Pattern};
    ///
    /// // `\s` is one blank in os_regex, and `|` stands between whole patterns.
    /// let pattern = Pattern::new(Dialect::OsRegex, r"^Failed\spassword|^Invalid user (\w+)").expect("a pattern");
    /// assert!(pattern.is_match(b"Failed password for root"));
    /// assert!(!pattern.is_match(b"a Failed password"));
    /// assert!(Pattern::new(Dialect::Pcre2, "(").is_err());
    /// ```
    pub fn new(dialect: Dialect, text: &str) -> Result<Self, PatternError> {
        Self::with_subject(dialect, text, Subject::Bytes)
    }

    /// Compiles `text` for the given treatment of non-ASCII text.
    pub fn with_subject(dialect: Dialect, text: &str, subject: Subject) -> Result<Self, PatternError> {
        let program = match dialect {
            Dialect::OsRegex => os_regex::compile(text, subject)?,
            Dialect::OsMatch => os_match::compile(text, subject)?,
            Dialect::Pcre2 => pcre2::compile(text)?,
            Dialect::Word => Program::Words(Words::new(text)),
        };
        Ok(Self { text: text.into(), dialect, program })
    }

    /// An os_regex pattern on bytes.
    pub fn os_regex(text: &str) -> Result<Self, PatternError> {
        Self::new(Dialect::OsRegex, text)
    }

    /// An os_match pattern on bytes.
    pub fn os_match(text: &str) -> Result<Self, PatternError> {
        Self::new(Dialect::OsMatch, text)
    }

    /// A PCRE2 pattern on bytes, caseless as in OSSEC.
    pub fn pcre2(text: &str) -> Result<Self, PatternError> {
        Self::new(Dialect::Pcre2, text)
    }

    /// A word match.
    pub fn word(text: &str) -> Self {
        Self { text: text.into(), dialect: Dialect::Word, program: Program::Words(Words::new(text)) }
    }

    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its language.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Whether it matches anywhere in `subject`.
    pub fn is_match(&self, subject: &[u8]) -> bool {
        match &self.program {
            Program::Always => true,
            Program::Anchored(anchored) => anchored.find(subject).is_some(),
            Program::Words(words) => words.is_match(subject),
            Program::Automaton(automaton) => automaton.is_match(subject),
            Program::Pcre2(backtracking) => backtracking.is_match(subject),
        }
    }

    /// Where the match in `subject` ends.
    pub fn find_end(&self, subject: &[u8]) -> Option<usize> {
        match &self.program {
            Program::Always => Some(0),
            Program::Anchored(anchored) => anchored.find(subject),
            Program::Words(words) => words.is_match(subject).then_some(0),
            Program::Automaton(automaton) => automaton.find_end(subject),
            Program::Pcre2(backtracking) => backtracking.find_end(subject),
        }
    }

    /// Where the match in `subject` ends; the groups that took part are left in `captures`.
    pub fn captures(&self, subject: &[u8], captures: &mut Captures) -> Option<usize> {
        captures.spans.clear();
        match &self.program {
            Program::Automaton(automaton) => automaton.captures(subject, captures),
            Program::Pcre2(backtracking) => backtracking.captures(subject, captures),
            _ => self.find_end(subject),
        }
    }

    /// Whether the pattern has a capturing group.
    pub fn has_captures(&self) -> bool {
        match &self.program {
            Program::Automaton(automaton) => automaton.has_captures(),
            Program::Pcre2(backtracking) => backtracking.groups() > 0,
            _ => false,
        }
    }

    /// How often this pattern was given up on a line because of what it would have taken.
    pub fn limit_hits(&self) -> u64 {
        match &self.program {
            Program::Pcre2(backtracking) => backtracking.limit_hits(),
            Program::Automaton(automaton) => automaton.limit_hits(),
            _ => 0,
        }
    }

    /// An expression of the linear-time engine, on bytes, that matches wherever the pattern does.
    fn expression(&self) -> Option<&str> {
        match &self.program {
            Program::Automaton(automaton) => Some(automaton.expression()),
            Program::Pcre2(backtracking) => backtracking.superset(),
            _ => None,
        }
    }

    /// Literals in lower case, one of which every match contains in some case, where there are such.
    fn required_literals(&self) -> Option<&[Box<[u8]>]> {
        match &self.program {
            Program::Automaton(automaton) => automaton.literals(),
            Program::Pcre2(backtracking) => backtracking.literals(),
            _ => None,
        }
    }

    /// Whether it needs back-tracking (look-around, back references and the like).
    pub fn backtracks(&self) -> bool {
        matches!(self.program, Program::Pcre2(_))
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}({:?})", self.dialect, self.text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.dialect == other.dialect && self.text == other.text
    }
}

impl Eq for Pattern {}
