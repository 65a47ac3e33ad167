//! One pass over a line that tells which patterns cannot match it.
//!
//! Most patterns contain a literal that every match must contain. All these literals are sought
//! at once; a pattern whose literals are not in the line need not be run. The answer never
//! changes: a pattern without such a literal is always run.

use std::collections::HashMap;

use super::anchored::is_plain;
use super::literals::{MAX_LITERAL_BYTES, MAX_LITERALS, MIN_LITERAL_BYTES};
use super::{Dialect, Pattern};

/// Collects the literals of patterns.
#[derive(Debug, Default)]
pub struct PrefilterBuilder {
    literals: Vec<Box<[u8]>>,
    known: HashMap<Box<[u8]>, usize>,
}

/// The literals of one pattern, at least one of which every match contains.
#[derive(Clone, Debug)]
pub struct Required {
    masks: Box<[(u32, u64)]>,
    /// Whether the pattern is nothing but these literals, so that it matches where one of them is.
    is_whole: bool,
}

/// Seeks all literals at once: each by its rarest three bytes, which a small table knows.
#[derive(Debug)]
pub struct Prefilter {
    /// One bit per value of [`key`]: whether some literal is sought there.
    table: Box<[u64]>,
    /// For each key with a bit: the first of its literals in `sought`.
    first: Box<[u16]>,
    /// The literals by key.
    sought: Box<[Sought]>,
    words: usize,
}

#[derive(Clone, Debug)]
struct Sought {
    key: u32,
    /// The three bytes, in lower case.
    three: [u8; MIN_LITERAL_BYTES],
    /// Bytes of the literal up to and with the three.
    end: u16,
    index: u32,
    literal: Box<[u8]>,
}

/// Which literals a line contains; reused from line to line.
#[derive(Debug, Default)]
pub struct Seen {
    words: Vec<u64>,
    /// Whether the line was scanned; if not, every bit is set.
    is_scanned: bool,
}

impl PrefilterBuilder {
    /// What `pattern` requires; `None` when it can match without any literal.
    pub fn add(&mut self, pattern: &Pattern) -> Option<Required> {
        let whole = whole_literals(pattern);
        let is_whole = whole.is_some();
        let mut literals = match whole {
            Some(literals) => literals,
            None => pattern.required_literals()?.to_vec(),
        };
        if self.literals.len() + literals.len() > usize::from(u16::MAX) {
            return None;
        }
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
        Some(Required { masks: masks.into(), is_whole })
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
        let mut table = vec![0u64; KEYS / 64];
        let mut first = vec![0u16; KEYS];
        let mut sought: Vec<Sought> =
            (0..).zip(&self.literals).map(|(index, literal)| Sought::new(index, literal)).collect();
        sought.sort_by_key(|sought| sought.key);
        for (at, sought) in sought.iter().enumerate().rev() {
            let key = sought.key as usize;
            table[key / 64] |= 1 << (key % 64);
            first[key] = at as u16;
        }
        Prefilter {
            table: table.into(),
            first: first.into(),
            sought: sought.into(),
            words: self.literals.len().div_ceil(64),
        }
    }
}

impl Sought {
    fn new(index: u32, literal: &[u8]) -> Self {
        let (end, key) = rarest_three(literal);
        let mut three = [0; MIN_LITERAL_BYTES];
        three.copy_from_slice(&literal[end - MIN_LITERAL_BYTES..end]);
        Self { key, three, end: end as u16, index, literal: literal.into() }
    }
}

/// Values of [`key`].
const KEYS: usize = 1 << 15;

/// The key of the bytes up to `byte`, from the key of those before it: three bytes, five bits each,
/// in which a letter's case does not count.
fn key(before: u32, byte: u8) -> u32 {
    // 0x20 is the bit that differs between cases; what else it tells apart is compared later.
    ((before << 5) ^ u32::from(byte & 0x1f) ^ (u32::from(byte >> 6) * 7)) & (KEYS as u32 - 1)
}

/// Where the three bytes of `literal` end that occur least often in logs, and their key.
fn rarest_three(literal: &[u8]) -> (usize, u32) {
    let mut state = 0;
    let mut best = (0, 0, 0);
    for (at, &byte) in literal.iter().enumerate() {
        state = key(state, byte);
        if at + 1 < MIN_LITERAL_BYTES {
            continue;
        }
        let rarity: u32 = literal[at + 1 - MIN_LITERAL_BYTES..=at].iter().map(|&byte| rarity(byte)).sum();
        if rarity >= best.0 {
            best = (rarity, at + 1, state);
        }
    }
    (best.1, best.2)
}

