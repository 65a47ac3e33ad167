//! A broken rule.

use super::source::Source;

/// How much a finding matters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// Worth a look; the command still succeeds.
    Note,
    /// Fails the command.
    Error,
}

/// One broken rule.
pub(super) struct Finding {
    pub weight: Weight,
    /// The name that `tidy: allow(…)` takes.
    pub rule: &'static str,
    /// `file:line` relative to the workspace.
    pub place: String,
    pub text: String,
}

impl Finding {
    pub(super) fn new(
        weight: Weight,
        rule: &'static str,
        source: &Source,
        line: usize,
        text: impl Into<String>,
    ) -> Self {
        Self { weight, rule, place: format!("{}:{line}", source.name), text: text.into() }
    }

    /// Whether `source` is the file of this finding and holds a written reason for it.
    pub(super) fn is_allowed_by(&self, source: &Source) -> bool {
        let own = self.place.rsplit_once(':').is_some_and(|(name, _)| name == source.name);
        own && source.text.contains(&format!("tidy: allow({}): ", self.rule))
    }
}
