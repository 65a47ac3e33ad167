//! Manuals that must keep up with the code.

use super::source::Source;
use super::{Finding, Weight};

/// Where the exit codes are defined, as an enum with a number for each.
const EXIT_CODES: &str = "hids-userspace/src/cli/exit.rs";

/// The manual that lists all of them.
const MANUAL: &str = "hids-userspace/man/hidsctl.8";

/// Checks that every exit code stands in the manual.
pub(super) fn check(sources: &[Source], findings: &mut Vec<Finding>) {
    let named = |name: &str| sources.iter().find(|source| source.name == name);
    let (Some(code), Some(manual)) = (named(EXIT_CODES), named(MANUAL)) else { return };
    for (line, number) in exit_codes(code) {
        if !manual.text.lines().any(|line| line.strip_prefix(".It ") == Some(number)) {
            let text = format!("exit code {number} is not in {MANUAL}");
            findings.push(Finding::new(Weight::Error, "docs", code, line, text));
        }
    }
}

/// The number of every line `Name = number,`.
fn exit_codes(source: &Source) -> impl Iterator<Item = (usize, &str)> {
    source.product_lines().filter_map(|(number, line)| {
        let code = line.split_once(" = ")?.1.strip_suffix(',')?;
        code.bytes().all(|byte| byte.is_ascii_digit()).then_some((number, code))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_code_missing_from_the_manual_is_found() {
        let source = |name: &str, text: &str| Source { name: name.into(), text: text.into() };
        let code = "pub enum Exit {\n    Success = 0,\n    Failed = 4,\n}\n";
        let mut found = Vec::new();
        check(&[source(EXIT_CODES, code), source(MANUAL, ".It 0\nDone.\n")], &mut found);
        assert_eq!(found.iter().map(|finding| finding.place.as_str()).collect::<Vec<_>>(), [format!("{EXIT_CODES}:3")]);
    }
}
