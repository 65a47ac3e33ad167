//! The shape of Rust files: a module comment, and files and functions of a readable length.

use super::source::Source;
use super::{Finding, Weight};

const FILE_NOTE: usize = 400;
const FILE_ERROR: usize = 700;
const FUNCTION_ERROR: usize = 100;

/// Checks one file.
pub(super) fn check(source: &Source, findings: &mut Vec<Finding>) {
    if !source.is_rust() {
        return;
    }
    if !source.is_unit_test() && !has_module_comment(&source.text) {
        let text = "no `//!` saying what this does, owns and never does";
        findings.push(Finding::new(Weight::Error, "module-comment", source, 1, text));
    }
    let lines = source.text.lines().count();
    if lines > FILE_ERROR {
        let text = format!("{lines} lines; above {FILE_ERROR} a file needs a written reason");
        findings.push(Finding::new(Weight::Error, "file-length", source, 1, text));
    } else if source.product_lines().count() > FILE_NOTE {
        let text = format!("more than {FILE_NOTE} lines; is it still one idea?");
        findings.push(Finding::new(Weight::Note, "file-length", source, 1, text));
    }
    function_lengths(source, findings);
}

/// The comment may stand below attributes and other comments, but above all code.
fn has_module_comment(text: &str) -> bool {
    let is_code = |line: &&str| !(line.is_empty() || line.starts_with("//") || line.starts_with('#'));
    let head = text.lines().take_while(|line| !is_code(line));
    head.into_iter().any(|line| line.starts_with("//!"))
}

/// Relies on rustfmt: a function ends at the first `}` with the indentation of its `fn`.
fn function_lengths(source: &Source, findings: &mut Vec<Finding>) {
    let lines: Vec<&str> = source.text.lines().collect();
    for (start, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let indent = &line[..line.len() - line.trim_start().len()];
        let closing = format!("{indent}}}");
        let declaration_only = |end: usize| lines[start..=end].iter().all(|line| !line.ends_with('{'));
        let Some(length) = lines[start..].iter().position(|line| *line == closing) else { continue };
        if length + 1 > FUNCTION_ERROR && !declaration_only(start + length) {
            let text =
                format!("{name} has {} lines; above {FUNCTION_ERROR} a function needs a written reason", length + 1);
            findings.push(Finding::new(Weight::Error, "function-length", source, start + 1, text));
        }
    }
}

/// The name, if the line starts a function (and does not end it).
fn function_name(line: &str) -> Option<&str> {
    let trimmed = line.trim_start();
    if trimmed.starts_with("//") || trimmed.ends_with('}') || trimmed.ends_with(';') {
        return None;
    }
    let mut rest = trimmed;
    for word in ["pub ", "pub(crate) ", "pub(super) ", "const ", "async ", "unsafe "] {
        rest = rest.strip_prefix(word).unwrap_or(rest);
    }
    let name = rest.strip_prefix("fn ")?;
    name.split(['(', '<']).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str) -> Vec<&'static str> {
        let mut found = Vec::new();
        check(&Source { name: "a.rs".into(), text: text.into() }, &mut found);
        found.iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn file_without_module_comment_is_found() {
        assert_eq!(findings("fn main() {}\n"), ["module-comment"]);
        assert!(findings("#![no_std]\n//! Text.\nfn main() {}\n").is_empty());
    }

    #[test]
    fn long_function_and_long_file_are_found() {
        let body = "    work();\n".repeat(FUNCTION_ERROR);
        assert_eq!(findings(&format!("//! Text.\npub fn long() {{\n{body}}}\n")), ["function-length"]);
        let lines = "// line\n".repeat(FILE_ERROR);
        assert_eq!(findings(&format!("//! Text.\n{lines}")), ["file-length"]);
    }
}
