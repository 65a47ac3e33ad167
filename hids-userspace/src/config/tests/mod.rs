//! Whole configurations in, diagnostics and typed values out.

mod any_input;
mod bad_values;
mod examples;
mod file_integrity;
mod messages;
mod rule_sources;
mod traps;

use std::path::Path;

use hids_core::diag::{Diagnostic, Severity};
use tempfile::TempDir;

use super::{LoadOptions, Loaded, load};

/// A folder with a configuration and a small ruleset in it.
struct Folder(TempDir);

impl Folder {
    fn new(conf: &str) -> Self {
        let folder = Self(TempDir::new().expect("a temporary folder"));
        for name in ["ruleset/decoders/0010-a.xml", "ruleset/rules/0020-b.xml", "ruleset/rules/0010-a.xml"] {
            folder.add(name, "");
        }
        folder.add("ossec.conf", conf);
        folder
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn add(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("inside the folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }

    fn load(&self) -> Loaded {
        load(&LoadOptions { config: Some(self.path().join("ossec.conf")), ..LoadOptions::default() })
    }
}

/// Loads sections that stand between `<ossec_config>` and its end.
fn load_sections(sections: &str) -> Loaded {
    Folder::new(&format!("<ossec_config>\n{sections}\n</ossec_config>\n")).load()
}

fn rendered(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(Diagnostic::render).collect()
}

fn codes(diagnostics: &[Diagnostic], severity: Severity) -> Vec<&'static str> {
    diagnostics.iter().filter(|problem| problem.severity == severity).map(|problem| problem.code).collect()
}

/// The codes of the errors of `sections`.
fn errors(sections: &str) -> Vec<&'static str> {
    codes(&load_sections(sections).diagnostics, Severity::Error)
}

/// The codes of the warnings of `sections`, which must have no errors.
fn warnings(sections: &str) -> Vec<&'static str> {
    let loaded = load_sections(sections);
    assert!(loaded.config.is_some(), "{}", rendered(&loaded.diagnostics));
    codes(&loaded.diagnostics, Severity::Warning)
}

/// The configuration of `sections`, which must have no errors.
fn config(sections: &str) -> super::Config {
    let loaded = load_sections(sections);
    loaded.config.unwrap_or_else(|| panic!("{}", rendered(&loaded.diagnostics)))
}
