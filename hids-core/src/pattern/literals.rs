//! Texts of which one is in every line that a pattern matches, found in its expression.

use regex_syntax::hir::{Class, Hir, HirKind};

/// Shortest literal worth seeking.
pub(super) const MIN_LITERAL_BYTES: usize = 3;
/// Of longer ones the beginning is sought.
pub(super) const MAX_LITERAL_BYTES: usize = 255;
/// A literal of this length is as good as a longer one.
const GOOD_LITERAL_BYTES: usize = 12;
/// Most literals of one pattern: lists of scanners' names have some 150.
pub(super) const MAX_LITERALS: usize = 512;

/// Literals in lower case, one of which every match of `hir` contains in some case.
pub(super) fn required(hir: &Hir) -> Option<Vec<Box<[u8]>>> {
    let cut = |literal: Vec<u8>| literal[..literal.len().min(MAX_LITERAL_BYTES)].into();
    Some(best(hir)?.into_iter().map(cut).collect())
}

fn best(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    if let Some(literal) = exact(hir) {
        return worthwhile(vec![literal]);
    }
    match hir.kind() {
        HirKind::Concat(parts) => best_of_sequence(parts),
        HirKind::Alternation(branches) => {
            let mut all = Vec::new();
            for branch in branches {
                all.extend(best(branch)?);
            }
            worthwhile(all)
        }
        HirKind::Capture(capture) => best(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => best(&repetition.sub),
        _ => None,
    }
}

/// The part of a sequence whose shortest literal is longest.
fn best_of_sequence(parts: &[Hir]) -> Option<Vec<Vec<u8>>> {
    let mut candidates = Vec::new();
    let mut run = Vec::new();
    for part in parts {
        match exact(part) {
            Some(literal) => run.extend(literal),
            None => {
                candidates.push(vec![std::mem::take(&mut run)]);
                candidates.extend(best(part));
            }
        }
    }
    candidates.push(vec![run]);
    let shortest = |literals: &Vec<Vec<u8>>| literals.iter().map(Vec::len).min().unwrap_or(0);
    let longest = candidates
        .into_iter()
        .max_by_key(|literals| (shortest(literals).min(GOOD_LITERAL_BYTES), std::cmp::Reverse(literals.len())))?;
    worthwhile(longest)
}

fn worthwhile(literals: Vec<Vec<u8>>) -> Option<Vec<Vec<u8>>> {
    let good = literals.len() <= MAX_LITERALS && literals.iter().all(|literal| literal.len() >= MIN_LITERAL_BYTES);
    good.then_some(literals)
}

/// The one text, in lower case, that `hir` matches in any case; other alphabets than ASCII fold in
/// ways that the search does not know.
fn exact(hir: &Hir) -> Option<Vec<u8>> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Some(Vec::new()),
        HirKind::Literal(literal) if literal.0.is_ascii() => Some(literal.0.to_ascii_lowercase()),
        HirKind::Class(Class::Bytes(class)) => match class.ranges() {
            [upper, lower]
                if upper.start() == upper.end()
                    && lower.start() == lower.end()
                    && lower.start().is_ascii_lowercase()
                    && upper.start() == lower.start().to_ascii_uppercase() =>
            {
                Some(vec![lower.start()])
            }
            _ => None,
        },
        HirKind::Concat(parts) => {
            let mut all = Vec::new();
            for part in parts {
                all.extend(exact(part)?);
            }
            Some(all)
        }
        HirKind::Capture(capture) => exact(&capture.sub),
        _ => None,
    }
}
