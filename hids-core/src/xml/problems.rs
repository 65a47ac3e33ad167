//! Collects problems; keeps a hopeless file from burying the administrator in messages.

use std::sync::Arc;

use crate::diag::{Diagnostic, Severity, SourceFile, Span};

/// Most errors shown for one file.
const ERROR_LIMIT: usize = 100;

/// Most warnings shown for one file.
const WARNING_LIMIT: usize = 50;

/// The problems of one file.
pub(super) struct Problems<'a> {
    file: &'a Arc<SourceFile>,
    list: Vec<Diagnostic>,
    errors: usize,
    warnings: usize,
}

impl<'a> Problems<'a> {
    pub(super) fn new(file: &'a Arc<SourceFile>) -> Self {
        Self { file, list: Vec::new(), errors: 0, warnings: 0 }
    }

    /// The bytes `start..end` of the file.
    pub(super) fn span(&self, start: usize, end: usize) -> Span {
        let size = self.file.text.len();
        Span::new(self.file, start.min(size), end.min(size))
    }

    pub(super) fn error(
        &mut self,
        code: &'static str,
        start: usize,
        end: usize,
        message: impl Into<String>,
        help: &str,
    ) {
        self.push(Diagnostic::error(code, message), start, end, help);
    }

    pub(super) fn warning(
        &mut self,
        code: &'static str,
        start: usize,
        end: usize,
        message: impl Into<String>,
        help: &str,
    ) {
        self.push(Diagnostic::warning(code, message), start, end, help);
    }

    fn push(&mut self, diagnostic: Diagnostic, start: usize, end: usize, help: &str) {
        let (count, limit) = match diagnostic.severity {
            Severity::Error => (&mut self.errors, ERROR_LIMIT),
            Severity::Warning | Severity::Note => (&mut self.warnings, WARNING_LIMIT),
        };
        *count += 1;
        if *count > limit {
            return;
        }
        let diagnostic = diagnostic.at(self.span(start, end));
        self.list.push(if help.is_empty() { diagnostic } else { diagnostic.help(help) });
    }

    /// All problems in the order of their places.
    pub(super) fn finish(mut self) -> Vec<Diagnostic> {
        self.list.sort_by_key(|diagnostic| diagnostic.span.as_ref().map_or(0, |span| span.start));
        let hidden = self.errors.saturating_sub(ERROR_LIMIT) + self.warnings.saturating_sub(WARNING_LIMIT);
        if hidden > 0 {
            let message = format!("{} has {hidden} more problems of this kind (not shown)", self.file.name);
            self.list.push(Diagnostic::note("X015", message).help("is this the right file?"));
        }
        self.list
    }
}
