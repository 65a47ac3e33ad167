//! The ways through a pattern: what must stand before and behind what its groups take.
//!
//! Used to find patterns that a client's words can lead astray. Never: decides what a field means.

use regex_syntax::hir::{Class, Hir, HirKind, Look};

use super::{Pattern, Program};

/// More ways than this are not followed.
const MAX_PATHS: usize = 128;

/// From so many repetitions on a piece counts as text of any length.
const LONG: u32 = 24;

/// A piece of a way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The start of the text.
    Start,
    /// Its end.
    End,
    /// Words of the pattern's author, or a piece too narrow to hold words: digits, an address.
    Fixed,
    /// Any number of characters that words consist of.
    Words {
        /// Whether blanks are among them.
        blanks: bool,
        /// Whether punctuation is among them, as in `\S`.
        punctuation: bool,
    },
    /// A capturing group.
    Group(Vec<Part>),
}

type Path = Vec<Part>;

/// The ways through `pattern`; `None` where they are not known (look-around, very many).
pub(crate) fn paths(pattern: &Pattern) -> Option<Vec<Path>> {
    match &pattern.program {
        Program::Automaton(automaton) => {
            let parser = || regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build();
            expand(&parser().parse(automaton.expression()).ok()?)
        }
        Program::Always => Some(vec![Vec::new()]),
        Program::Anchored(_) => literal_paths(pattern.as_str()),
        Program::Words(_) | Program::Pcre2(_) => None,
    }
}

/// Literal alternatives, of which each may be anchored.
fn literal_paths(text: &str) -> Option<Vec<Path>> {
    let path = |alternative: &str| {
        let start = alternative.starts_with('^').then_some(Part::Start);
        let end = alternative.ends_with('$').then_some(Part::End);
        start.into_iter().chain([Part::Fixed]).chain(end).collect()
    };
    Some(text.split('|').map(path).collect())
}

fn expand(hir: &Hir) -> Option<Vec<Path>> {
    if hir.properties().explicit_captures_len() == 0 && hir.properties().look_set().is_empty() {
        return Some(vec![plain(hir).into_iter().collect()]);
    }
    let paths = match hir.kind() {
        HirKind::Empty => vec![Vec::new()],
        HirKind::Literal(_) | HirKind::Class(_) => vec![vec![Part::Fixed]],
        HirKind::Look(Look::Start) => vec![vec![Part::Start]],
        HirKind::Look(Look::End) => vec![vec![Part::End]],
        HirKind::Look(_) => vec![Vec::new()],
        // A group that is repeated takes what it took last: not followed.
        HirKind::Repetition(repetition) if repetition.max != Some(1) => return None,
        HirKind::Repetition(repetition) => {
            let mut paths = expand(&repetition.sub)?;
            if repetition.min == 0 {
                paths.push(Vec::new());
            }
            paths
        }
        HirKind::Capture(capture) => expand(&capture.sub)?.into_iter().map(|path| vec![Part::Group(path)]).collect(),
        HirKind::Alternation(parts) => {
            let mut paths = Vec::new();
            for part in parts {
                paths.extend(expand(part)?);
            }
            paths
        }
        HirKind::Concat(parts) => concat(parts)?,
    };
    (paths.len() <= MAX_PATHS).then_some(paths)
}

fn concat(parts: &[Hir]) -> Option<Vec<Path>> {
    let mut paths: Vec<Path> = vec![Vec::new()];
    for part in parts {
        let further = expand(part)?;
        if paths.len() * further.len() > MAX_PATHS {
            return None;
        }
        let joined = paths.iter().flat_map(|path| further.iter().map(|next| [path.as_slice(), next].concat()));
        paths = joined.collect();
    }
    Some(paths)
}

/// A piece without groups and anchors.
fn plain(hir: &Hir) -> Option<Part> {
    if matches!(hir.kind(), HirKind::Empty) {
        return None;
    }
    let mut bytes = [false; 256];
    let long = collect_long(hir, false, &mut bytes);
    let has = |wanted: &[u8]| wanted.iter().any(|&byte| bytes[usize::from(byte)]);
    // `[0-9a-f.:]` holds an address, not words.
    if long && has(b"rzRZ") {
        Some(Part::Words { blanks: bytes[usize::from(b' ')], punctuation: has(b"=:;,[]()/") })
    } else if long && has(b" ") && has(b"[]()=\"") {
        Some(Part::Words { blanks: true, punctuation: true })
    } else {
        Some(Part::Fixed)
    }
}

/// The bytes of all pieces that are repeated at will; whether there is one.
fn collect_long(hir: &Hir, is_long: bool, bytes: &mut [bool; 256]) -> bool {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => false,
        HirKind::Literal(literal) => {
            if is_long {
                literal.0.iter().for_each(|&byte| bytes[usize::from(byte)] = true);
            }
            is_long
        }
        HirKind::Class(class) => {
            if is_long {
                mark(class, bytes);
            }
            is_long
        }
        HirKind::Repetition(repetition) => {
            let long = is_long || repetition.max.is_none_or(|most| most >= LONG);
            collect_long(&repetition.sub, long, bytes)
        }
        HirKind::Capture(capture) => collect_long(&capture.sub, is_long, bytes),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            let mut found = false;
            for part in parts {
                found |= collect_long(part, is_long, bytes);
            }
            found
        }
    }
}

fn mark(class: &Class, bytes: &mut [bool; 256]) {
    let mut range = |start: u32, end: u32| (start..=end.min(255)).for_each(|byte| bytes[byte as usize] = true);
    match class {
        Class::Bytes(class) => class.iter().for_each(|part| range(part.start().into(), part.end().into())),
        Class::Unicode(class) => class.iter().for_each(|part| range(part.start().into(), part.end().into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_told_apart() {
        let paths = paths(&Pattern::pcre2(r"^from (\S+) port (\d+)$").unwrap()).unwrap();
        let any = Part::Words { blanks: false, punctuation: true };
        let expected = [Part::Start, Part::Fixed, Part::Group(vec![any]), Part::Fixed, Part::Group(vec![Part::Fixed])];
        assert_eq!(paths.len(), 1);
        assert_eq!(paths[0][..5], expected);
        assert_eq!(paths[0].last(), Some(&Part::End));
    }

    #[test]
    fn alternatives_are_followed_one_by_one() {
        let paths = paths(&Pattern::os_regex(r"^a (\w+)|b (\.+)$").unwrap()).unwrap();
        assert_eq!(paths.len(), 2);
        assert_eq!(paths[0][0], Part::Start);
        assert_eq!(paths[1].last(), Some(&Part::End));
        let words = Part::Words { blanks: true, punctuation: true };
        assert!(paths[1].contains(&Part::Group(vec![words])));
    }
}
