//! Documents that must keep up with the tree: paths that they name, the map in ARCHITECTURE.md, and what
//! lies at the top level.

use std::collections::BTreeSet;

use super::finding::{Finding, Weight};
use super::source::Source;

/// Documents whose paths must exist. The changelog names what there once was.
const DOCUMENTS: [&str; 5] = ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md", "SECURITY.md", "docs/"];

/// Where a path of a document may begin.
const ROOTS: [&str; 10] = [
    "",
    "hids-userspace/src/",
    // The files in docs/design are each about one of these.
    "hids-userspace/src/collect/",
    "hids-userspace/src/fim/",
    "hids-core/src/",
    "hids-ebpf/src/",
    "hids-common/src/",
    "tests/",
    "xtask/src/",
    "docs/",
];

/// Folders of which each entry is a row of the map.
const MAPPED: [&str; 3] = ["hids-core/src/", "hids-userspace/src/", "tests/"];

const MAP: &str = "ARCHITECTURE.md";

/// What may lie at the top level.
const TOP_LEVEL: &[&str] = &[
    ".cargo",
    ".ci",
    ".github",
    ".gitignore",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CODE_OF_CONDUCT.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "SECURITY.md",
    "clippy.toml",
    "config",
    "deny.toml",
    "docs",
    "hids-common",
    "hids-core",
    "hids-ebpf",
    "hids-userspace",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "tests",
    "xtask",
];

/// Checks all of it.
pub(super) fn check(sources: &[Source], findings: &mut Vec<Finding>) {
    let files: BTreeSet<&str> = sources.iter().map(|source| source.name.as_str()).collect();
    check_top_level(&files, findings);
    let is_document = |name: &str| name.ends_with(".md") && DOCUMENTS.iter().any(|known| name.starts_with(known));
    for source in sources.iter().filter(|source| is_document(&source.name)) {
        for (line, path) in paths(&source.text) {
            if !exists(path, &files) {
                let text = format!("there is no {path}");
                findings.push(Finding::new(Weight::Error, "document-path", source, line, text));
            }
        }
        if source.name == MAP {
            check_map(source, &files, findings);
        }
    }
}

fn check_top_level(files: &BTreeSet<&str>, findings: &mut Vec<Finding>) {
    let top: BTreeSet<&str> = files.iter().filter_map(|name| name.split('/').next()).collect();
    for name in top.into_iter().filter(|name| !TOP_LEVEL.contains(name)) {
        let text = "not a name of the top level; put it into a folder, or list it in xtask/src/tidy/documents.rs";
        let place = format!("{name}:1");
        findings.push(Finding { weight: Weight::Error, rule: "top-level", place, text: text.to_owned() });
    }
}

/// Each entry of the mapped folders has one row whose first cell names it.
fn check_map(source: &Source, files: &BTreeSet<&str>, findings: &mut Vec<Finding>) {
    let rows: Vec<(usize, &str)> =
        source.text.lines().enumerate().filter_map(|(at, line)| Some((at + 1, first_cell(line)?))).collect();
    for (at, (line, row)) in rows.iter().enumerate() {
        if rows[..at].iter().any(|(_, earlier)| earlier == row) {
            let text = format!("{row} has two rows in the code map");
            findings.push(Finding::new(Weight::Error, "map", source, *line, text));
        }
    }
    for folder in MAPPED {
        let inside = files.iter().filter_map(|name| name.strip_prefix(folder));
        let entries: BTreeSet<&str> = inside.filter_map(|rest| rest.split('/').next()).collect();
        for entry in entries.iter().filter(|entry| !is_head(entry, &entries)) {
            let place = format!("{folder}{entry}");
            if !rows.iter().any(|(_, row)| **row == place) {
                let text = format!("{place} has no row in the code map");
                findings.push(Finding::new(Weight::Error, "map", source, 1, text));
            }
        }
    }
}

/// A crate's root, its manifest, and the folder of a module that has its file beside it.
fn is_head(entry: &str, entries: &BTreeSet<&str>) -> bool {
    ["lib.rs", "Cargo.toml", "README.md"].contains(&entry) || entries.contains(format!("{entry}.rs").as_str())
}

/// The path in the first cell of a row.
fn first_cell(line: &str) -> Option<&str> {
    line.strip_prefix("| `")?.split_once('`').map(|(path, _)| path)
}

/// Words in backticks that look like a path, outside of blocks of code.
fn paths(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_block = false;
    text.lines().enumerate().flat_map(move |(at, line)| {
        in_block ^= line.starts_with("```");
        let words = line.split('`').skip(1).step_by(2).filter(|word| is_path(word));
        words.filter(|_| !in_block).map(|word| (at + 1, word)).collect::<Vec<_>>()
    })
}

fn is_path(word: &str) -> bool {
    let is_plain = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-./".contains(&byte));
    let known_root = ["hids-", "docs/", "tests/", "xtask/"].iter().any(|root| word.starts_with(root));
    is_plain && !word.starts_with(['/', '.']) && (word.ends_with(".rs") || (known_root && word.contains('/')))
}

fn exists(path: &str, files: &BTreeSet<&str>) -> bool {
    let path = path.trim_end_matches('/');
    ROOTS.iter().any(|root| {
        let whole = format!("{root}{path}");
        let folder = format!("{whole}/");
        files.contains(whole.as_str()) || files.iter().any(|name| name.starts_with(&folder))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(files: &[(&str, &str)]) -> Vec<String> {
        let source = |(name, text): &(&str, &str)| Source { name: (*name).into(), text: (*text).into() };
        let mut found = Vec::new();
        check(&files.iter().map(source).collect::<Vec<_>>(), &mut found);
        found.iter().map(|finding| format!("{} {}", finding.place, finding.text)).collect()
    }

    #[test]
    fn path_that_does_not_exist_is_found() {
        let text =
            "`model/event.rs` and `hids-core/src/model` are there, `model/gone.rs` is not.\n```\n`none.rs`\n```\n";
        let found = findings(&[("README.md", text), ("hids-core/src/model/event.rs", "")]);
        assert_eq!(found, ["README.md:1 there is no model/gone.rs"]);
        assert!(findings(&[("README.md", "`/etc/passwd.rs` `cargo xtask tests/x` `hidsd`")]).is_empty());
    }

    #[test]
    fn module_without_a_row_and_a_second_row_are_found() {
        let map = |rows: &str| findings(&[(MAP, rows), ("hids-core/src/a/mod.rs", ""), ("hids-core/src/b.rs", "")]);
        assert!(map("| `hids-core/src/a` | x |\n| `hids-core/src/b.rs` | y |\n").is_empty());
        assert_eq!(
            map("| `hids-core/src/a` | x |\n"),
            ["ARCHITECTURE.md:1 hids-core/src/b.rs has no row in the code map"]
        );
        let twice = "| `hids-core/src/a` | x |\n| `hids-core/src/a` | z |\n| `hids-core/src/b.rs` | y |\n";
        assert_eq!(map(twice), ["ARCHITECTURE.md:2 hids-core/src/a has two rows in the code map"]);
    }

    #[test]
    fn stray_file_at_the_top_level_is_found() {
        assert!(findings(&[("msgs", "")])[0].starts_with("msgs:1 not a name"));
        assert!(findings(&[("hids-core/Cargo.toml", "")]).is_empty());
    }
}
