//! One pass over a line that tells which patterns cannot match it.
//!
//! Most patterns contain a literal that every match must contain. All these literals are sought
//! at once; a pattern whose literals are not in the line need not be run. The answer never
//! changes: a pattern without such a literal is always run.

use aho_corasick::automaton::Automaton as _;
use aho_corasick::{Anchored, MatchKind, dfa::DFA};
use regex_syntax::hir::{Class, Hir, HirKind};
use std::collections::HashMap;

use super::Pattern;

/// Shortest literal worth seeking.
const MIN_LITERAL_BYTES: usize = 3;
/// Longest part of a literal that is sought; the automaton stays small.
const MAX_LITERAL_BYTES: usize = 12;
/// Most literals of one pattern.
const MAX_LITERALS: usize = 64;

/// Collects the literals of patterns.
#[derive(Debug, Default)]
pub struct PrefilterBuilder {
    literals: Vec<Box<[u8]>>,
    known: HashMap<Box<[u8]>, usize>,
}

/// The literals of one pattern, at least one of which every match contains.
#[derive(Clone, Debug)]
pub struct Required(Box<[(u32, u64)]>);

/// Seeks all literals at once.
#[derive(Debug)]
pub struct Prefilter {
    automaton: Option<DFA>,
    words: usize,
}

/// Which literals a line contains; reused from line to line.
#[derive(Debug, Default)]
pub struct Seen(Vec<u64>);

impl PrefilterBuilder {
    /// What `pattern` requires; `None` when it can match without any literal.
    pub fn add(&mut self, pattern: &Pattern) -> Option<Required> {
        let mut literals = required_literals(pattern.expression()?)?;
        literals.sort();
        literals.dedup();
        let mut masks: Vec<(u32, u64)> = Vec::new();
        for literal in literals {
            let index = self.index(literal);
            let (word, bit) = ((index / 64) as u32, 1 << (index % 64));
            match masks.iter_mut().find(|(known, _)| *known == word) {
                Some((_, mask)) => *mask |= bit,
                None => masks.push((word, bit)),
            }
        }
        Some(Required(masks.into()))
    }

    fn index(&mut self, literal: Box<[u8]>) -> usize {
        let next = self.literals.len();
        *self.known.entry(literal).or_insert_with_key(|literal| {
            self.literals.push(literal.clone());
            next
        })
    }

    /// The filter for all patterns added so far.
    pub fn build(&self) -> Prefilter {
        let automaton = DFA::builder()
            .match_kind(MatchKind::Standard)
            .start_kind(aho_corasick::StartKind::Unanchored)
            .ascii_case_insensitive(true)
            .build(&self.literals)
            .ok();
        Prefilter { automaton, words: self.literals.len().div_ceil(64) }
    }
}

impl Prefilter {
    /// Finds the literals in `line`.
    pub fn scan(&self, line: &[u8], seen: &mut Seen) {
        seen.0.clear();
        seen.0.resize(self.words, 0);
        let Some(automaton) = &self.automaton else { return self.pass_all(seen) };
        let Ok(mut state) = automaton.start_state(Anchored::No) else { return self.pass_all(seen) };
        for &byte in line {
            state = automaton.next_state(Anchored::No, state, byte);
            if automaton.is_special(state) && automaton.is_match(state) {
                for index in 0..automaton.match_len(state) {
                    let literal = automaton.match_pattern(state, index).as_usize();
                    seen.0[literal / 64] |= 1 << (literal % 64);
                }
            }
        }
    }

    /// Lets every pattern be run: for lines whose bytes say nothing about a match.
    pub fn pass_all(&self, seen: &mut Seen) {
        seen.0.clear();
        seen.0.resize(self.words, u64::MAX);
    }
}

impl Required {
    /// Whether the pattern can match a part of the line that was scanned.
    pub fn may_match(&self, seen: &Seen) -> bool {
        self.0.iter().any(|&(word, mask)| seen.0[word as usize] & mask != 0)
    }
}

/// Literals in lower case, one of which every match of `expression` contains in some case.
fn required_literals(expression: &str) -> Option<Vec<Box<[u8]>>> {
    let hir = regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build().parse(expression).ok()?;
    let literals = best(&hir)?;
    Some(literals.into_iter().map(|literal| rarest_part(&literal)).collect())
}

/// Of a long literal its end, which tells more: beginnings are often common words.
fn rarest_part(literal: &[u8]) -> Box<[u8]> {
    literal[literal.len().saturating_sub(MAX_LITERAL_BYTES)..].into()
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
        .max_by_key(|literals| (shortest(literals).min(MAX_LITERAL_BYTES), std::cmp::Reverse(literals.len())))?;
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
