//! `cargo xtask tidy`: rules of the source tree that the compiler does not know.
//!
//! A rule that has a written reason to be broken in one place is broken with a comment
//! `tidy: allow(rule): reason` in that file.

mod circles;
mod codes;
mod docs;
mod documents;
mod finding;
mod imports;
mod layers;
mod ratchet;
mod shape;
mod source;
mod types;
mod words;

use anyhow::{Result, bail};

use crate::exec::say;
use finding::{Finding, Weight};
use imports::{Resolver, Workspace};

/// Checks every file that git knows, without building anything.
///
/// # Errors
/// When a rule is broken, or the files cannot be read.
pub(crate) fn run() -> Result<()> {
    let sources = source::all()?;
    let mut findings = Vec::new();
    for source in &sources {
        shape::check(source, &mut findings);
        words::check(source, &mut findings);
    }
    let workspace = Workspace::read(&sources);
    let resolver = Resolver::new(&workspace);
    let imports = resolver.imports();
    layers::check(&imports, &mut findings);
    layers::check_modules(&sources, &mut findings);
    layers::check_manifests(&sources, &mut findings);
    codes::check(&sources, &mut findings);
    circles::check(&imports, &mut findings);
    types::check(&resolver, &mut findings);
    docs::check(&sources, &mut findings);
    documents::check(&sources, &mut findings);
    findings.retain(|finding| !sources.iter().any(|source| finding.is_allowed_by(source)));
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
