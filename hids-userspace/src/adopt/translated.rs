//! What came of a translation, for people and programs.

/// Most entries of each kind that are kept; the others are counted.
const MOST: usize = 2000;

/// What was translated and what was not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Translated {
    /// A line for each change.
    pub done: Vec<String>,
    /// What has no equivalent, and why.
    pub not: Vec<(String, String)>,
    /// Entries beyond those that are kept.
    pub omitted: usize,
}

impl Translated {
    /// Notes a change.
    pub(crate) fn done(&mut self, what: impl Into<String>) {
        if self.done.len() < MOST { self.done.push(what.into()) } else { self.omitted += 1 }
    }

    /// Notes what could not be translated.
    pub(crate) fn not(&mut self, what: impl Into<String>, why: impl Into<String>) {
        if self.not.len() < MOST { self.not.push((what.into(), why.into())) } else { self.omitted += 1 }
    }
}