/// How seldom a byte occurs in logs, roughly.
fn rarity(byte: u8) -> u32 {
    const COMMON: &[u8] = b" etaoinsr0123456789./:-hldcumfpgwybvkxjqz";
    COMMON.iter().position(|&common| common == byte.to_ascii_lowercase()).unwrap_or(COMMON.len()) as u32
}

impl Prefilter {
    /// Finds the literals in `line`.
    pub fn scan(&self, line: &[u8], seen: &mut Seen) {
        seen.words.clear();
        seen.words.resize(self.words, 0);
        seen.is_scanned = true;
        let mut state = 0;
        for (at, &byte) in line.iter().enumerate() {
            state = key(state, byte);
            if self.table[state as usize / 64] & (1 << (state % 64)) != 0 {
                self.compare(state, at + 1, line, seen);
            }
        }
    }

    /// Which of the literals sought at `key` stand around `end`, where their three bytes end.
    fn compare(&self, key: u32, end: usize, line: &[u8], seen: &mut Seen) {
        let Some(three) =
            line[..end].last_chunk::<MIN_LITERAL_BYTES>().map(|three| three.map(|byte| byte.to_ascii_lowercase()))
        else {
            return;
        };
        let first = usize::from(self.first[key as usize]);
        for sought in self.sought[first..].iter().take_while(|sought| sought.key == key) {
            if sought.three != three {
                continue;
            }
            let (word, bit) = (sought.index as usize / 64, 1 << (sought.index % 64));
            if seen.words[word] & bit != 0 {
                continue;
            }
            let Some(start) = end.checked_sub(usize::from(sought.end)) else { continue };
            let text = line.get(start..start + sought.literal.len());
            if text.is_some_and(|text| text.eq_ignore_ascii_case(&sought.literal)) {
                seen.words[word] |= bit;
            }
        }
    }

    /// Lets every pattern be run: for lines whose bytes say nothing about a match.
    pub fn pass_all(&self, seen: &mut Seen) {
        seen.words.clear();
        seen.words.resize(self.words, u64::MAX);
        seen.is_scanned = false;
    }
}

impl Seen {
    /// Whether one of the bits of [`Required::single_mask`] is set.
    pub fn has_any(&self, (word, mask): (u32, u64)) -> bool {
        self.words[word as usize] & mask != 0
    }
}

impl Required {
    /// Whether the pattern can match a part of the line that was scanned.
    pub fn may_match(&self, seen: &Seen) -> bool {
        self.masks.iter().any(|&(word, mask)| seen.words[word as usize] & mask != 0)
    }

    /// Whether the pattern matches the whole line that was scanned; `None` when it must be run.
    pub fn matches(&self, seen: &Seen) -> Option<bool> {
        match self.may_match(seen) {
            true if self.is_whole && seen.is_scanned => Some(true),
            true => None,
            false => Some(false),
        }
    }

    /// The one word of bits of which one must be set, if all literals are in one.
    pub fn single_mask(&self) -> Option<(u32, u64)> {
        match &*self.masks {
            [single] => Some(*single),
            _ => None,
        }
    }
}

/// The literals, in lower case, of a pattern that is nothing but their alternatives.
fn whole_literals(pattern: &Pattern) -> Option<Vec<Box<[u8]>>> {
    let text = pattern.as_str();
    let is_literal = |byte: u8| match pattern.dialect() {
        Dialect::OsMatch => byte.is_ascii() && !b"^$".contains(&byte),
        Dialect::OsRegex => is_plain(byte) || byte == b'|',
        Dialect::Pcre2 | Dialect::Word => false,
    };
    // Only a pattern that runs as an automaton folds case as the search does.
    pattern.expression()?;
    let fits = |literal: &[u8]| (MIN_LITERAL_BYTES..=MAX_LITERAL_BYTES).contains(&literal.len());
    let literals: Vec<Box<[u8]>> = text.split('|').map(|word| word.to_ascii_lowercase().into_bytes().into()).collect();
    let all = text.bytes().all(is_literal) && literals.len() <= MAX_LITERALS && literals.iter().all(|word| fits(word));
    all.then_some(literals)
}
