//! Formats in which a line may continue the one before.

use super::assembler::{Assemble, Emit, Held};
use super::growing::{Growing, begins_like, trim_blanks};

/// How a continuing line is recognised.
#[derive(Clone, Copy, Debug)]
pub(super) enum Style {
    /// It does not begin with `YYYY-MM-DD `.
    Mssql,
    /// It begins with a tab; an event begins with `[YYYY-MM-DD`.
    Postgresql,
    /// It begins with a blank or tab.
    Indented,
}

impl Style {
    /// What `line` adds to the event before it; `None` when it begins one.
    fn continuation(self, line: &[u8]) -> Option<&[u8]> {
        let continues = match self {
            Self::Mssql => !begins_like(line, b"0000-00-00 "),
            Self::Postgresql => line.first() == Some(&b'\t'),
            Self::Indented => matches!(line.first(), Some(b' ' | b'\t')),
        };
        continues.then(|| trim_blanks(line))
    }
}

/// Joins continuing lines with a blank.
#[derive(Debug)]
pub(super) struct Continued {
    style: Style,
    event: Growing,
}

impl Continued {
    pub(super) fn new(style: Style) -> Self {
        Self { style, event: Growing::default() }
    }
}

impl Assemble for Continued {
    fn line(&mut self, line: &[u8], emit: Emit<'_>) -> Held {
        match self.style.continuation(line) {
            Some(rest) if !self.event.is_empty() => {
                self.event.add(rest);
                Held::FromEarlier
            }
            _ => {
                self.event.finish(emit);
                self.event.add(line);
                Held::FromThisLine
            }
        }
    }

    fn flush(&mut self, emit: Emit<'_>) {
        self.event.finish(emit);
    }

    fn is_holding(&self) -> bool {
        !self.event.is_empty()
    }
}
