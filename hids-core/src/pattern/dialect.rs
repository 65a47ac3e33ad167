//! The languages in which patterns are written, and why one is refused.

/// Longest os_regex and os_match pattern, in bytes: nearly what one element can hold.
pub const MAX_PATTERN_BYTES: usize = 8000;
/// Longest such pattern that OSSEC takes, in bytes.
pub const OSSEC_MAX_PATTERN_BYTES: usize = 2048;

/// The languages in which patterns are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// os_regex: decoders' `prematch` and `regex`, rules' `regex` and `field`.
    OsRegex,
    /// os_match ("sregex"): literals with `|`, `^` and `$`.
    OsMatch,
    /// Elements whose names end in `pcre2`.
    Pcre2,
    /// Word match: group names.
    Word,
}

/// What a pattern does on text that is not ASCII.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Subject {
    /// Text is bytes: nothing in a line can switch a pattern off.
    #[default]
    Bytes,
    /// As OSSEC: os_regex and os_match see characters, and match nothing in invalid UTF-8.
    StrictUtf8,
}

impl Subject {
    /// Refuses a pattern that is longer than this treatment allows.
    pub(super) fn check_length(self, text: &str) -> Result<(), PatternError> {
        let most = match self {
            Self::Bytes => MAX_PATTERN_BYTES,
            Self::StrictUtf8 => OSSEC_MAX_PATTERN_BYTES,
        };
        if text.len() > most { Err(PatternError::TooLong { bytes: text.len(), most }) } else { Ok(()) }
    }
}

/// Why a pattern was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// No text.
    #[error("the pattern is empty")]
    Empty,
    /// More than [`MAX_PATTERN_BYTES`], or what OSSEC takes.
    #[error("the pattern has {bytes} bytes; the limit is {most}")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// How long it may be.
        most: usize,
    },
    /// A backslash with something that os_regex gives no meaning.
    #[error("`\\{what}` at position {} is not an os_regex escape", at + 1)]
    Escape {
        /// Offset of the backslash.
        at: usize,
        /// What follows it.
        what: String,
    },
    /// A parenthesis without partner.
    #[error("unmatched parenthesis at position {}", at + 1)]
    Parenthesis {
        /// Offset of the parenthesis.
        at: usize,
    },
    /// PCRE2 refuses the pattern.
    #[error("{message}{}", at.map(|at| format!(" at position {}", at + 1)).unwrap_or_default())]
    Pcre2 {
        /// PCRE2's own words.
        message: String,
        /// Offset at which it noticed.
        at: Option<usize>,
    },
    /// The automaton would be too large.
    #[error("the pattern needs too large an automaton: {message}")]
    TooLarge {
        /// The builder's own words.
        message: String,
    },
}
