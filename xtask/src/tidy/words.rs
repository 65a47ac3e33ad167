//! Text that must not stand in the repository, and programs that the product must not start.

use super::source::Source;
use super::{Finding, Weight};

/// Shells and tools for which the product uses a library or the kernel's interface.
const PROGRAMS: &[&str] = &["sh", "bash", "/bin/sh", "/bin/bash", "nft", "iptables", "ip", "cat", "find", "sha256sum"];

/// Work left undone.
const UNFINISHED: &[&str] = &["TODO", "FIXME", "XXX", "HACK"];

/// Checks one file.
pub fn check(source: &Source, findings: &mut Vec<Finding>) {
    check_paths(source, findings);
    if source.is_rust() {
        check_unfinished(source, findings);
        check_skips(source, findings);
        if source.name.starts_with("hids-") {
            check_programs(source, findings);
            check_log_fields(source, findings);
        }
    }
}

/// The place of this very checkout is nothing that another machine has.
fn check_paths(source: &Source, findings: &mut Vec<Finding>) {
    let Some(parent) = crate::paths::root().parent().and_then(|dir| dir.to_str()) else { return };
    // A checkout directly below / or in a home of a common name would match innocent text.
    if parent.len() < 2 || source.name == "Cargo.lock" {
        return;
    }
    let needle = format!("{parent}/");
    for (index, line) in source.text.lines().enumerate() {
        let starts_word = |at: usize| !line[..at].ends_with(|c: char| c.is_alphanumeric() || "._-".contains(c));
        if line.match_indices(&needle).any(|(at, _)| starts_word(at)) {
            let text = format!("a path of this machine ({needle})");
            findings.push(Finding::new(Weight::Error, "machine-path", source, index + 1, text));
        }
    }
}

fn check_unfinished(source: &Source, findings: &mut Vec<Finding>) {
    if source.name.starts_with("xtask/src/tidy/") {
        return;
    }
    for (index, line) in source.text.lines().enumerate() {
        let Some((_, comment)) = line.split_once("//") else { continue };
        let words = comment.split(|c: char| !c.is_alphanumeric());
        if let Some(word) = words.into_iter().find(|word| UNFINISHED.contains(word)) {
            let text = format!("{word}: finish it, or file an issue");
            findings.push(Finding::new(Weight::Error, "unfinished", source, index + 1, text));
        }
    }
}

/// A test that cannot run has to be counted: by `hids_tests::require::skip`, which CI can forbid.
fn check_skips(source: &Source, findings: &mut Vec<Finding>) {
    if source.name == "tests/src/require.rs" || source.name.starts_with("xtask/src/") {
        return;
    }
    for (index, line) in source.text.lines().enumerate() {
        if ["println!(\"skip", "print!(\"skip", "var(\"HIDS_REQUIRE\")"].iter().any(|words| line.contains(words)) {
            let text = "use hids_tests::require::skip, which counts skips and fails where HIDS_REQUIRE forbids them";
            findings.push(Finding::new(Weight::Error, "uncounted-skip", source, index + 1, text));
        }
    }
}

/// Fields of log lines are for administrators: `Some(5712)` is how Rust shows a value to its programmers.
fn check_log_fields(source: &Source, findings: &mut Vec<Finding>) {
    const MACROS: [&str; 5] = ["error!(", "warn!(", "info!(", "debug!(", "trace!("];
    for (line, text) in source.product_lines() {
        let shorthand =
            || MACROS.iter().any(|name| text.contains(name)) && ["(?", ", ?"].iter().any(|c| text.contains(c));
        if text.contains(" = ?") || shorthand() {
            let text = "a field of a log line in Rust's debug form; use `%` or the value itself".to_owned();
            findings.push(Finding::new(Weight::Error, "debug-field", source, line, text));
        }
    }
}

fn check_programs(source: &Source, findings: &mut Vec<Finding>) {
    for (line, text) in source.product_lines() {
        let starts = |program: &&str| text.contains(&format!("Command::new(\"{program}\")"));
        if let Some(program) = PROGRAMS.iter().copied().find(|program| starts(program)) {
            let text = format!("starts {program}; use a library or the kernel's interface");
            findings.push(Finding::new(Weight::Error, "program", source, line, text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // O-B14: `rule=Some(5712)`
    #[test]
    fn debug_forms_in_log_lines_are_found() {
        let found = |text: &str| {
            let mut found = Vec::new();
            let text = format!("fn run() {{\n{text}\n}}\n");
            check(&Source { name: "hids-userspace/src/a.rs".into(), text }, &mut found);
            found.len()
        };
        assert_eq!(found("info!(rule = ?rule, \"blocked\");"), 1);
        assert_eq!(found("warn!(?rule, \"refused\");\nwarn!(\n    reason = ?why,\n);"), 2);
        assert_eq!(found("info!(rule = rule.map(|rule| rule.0), %address, \"what?\");\nlet x = a?;"), 0);
    }

    #[test]
    fn shell_in_the_product_is_found_and_in_its_tests_is_not() {
        let mut found = Vec::new();
        let text = "fn run() { Command::new(\"sh\"); }\n#[cfg(test)]\nmod tests { fn t() { Command::new(\"ip\"); } }\n";
        check(&Source { name: "hids-userspace/src/a.rs".into(), text: text.into() }, &mut found);
        assert_eq!(found.iter().map(|finding| finding.rule).collect::<Vec<_>>(), ["program"]);
    }
}
