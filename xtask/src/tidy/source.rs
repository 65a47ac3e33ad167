//! The files that are checked: what git tracks or would track.

use anyhow::{Context as _, Result};

use super::Finding;
use crate::exec::{command, output};
use crate::paths;

/// A text file of the repository.
pub struct Source {
    /// Its path from the root of the workspace.
    pub name: String,
    /// Its text.
    pub text: String,
}

impl Source {
    /// Whether this is Rust.
    pub fn is_rust(&self) -> bool {
        self.name.ends_with(".rs")
    }

    /// Whether this holds the tests of the module beside it; its name says all there is to say.
    pub fn is_unit_test(&self) -> bool {
        self.name.ends_with("/tests.rs") || self.name.contains("/tests/")
    }

    /// The lines that belong to the product: up to the unit tests at the end of the file.
    pub fn product_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let is_test_file = self.is_unit_test();
        let end = move |line: &&str| !(line.starts_with("#[cfg(test)]") || is_test_file);
        self.text.lines().take_while(end).enumerate().map(|(index, line)| (index + 1, line))
    }

    /// Whether this file holds a written reason for a finding of its own.
    pub fn allows(&self, finding: &Finding) -> bool {
        let own = finding.place.rsplit_once(':').is_some_and(|(name, _)| name == self.name);
        own && self.text.contains(&format!("tidy: allow({}): ", finding.rule))
    }
}

/// Reads every text file; others (no UTF-8) are not checked.
pub fn all() -> Result<Vec<Source>> {
    let mut list = command("git");
    list.args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"]);
    let names = output(&mut list).context("cannot list the files of the repository")?;
    let mut sources = Vec::new();
    for name in names.split('\0').filter(|name| !name.is_empty()) {
        let path = paths::root().join(name);
        // Deleted but not yet committed, or a link to a directory.
        if !path.is_file() {
            continue;
        }
        let bytes = std::fs::read(&path).with_context(|| format!("cannot read {name}"))?;
        if let Ok(text) = String::from_utf8(bytes) {
            sources.push(Source { name: name.to_owned(), text });
        }
    }
    Ok(sources)
}
