//! What is wrong, in plain words, and what an administrator can do about it.

use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Severity {
    /// Something is missing or was lost; the rest works.
    Warning,
    /// A part of what hids is for does not work at the moment.
    Critical,
}

/// One thing that is wrong, for `hidsctl status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Problem {
    /// How bad.
    pub severity: Severity,
    /// What is wrong.
    pub text: String,
    /// What to do.
    pub remedy: String,
}

impl Problem {
    /// A part of what hids is for does not work.
    pub(super) fn critical(text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { severity: Severity::Critical, text: text.into(), remedy: remedy.into() }
    }

    /// Something is missing or was lost.
    pub(super) fn warning(text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, text: text.into(), remedy: remedy.into() }
    }
}
