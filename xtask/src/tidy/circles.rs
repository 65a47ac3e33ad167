//! Files that import one another in a circle: neither can be read, tested or moved alone.

use std::collections::{BTreeMap, BTreeSet};

use super::imports::Import;
use super::ratchet::Ratchet;
use super::{Finding, Weight};

/// Files in circles; there are none, and none may come.
const IN_CIRCLES: Ratchet = Ratchet {
    rule: "circle",
    place: "xtask/src/tidy/circles.rs",
    what: "files import one another in circles",
    limit: 0,
};

/// Checks the whole graph.
pub(super) fn check(imports: &[Import], findings: &mut Vec<Finding>) {
    let circles = circles(imports);
    let files = circles.iter().map(Vec::len).sum();
    let each = circles.iter().map(|circle| describe(circle, imports)).collect();
    IN_CIRCLES.check(files, each, findings);
}

/// The files of a circle, each with the first line that leads on to another one of it.
fn describe(circle: &[String], imports: &[Import]) -> Finding {
    let mut text = format!("a circle of {} files", circle.len());
    let mut place = None;
    for file in circle {
        let mut to: BTreeMap<&str, usize> = BTreeMap::new();
        for import in imports.iter().filter(|import| import.from == *file && import.to != *file) {
            if circle.contains(&import.to) {
                to.entry(&import.to).or_insert(import.line);
            }
        }
        for (name, line) in to {
            place.get_or_insert_with(|| format!("{file}:{line}"));
            text.push_str(&format!("\n    {file}:{line} uses {name}"));
        }
    }
    Finding { weight: Weight::Note, rule: "circle", place: place.unwrap_or_default(), text }
}

/// The strongly connected files, largest circle first (Kosaraju's algorithm).
fn circles(imports: &[Import]) -> Vec<Vec<String>> {
    let mut forth: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut back: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for import in imports.iter().filter(|import| import.from != import.to) {
        forth.entry(&import.from).or_default().insert(&import.to);
        back.entry(&import.to).or_default().insert(&import.from);
    }
    let mut seen = BTreeSet::new();
    let mut order = Vec::new();
    for file in forth.keys() {
        walk(file, &forth, &mut seen, &mut order);
    }
    let mut assigned = BTreeSet::new();
    let mut circles = Vec::new();
    for file in order.iter().rev() {
        let mut circle = Vec::new();
        walk(file, &back, &mut assigned, &mut circle);
        if circle.len() > 1 {
            circle.sort_unstable();
            circles.push(circle.iter().map(|file| (*file).to_owned()).collect::<Vec<_>>());
        }
    }
    circles.sort_by_key(|circle| (usize::MAX - circle.len(), circle.first().cloned()));
    circles
}

/// Adds what can be reached from `file` and was not seen, the farthest first.
fn walk<'a>(
    file: &'a str,
    next: &BTreeMap<&'a str, BTreeSet<&'a str>>,
    seen: &mut BTreeSet<&'a str>,
    order: &mut Vec<&'a str>,
) {
    if !seen.insert(file) {
        return;
    }
    for other in next.get(file).into_iter().flatten() {
        walk(other, next, seen, order);
    }
    order.push(file);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn import(from: &str, to: &str) -> Import {
        Import { from: from.into(), line: 1, to: to.into(), through: Vec::new() }
    }

    #[test]
    fn circle_is_found_with_its_files_and_a_tree_is_none() {
        let tree = [import("a", "b"), import("a", "c"), import("b", "c"), import("c", "c")];
        assert!(circles(&tree).is_empty());
        let looped = [import("a", "b"), import("b", "c"), import("c", "a"), import("d", "a"), import("c", "e")];
        assert_eq!(circles(&looped), [["a", "b", "c"]]);
        let two = [import("a", "b"), import("b", "a"), import("b", "c"), import("c", "d"), import("d", "c")];
        assert_eq!(circles(&two), [["a", "b"], ["c", "d"]]);
    }
}
