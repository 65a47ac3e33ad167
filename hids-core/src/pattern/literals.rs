//! Texts of which one is in every line that a pattern matches, found in its expression.

use regex_syntax::hir::{Class, Hir, HirKind};

/// Shortest literal worth seeking, except for a single [rare](is_rare) byte.
pub(super) const MIN_LITERAL_BYTES: usize = 3;
/// Of longer ones the beginning is sought.
pub(super) const MAX_LITERAL_BYTES: usize = 255;
/// A literal as [rare](rarity) as this is as good as a rarer one: some twelve common letters.
const GOOD_RARITY: u32 = 48;
/// From here on a byte is worth seeking alone.
const RARE: u32 = 8;
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
        // Bytes that are no ASCII are in it.
        HirKind::Literal(literal) => {
            let runs = literal.0.split(|byte| !byte.is_ascii()).map(|run| vec![run.to_ascii_lowercase()]);
            runs.filter_map(worthwhile).max_by_key(|literals| selectivity(literals))
        }
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

/// The part of a sequence whose literals are in the fewest lines.
fn best_of_sequence(parts: &[Hir]) -> Option<Vec<Vec<u8>>> {
    let mut candidates = Vec::new();
    let mut run = Vec::new();
    for part in parts {
        match exact(part) {
            Some(literal) => run.extend(literal),
            None => {
                candidates.extend(worthwhile(vec![std::mem::take(&mut run)]));
                candidates.extend(best(part));
            }
        }
    }
    candidates.extend(worthwhile(vec![run]));
    candidates.into_iter().max_by_key(|literals| (selectivity(literals), std::cmp::Reverse(literals.len())))
}

/// How many lines the literals rule out, as a logarithm: that of the most common one, less for many of them.
fn selectivity(literals: &[Vec<u8>]) -> i64 {
    let of = |literal: &Vec<u8>| literal.iter().map(|&byte| rarity(byte)).sum::<u32>().min(GOOD_RARITY);
    let most_common = literals.iter().map(of).min().unwrap_or(0);
    i64::from(most_common) - i64::from(literals.len().checked_ilog2().unwrap_or(0))
}

/// The literals as they are sought: of one that is too short, a rare byte.
fn worthwhile(literals: Vec<Vec<u8>>) -> Option<Vec<Vec<u8>>> {
    let as_sought = |literal: Vec<u8>| match literal.len() {
        MIN_LITERAL_BYTES.. => Some(literal),
        _ => Some(vec![literal.into_iter().filter(|&byte| is_rare(byte)).max_by_key(|&byte| rarity(byte))?]),
    };
    if literals.len() > MAX_LITERALS { None } else { literals.into_iter().map(as_sought).collect() }
}

/// Whether a byte is worth seeking alone.
fn is_rare(byte: u8) -> bool {
    rarity(byte) >= RARE
}

/// How seldom a byte stands in a log, roughly: the logarithm of one in how many it is.
pub(super) fn rarity(byte: u8) -> u32 {
    match byte.to_ascii_lowercase() {
        b' ' | b'.' | b'/' | b':' | b'-' => 3,
        b'e' | b't' | b'a' | b'o' | b'i' | b'n' | b's' | b'r' | b'"' | b'0'..=b'9' => 4,
        b'q' | b'x' | b'z' | b'j' | b'k' | b'v' | b'?' | b'+' | b';' => 6,
        b'a'..=b'z' | b'_' | b'[' | b']' | b'(' | b')' | b',' | b'=' => 5,
        b'%' | b'&' | b'@' => RARE,
        b'!' | b'*' | b'#' => 11,
        b'$' | b'|' | b'<' | b'>' | b'\\' | b'~' => 14,
        b'{' | b'}' | b'^' | b'`' => 16,
        _ => 7,
    }
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

#[cfg(test)]
mod tests {
    use crate::pattern::Pattern;

    fn of(pattern: &str) -> Option<Vec<String>> {
        let pattern = Pattern::pcre2(pattern).unwrap();
        let literals = pattern.required_literals()?.iter();
        Some(literals.map(|literal| String::from_utf8_lossy(literal).into_owned()).collect())
    }

    #[test]
    fn the_literals_are_sought_that_the_fewest_lines_have() {
        let wanted = [
            ("^Failed (?:password|publickey) for .* from ", "password,publickey"),
            ("a(?:\\{|%7b)(?:url|main|web)", "{,%7b"),
            ("\\(\\)(?: |%20)?(?:\\{|%7b)", "{,%7b"),
            ("[0-9]|[<]|x%y", ""),
            ("(?:ab|c)+d?", ""),
            ("a#.b", "#"),
            ("\u{e4}hnlich", "hnlich"),
            ("(?-i:ABC)|xyz", "abc,xyz"),
        ];
        for (pattern, literals) in wanted {
            assert_eq!(of(pattern).unwrap_or_default().join(","), literals, "{pattern}");
        }
    }
}
