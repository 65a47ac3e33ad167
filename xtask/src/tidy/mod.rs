//! `cargo xtask tidy`: rules of the source tree that the compiler does not know.
//!
//! A rule that has a written reason to be broken in one place is broken with a comment
//! `tidy: allow(rule): reason` in that file.

mod docs;
mod layers;
mod shape;
mod source;
mod words;

use anyhow::{Result, bail};

use crate::exec::say;
use source::Source;

/// How much a finding matters.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Weight {
    /// Worth a look; the command still succeeds.
    Note,
    /// Fails the command.
    Error,
}

/// One broken rule.
struct Finding {
    weight: Weight,
    /// The name that `tidy: allow(…)` takes.
    rule: &'static str,
    /// `file:line` relative to the workspace.
    place: String,
    text: String,
}

impl Finding {
    fn new(weight: Weight, rule: &'static str, source: &Source, line: usize, text: impl Into<String>) -> Self {
        Self { weight, rule, place: format!("{}:{line}", source.name), text: text.into() }
    }
}

/// Checks every file that git knows, without building anything.
///
/// # Errors
/// When a rule is broken, or the files cannot be read.
pub fn run() -> Result<()> {
    let sources = source::all()?;
    let mut findings = Vec::new();
    for source in &sources {
        shape::check(source, &mut findings);
        layers::check(source, &mut findings);
        words::check(source, &mut findings);
    }
    layers::check_manifests(&sources, &mut findings);
    docs::check(&sources, &mut findings);
    findings.retain(|finding| !sources.iter().any(|source| source.allows(finding)));
    for finding in &findings {
        let kind = if finding.weight == Weight::Error { "error" } else { "note" };
        println!("{}: {kind}[{}]: {}", finding.place, finding.rule, finding.text);
    }
    let errors = findings.iter().filter(|finding| finding.weight == Weight::Error).count();
    if errors > 0 {
        bail!("tidy found {errors} errors in {} files", sources.len());
    }
    say(&format!("tidy: {} files are in order", sources.len()));
    Ok(())
}
