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
        if source.name.starts_with("hids-") {
            check_programs(source, findings);
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

    #[test]
    fn shell_in_the_product_is_found_and_in_its_tests_is_not() {
        let mut found = Vec::new();
        let text = "fn run() { Command::new(\"sh\"); }\n#[cfg(test)]\nmod tests { fn t() { Command::new(\"ip\"); } }\n";
        check(&Source { name: "hids-userspace/src/a.rs".into(), text: text.into() }, &mut found);
        assert_eq!(found.iter().map(|finding| finding.rule).collect::<Vec<_>>(), ["program"]);
    }
}
