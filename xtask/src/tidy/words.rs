//! Text that must not stand in the repository, and programs that the product must not start.

use super::source::Source;
use super::{Finding, Weight};

/// Shells and tools for which the product uses a library or the kernel's interface.
const PROGRAMS: &[&str] = &["sh", "bash", "/bin/sh", "/bin/bash", "nft", "iptables", "ip", "cat", "find", "sha256sum"];

/// Work left undone.
const UNFINISHED: &[&str] = &["TODO", "FIXME", "XXX", "HACK"];

/// Wording of an earlier time in what users read, and what technical English has instead.
const WORDING: &[(&str, &str)] = &[
    ("told", "reported"),
    ("tells", "reports"),
    ("nobody", "no one, or a sentence about the thing"),
    ("somebody", "another user, another program"),
    ("everybody", "all users, world-writable"),
    ("anew", "again"),
    ("take over", "accept, adopt, apply"),
    ("takes over", "accepts, adopts, applies"),
    ("taken over", "accepted, adopted, applied"),
    ("take up", "apply"),
    ("takes up", "applies"),
    ("taken up", "applied"),
    ("give back", "return"),
    ("gives back", "returns"),
    ("by hand", "manually"),
    ("of one source", "from the same source"),
    ("of one version", "version mismatch"),
    ("so many", "the number itself"),
    ("as it was", "unchanged"),
    ("looked at", "checked, inspected"),
    ("put right", "corrected, restored"),
    ("goes on", "continues"),
    ("hangs under", "is a child of"),
    ("is begun", "is created, starts"),
    ("this machine", "this host"),
    ("for instance", "for example"),
    ("left out", "skipped, omitted, excluded"),
    ("it is tried again", "will retry"),
    ("ended by a panic", "panicked"),
];

/// Checks one file.
pub(super) fn check(source: &Source, findings: &mut Vec<Finding>) {
    check_paths(source, findings);
    check_wording(source, findings);
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

/// Messages, log texts, help texts and rule descriptions; comments of the code are not shown to users.
fn check_wording(source: &Source, findings: &mut Vec<Finding>) {
    let within = |folders: &[&str]| folders.iter().any(|folder| source.name.starts_with(folder));
    let is_product = within(&["hids-core/src/", "hids-userspace/src/"]);
    let texts: Vec<(usize, String)> = if source.is_rust() && is_product {
        let mut texts = literals(source);
        if source.name.starts_with("hids-userspace/src/cli/") {
            // Help texts are doc comments.
            let lines = source.product_lines().filter(|(_, line)| line.trim_start().starts_with("///"));
            texts.extend(lines.map(|(number, line)| (number, line.to_owned())));
        }
        texts
    } else if source.name.starts_with("config/ruleset/rules/") {
        let lines = source.text.lines().enumerate().filter(|(_, line)| line.contains("<description>"));
        lines.map(|(index, line)| (index + 1, line.to_owned())).collect()
    } else {
        return;
    };
    for (line, text) in texts {
        for (old, new) in WORDING.iter().filter(|(old, _)| holds_words(&text, old)) {
            let text = format!("\"{old}\" in a text for users; use: {new}");
            findings.push(Finding::new(Weight::Error, "wording", source, line, text));
        }
    }
}

/// Whether `words` stand in `text` as whole words.
fn holds_words(text: &str, words: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let is_inside = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    text.match_indices(words).any(|(at, _)| {
        let (before, after) = (&text.as_bytes()[..at], &text.as_bytes()[at + words.len()..]);
        !is_inside(before.last()) && !is_inside(after.first())
    })
}

/// String literals of the product's part of a file that hold a blank, each with its line.
fn literals(source: &Source) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    // A literal that goes on in the next line.
    let mut open: Option<(usize, String)> = None;
    for (number, line) in source.product_lines() {
        if open.is_none() && line.trim_start().starts_with("//") {
            continue;
        }
        let line = if open.is_some() { line.trim_start() } else { line };
        let mut chars = line.char_indices().peekable();
        while let Some((at, char)) = chars.next() {
            match (&mut open, char) {
                (Some((_, text)), '\\') => {
                    chars.next();
                    text.push(' ');
                }
                (Some(_), '"') => found.extend(open.take().filter(|(_, text)| text.contains(' '))),
                (Some((_, text)), char) => text.push(char),
                // The character literals '"' and '\"'.
                (None, '"') if line[..at].ends_with('\'') || line[..at].ends_with("'\\") => {}
                (None, '"') => open = Some((number, String::new())),
                (None, '/') if chars.peek().is_some_and(|(_, next)| *next == '/') => break,
                (None, _) => {}
            }
        }
        if let Some((_, text)) = &mut open {
            let end = text.trim_end().len();
            text.truncate(end);
            text.push(' ');
        }
    }
    found
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
    fn old_wording_is_found_in_texts_and_not_in_comments() {
        let found = |name: &str, text: &str| {
            let mut found = Vec::new();
            check(&Source { name: name.into(), text: text.into() }, &mut found);
            found.iter().map(|finding| finding.place.rsplit(':').next().unwrap_or("").to_owned()).collect::<Vec<_>>()
        };
        let product = "hids-core/src/a.rs";
        assert_eq!(found(product, "// nobody is told\nsay(\"nobody \\\n     is told\", '\"');\n"), ["2", "2"]);
        assert_eq!(found(product, "say(\"the file is taken \\\n     over\");\n"), ["1"]);
        assert_eq!(
            found(product, "let nobody = \"nobody\"; // told \"so and so\"\nsay(\"retold, unable\");\n"),
            [""; 0]
        );
        assert_eq!(found("hids-core/src/a/tests.rs", "say(\"nobody is told\");\n"), [""; 0]);
        let rule = "<!-- nobody -->\n<description>Many logins of one source.</description>\n";
        assert_eq!(found("config/ruleset/rules/a.xml", rule), ["2"]);
    }

    #[test]
    fn shell_in_the_product_is_found_and_in_its_tests_is_not() {
        let mut found = Vec::new();
        let text = "fn run() { Command::new(\"sh\"); }\n#[cfg(test)]\nmod tests { fn t() { Command::new(\"ip\"); } }\n";
        check(&Source { name: "hids-userspace/src/a.rs".into(), text: text.into() }, &mut found);
        assert_eq!(found.iter().map(|finding| finding.rule).collect::<Vec<_>>(), ["program"]);
    }
}
