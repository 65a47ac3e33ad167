//! One code.

use crate::diag::Severity;

/// A code and what it means.
#[derive(Debug)]
pub struct Code {
    /// `C014`: a letter for the kind of file and three digits.
    pub name: &'static str,
    /// The severities that it can have.
    pub severities: &'static [Severity],
    /// What is wrong, as a heading.
    pub summary: &'static str,
    /// What it means, what follows and what to do.
    pub explanation: &'static str,
}

pub(super) const ERROR: &[Severity] = &[Severity::Error];
pub(super) const WARNING: &[Severity] = &[Severity::Warning];
pub(super) const NOTE: &[Severity] = &[Severity::Note];
pub(super) const ERROR_OR_WARNING: &[Severity] = &[Severity::Error, Severity::Warning];
pub(super) const ERROR_OR_NOTE: &[Severity] = &[Severity::Error, Severity::Note];
pub(super) const WARNING_OR_NOTE: &[Severity] = &[Severity::Warning, Severity::Note];

impl Code {
    pub(super) const fn new(
        name: &'static str,
        severities: &'static [Severity],
        summary: &'static str,
        explanation: &'static str,
    ) -> Self {
        Self { name, severities, summary, explanation }
    }

    /// The severities in words: `error or warning`.
    pub fn severity_text(&self) -> String {
        self.severities.iter().map(|severity| severity.as_str()).collect::<Vec<_>>().join(" or ")
    }
}
