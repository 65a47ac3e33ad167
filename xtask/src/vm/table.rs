//! The table of what was seen to work on which kernel: `docs/kernels.md`.
//!
//! A test writes a line `cell<TAB>section<TAB>operation<TAB>result` to the file that `HIDS_RESULTS`
//! names (in a guest, its second serial line), or `absent<TAB>start of sections<TAB>why`. Nothing of the table is written by hand.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context as _, Result};

use super::Docs;
use crate::exec::say;
use crate::paths;

/// What one kernel did with one operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    kernel: String,
    section: String,
    operation: String,
    result: String,
}

/// Why a kernel has nothing in some sections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Absent {
    kernel: String,
    /// How the names of those sections begin.
    sections: String,
    why: String,
}

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    cells: Vec<Cell>,
    absent: Vec<Absent>,
}

impl Seen {
    /// Adds what the suite wrote in one kernel.
    pub(super) fn add(&mut self, kernel: &str, lines: &[String]) {
        self.cells.extend(cells(kernel, lines));
        let absent = |line: &String| {
            let (sections, why) = line.strip_prefix("absent\t")?.split_once('\t')?;
            Some(Absent { kernel: kernel.to_owned(), sections: sections.to_owned(), why: why.to_owned() })
        };
        self.absent.extend(lines.iter().filter_map(absent));
    }

    /// What stands where a kernel has no cell.
    fn missing(&self, kernel: &str, section: &str) -> &str {
        let is_meant = |absent: &&Absent| absent.kernel == kernel && section.starts_with(&absent.sections);
        self.absent.iter().find(is_meant).map_or("not tried", |absent| &absent.why)
    }
}

/// The cells among the lines that a suite wrote.
fn cells(kernel: &str, lines: &[String]) -> Vec<Cell> {
    let cell = |line: &String| {
        let mut fields = line.strip_prefix("cell\t")?.split('\t').map(str::to_owned);
        let (section, operation, result) = (fields.next()?, fields.next()?, fields.next()?);
        Some(Cell { kernel: kernel.to_owned(), section, operation, result })
    };
    lines.iter().filter_map(cell).collect()
}

/// Writes the table, or says that it is not up to date.
pub(super) fn keep(seen: &Seen, docs: Docs) -> Result<()> {
    let path = paths::root().join("docs/kernels.md");
    let text = render(seen);
    if fs::read_to_string(&path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    match docs {
        Docs::Write => {
            say(&format!("writing {}", path.display()));
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
        }
        Docs::Compare => {
            say("docs/kernels.md differs from what was seen; cargo xtask test vm --write-docs writes it");
            let old = fs::read_to_string(&path).unwrap_or_default();
            old.lines().filter(|line| !text.lines().any(|new| new == *line)).for_each(|line| println!("- {line}"));
            text.lines().filter(|line| !old.lines().any(|known| known == *line)).for_each(|line| println!("+ {line}"));
            Ok(())
        }
    }
}

/// One table for each section, with a column for each kernel; sections and operations in the order in
/// which they were first seen.
fn render(all: &Seen) -> String {
    let cells = &all.cells;
    let mut text = String::from(
        "# Kernels\n\nWritten by `cargo xtask test vm --write-docs` from what the tests saw; do not edit. Every entry is \
         an operation that was really tried.\n",
    );
    let kernels = unique(cells.iter().map(|cell| cell.kernel.as_str()));
    for section in unique(cells.iter().map(|cell| cell.section.as_str())) {
        let inside = || cells.iter().filter(|cell| cell.section == section);
        let seen: BTreeMap<(&str, &str), &str> =
            inside().map(|cell| ((cell.operation.as_str(), cell.kernel.as_str()), cell.result.as_str())).collect();
        text += &format!("\n## {section}\n\n| operation | {} |\n", kernels.join(" | "));
        text += &format!("| --- |{}\n", " --- |".repeat(kernels.len()));
        for operation in unique(inside().map(|cell| cell.operation.as_str())) {
            let results = kernels
                .iter()
                .map(|kernel| seen.get(&(operation, *kernel)).copied().unwrap_or_else(|| all.missing(kernel, section)));
            text += &format!("| {operation} | {} |\n", results.collect::<Vec<_>>().join(" | "));
        }
    }
    text
}

fn unique<'a>(words: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut found = Vec::new();
    for word in words {
        if !found.contains(&word) {
            found.push(word);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_has_a_column_for_each_kernel_and_names_what_was_not_tried() {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let mut all = Seen::default();
        all.add("6.1", &lines("cell\tguard\tunlink\trefused\nnoise\ncell\tguard\tset_acl\trefused"));
        all.add("6.12", &lines("cell\tguard\tunlink\trefused"));
        all.add("own", &lines("absent\tgua\tnot offered\ncell\tother\tread\tseen"));
        let text = render(&all);
        assert!(text.contains("| operation | 6.1 | 6.12 | own |"), "{text}");
        assert!(text.contains("| unlink | refused | refused | not offered |"), "{text}");
        assert!(text.contains("| set_acl | refused | not tried | not offered |"), "{text}");
    }
}
