//! Keeps a file with the same mistake all over from burying the administrator in messages.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Diagnostic, Severity};

/// Most problems of one code in one file that are reported: whoever repairs a hundred knows the rest.
pub const MOST_OF_A_KIND: usize = 100;

/// `diagnostics` with at most [`MOST_OF_A_KIND`] of a code, severity and file, and how many more there are of each.
///
/// The first ones stay, in their order, so that errors stay errors. Takes time that grows with their number.
pub fn limited(diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    if diagnostics.len() <= MOST_OF_A_KIND {
        return diagnostics;
    }
    let mut counts: HashMap<(usize, &'static str, Severity), usize> = HashMap::new();
    let mut shown = Vec::new();
    let mut surplus: Vec<(Diagnostic, usize)> = Vec::new();
    let mut places: HashMap<(usize, &'static str, Severity), usize> = HashMap::new();
    for diagnostic in diagnostics {
        let file = diagnostic.span.as_ref().map_or(0, |span| Arc::as_ptr(&span.file) as usize);
        let key = (file, diagnostic.code, diagnostic.severity);
        let count = counts.entry(key).or_default();
        *count += 1;
        if *count <= MOST_OF_A_KIND {
            shown.push(diagnostic);
            continue;
        }
        let place = *places.entry(key).or_insert_with(|| {
            surplus.push((diagnostic, 0));
            surplus.len() - 1
        });
        surplus[place].1 += 1;
    }
    shown.extend(surplus.into_iter().map(|(first, more)| rest(&first, more)));
    shown
}

fn rest(first: &Diagnostic, more: usize) -> Diagnostic {
    let owner = first.span.as_ref().map_or_else(String::new, |span| format!(" in {}", span.file.name));
    let message = format!("{more} more of this kind{owner} not shown");
    let rest = Diagnostic { severity: first.severity, ..Diagnostic::note(first.code, message) };
    let rest = first.span.iter().cloned().fold(rest, Diagnostic::at);
    rest.help("fix the ones shown and check again")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::{SourceFile, Span, has_errors};

    // L7
    #[test]
    fn a_hundred_of_a_kind_are_told_and_the_rest_is_counted() {
        let file = |name: &str| SourceFile::new(name, "x\n".repeat(1000));
        let (one, other) = (file("one"), file("other"));
        let at = |file: &Arc<SourceFile>, index: usize| Span::new(file, 2 * index, 2 * index + 1);
        let mut all: Vec<_> = (0..1000).map(|index| Diagnostic::warning("R024", "w").at(at(&one, index))).collect();
        all.extend((0..150).map(|index| Diagnostic::error("R015", "e").at(at(&one, index))));
        all.extend((0..100).map(|index| Diagnostic::error("R015", "e").at(at(&other, index))));
        all.extend((0..101).map(|_| Diagnostic::error("C001", "no place")));
        let told = limited(all);
        assert!(has_errors(&told));
        let of = |code: &str, name: &str| {
            let is_of = |problem: &&Diagnostic| {
                problem.code == code && problem.span.as_ref().map_or("", |span| &span.file.name) == name
            };
            told.iter().filter(is_of).collect::<Vec<_>>()
        };
        assert_eq!(of("R024", "one").len(), 101);
        assert_eq!(of("R024", "one")[100].message, "900 more of this kind in one not shown");
        assert_eq!(of("R024", "one")[100].severity, Severity::Warning);
        assert_eq!((of("R015", "one").len(), of("R015", "other").len(), of("C001", "").len()), (101, 100, 101));
        assert_eq!(of("C001", "")[100].message, "1 more of this kind not shown");
    }
}
