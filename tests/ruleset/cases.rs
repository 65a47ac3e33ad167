//! The cases of `config/ruleset/tests`.

use hids_core::diag::{Diagnostic, SourceFile};
use hids_core::ruletest::{self, Case, Key};

use crate::files;

/// Every case of every file.
pub(crate) fn all() -> Vec<Case> {
    let mut all = Vec::new();
    for path in files::list("tests", "ini") {
        let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let (cases, problems) = ruletest::parse(&SourceFile::new(path.display().to_string(), text));
        assert!(problems.is_empty(), "{}", problems.iter().map(Diagnostic::render).collect::<String>());
        all.extend(cases);
    }
    all
}

#[test]
fn the_cases_cover_injections_and_blocks() {
    let cases = all();
    assert!(cases.len() > 150, "only {} cases were found", cases.len());
    assert!(cases.iter().any(|case| case.expects(Key::Blocks) == Some("yes")));
    let names_another = |line: &Vec<u8>| line.windows(11).any(|part| part == b"203.0.113.9");
    assert!(cases.iter().any(|case| case.lines.iter().any(names_another) && case.expects(Key::SrcIp).is_some()));
}
