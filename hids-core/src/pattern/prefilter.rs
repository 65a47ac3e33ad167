//! One pass over a line that tells which patterns cannot match it.
//!
//! Most patterns contain a literal that every match must contain. All these literals are sought
//! at once; a pattern whose literals are not in the line need not be run. The answer never
//! changes: a pattern without such a literal is always run.

use std::collections::HashMap;
use std::ops::Range;

use super::anchored::is_plain;
use super::literals::{MAX_LITERAL_BYTES, MAX_LITERALS, MIN_LITERAL_BYTES};
use super::window::{KEY_BITS, KEYS, Ordinary, part_of_key, rarest_window};
use super::{Dialect, Pattern};

/// Collects the literals of patterns.
#[derive(Debug, Default)]
pub struct PrefilterBuilder {
    literals: Vec<Literal>,
    known: HashMap<Box<[u8]>, usize>,
    /// The bit of each set of literals that lie in more than one word.
    sets: HashMap<Box<[usize]>, u32>,
    /// How many bytes are sought alone.
    alone: u32,
    /// Bits given away, those of the first word aside.
    bits: u32,
}

/// A text that is sought: of three bytes or more, or a single byte.
#[derive(Debug)]
struct Literal {
    text: Box<[u8]>,
    bit: u32,
    /// Bits of the sets that it is in.
    sets: Vec<u32>,
}

/// The literals of one pattern, at least one of which every match contains.
#[derive(Clone, Copy, Debug)]
pub struct Required {
    /// The word of [`Seen`], and the bits of which one is set when a literal was seen.
    word: u32,
    mask: u64,
    /// Whether the pattern is nothing but these literals, so that it matches where one of them is.
    is_whole: bool,
}

/// Seeks all literals at once: each by its rarest three bytes, which a small table knows.
#[derive(Debug)]
pub struct Prefilter {
    /// Of each byte, its part of the [key](KEYS) in the lower half; in the upper one its bit, if it is sought alone.
    bytes: Box<[u64; 256]>,
    /// One bit per key: whether some literal is sought there.
    table: Box<[u64; KEYS / 64]>,
    /// How many keys have bits before each word of `table`.
    before: Box<[u16; KEYS / 64]>,
    /// Of each key with a bit, in their order, where its literals in `sought` begin.
    first: Box<[u16]>,
    /// The literals by key.
    sought: Box<[Sought]>,
    /// The bytes that are sought alone and are in sets, by their bits in the first word.
    alone: Box<[(u64, Range<u32>)]>,
    /// Bits of the sets of all literals.
    sets: Box<[u32]>,
    words: usize,
}

#[derive(Clone, Debug)]
struct Sought {
    key: u32,
    /// The three bytes, in lower case.
    three: [u8; MIN_LITERAL_BYTES],
    /// Bytes of the literal up to and with the three.
    end: u16,
    bit: u32,
    /// Where the bits of its sets are.
    sets: Range<u32>,
    literal: Box<[u8]>,
}

/// Which literals a line contains; reused from line to line.
#[derive(Debug, Default)]
pub struct Seen {
    /// The first word is that of single bytes.
    words: Vec<u64>,
    /// Whether the line was scanned; if not, every bit is set.
    is_scanned: bool,
}

/// Most bytes that are sought alone: half a word.
const MAX_ALONE: u32 = 32;

/// Most bits; patterns beyond them are run on every line.
const MAX_BITS: u32 = u16::MAX as u32;

impl PrefilterBuilder {
    /// What `pattern` requires; `None` when it can match without any literal.
    pub fn add(&mut self, pattern: &Pattern) -> Option<Required> {
        let whole = whole_literals(pattern);
        let is_whole = whole.is_some();
        let mut literals = match whole {
            Some(literals) => literals,
            None => pattern.required_literals()?.to_vec(),
        };
        literals.sort();
        literals.dedup();
        let numbers = literals.into_iter().map(|literal| self.number(literal)).collect::<Option<Box<[usize]>>>()?;
        let places: Vec<(u32, u64)> = numbers.iter().map(|&number| place(self.literals[number].bit)).collect();
        let (word, _) = *places.first()?;
        let (word, mask) = match places.iter().all(|&(other, _)| other == word) {
            true => (word, places.iter().fold(0, |mask, &(_, bit)| mask | bit)),
            false => place(self.set(numbers)?),
        };
        Some(Required { word, mask, is_whole })
    }

    /// The bit that all of `literals` set.
    fn set(&mut self, literals: Box<[usize]>) -> Option<u32> {
        if let Some(&known) = self.sets.get(&literals) {
            return Some(known);
        }
        let bit = self.next_bit()?;
        literals.iter().for_each(|&literal| self.literals[literal].sets.push(bit));
        self.sets.insert(literals, bit);
        Some(bit)
    }

    /// The number of a literal; `None` when there are too many.
    fn number(&mut self, text: Box<[u8]>) -> Option<usize> {
        if let Some(&known) = self.known.get(&text) {
            return Some(known);
        }
        let bit = if text.len() == 1 { self.next_alone()? } else { self.next_bit()? };
        self.known.insert(text.clone(), self.literals.len());
        self.literals.push(Literal { text, bit, sets: Vec::new() });
        Some(self.literals.len() - 1)
    }

    fn next_alone(&mut self) -> Option<u32> {
        self.alone += 1;
        (self.alone <= MAX_ALONE).then_some(self.alone - 1)
    }

    /// The first word is that of single bytes.
    fn next_bit(&mut self) -> Option<u32> {
        self.bits = (self.bits + 1).min(MAX_BITS + 1);
        (self.bits <= MAX_BITS).then_some(63 + self.bits)
    }

    /// The filter for all patterns added so far.
    pub fn build(&self) -> Prefilter {
        let mut bytes = Box::new(std::array::from_fn(|byte| u64::from(part_of_key(byte as u8))));
        let (mut table, mut before) = (Box::new([0u64; KEYS / 64]), Box::new([0u16; KEYS / 64]));
        let mut first = Vec::new();
        let ordinary = Ordinary::new();
        let (mut sought, mut alone, mut sets) = (Vec::new(), Vec::new(), Vec::new());
        for literal in &self.literals {
            let start = sets.len() as u32;
            sets.extend_from_slice(&literal.sets);
            let of_literal = start..sets.len() as u32;
            match *literal.text {
                [byte] => {
                    bytes[usize::from(byte)] |= 1 << (32 + literal.bit);
                    alone.push((1 << literal.bit, of_literal));
                }
                _ => sought.push(Sought::new(&literal.text, literal.bit, of_literal, &ordinary)),
            }
        }
        alone.retain(|(_, sets)| !sets.is_empty());
        sought.sort_by_key(|sought| sought.key);
        for (at, sought) in sought.iter().enumerate() {
            let (word, bit) = place(sought.key);
            if table[word as usize] & bit == 0 {
                table[word as usize] |= bit;
                first.push(at as u16);
            }
        }
        let mut keys = 0;
        for (before, bits) in before.iter_mut().zip(&*table) {
            *before = keys;
            keys += bits.count_ones() as u16;
        }
        let words = (self.bits as usize).div_ceil(64) + 1;
        let (first, sought) = (first.into(), sought.into());
        Prefilter { bytes, table, before, first, sought, alone: alone.into(), sets: sets.into(), words }
    }
}

/// The word and the mask of a bit.
fn place(bit: u32) -> (u32, u64) {
    (bit / 64, 1 << (bit % 64))
}

impl Sought {
    fn new(literal: &[u8], bit: u32, sets: Range<u32>, ordinary: &Ordinary) -> Self {
        let (end, key) = rarest_window(literal, ordinary);
        let mut three = [0; MIN_LITERAL_BYTES];
        three.copy_from_slice(&literal[end - MIN_LITERAL_BYTES..end]);
        Self { key, three, end: end as u16, bit, sets, literal: literal.into() }
    }
}

impl Prefilter {
    /// Finds the literals in `line`.
    pub fn scan(&self, line: &[u8], seen: &mut Seen) {
        seen.words.clear();
        seen.words.resize(self.words, 0);
        seen.is_scanned = true;
        let (mut state, mut alone) = (0u32, 0u64);
        for (at, &byte) in line.iter().enumerate() {
            let entry = self.bytes[usize::from(byte)];
            alone |= entry;
            state = (state << KEY_BITS) | (entry as u32);
            let key = state as usize % KEYS;
            if self.table[key / 64] & (1 << (key % 64)) != 0 {
                self.compare(key, at + 1, line, seen);
            }
        }
        seen.words[0] = alone >> 32;
        for (_, sets) in self.alone.iter().filter(|(bit, _)| alone >> 32 & bit != 0) {
            self.add_sets(sets, seen);
        }
    }

    /// Which of the literals sought at `key` stand around `end`, where their three bytes end.
    fn compare(&self, key: usize, end: usize, line: &[u8], seen: &mut Seen) {
        let Some(three) =
            line[..end].last_chunk::<MIN_LITERAL_BYTES>().map(|three| three.map(|byte| byte.to_ascii_lowercase()))
        else {
            return;
        };
        let lower = self.table[key / 64] & ((1 << (key % 64)) - 1);
        let first = usize::from(self.first[usize::from(self.before[key / 64]) + lower.count_ones() as usize]);
        for sought in self.sought[first..].iter().take_while(|sought| sought.key as usize == key) {
            if sought.three != three {
                continue;
            }
            let (word, bit) = place(sought.bit);
            if seen.words[word as usize] & bit != 0 {
                continue;
            }
            let Some(start) = end.checked_sub(usize::from(sought.end)) else { continue };
            let text = line.get(start..start + sought.literal.len());
            if text.is_some_and(|text| text.eq_ignore_ascii_case(&sought.literal)) {
                seen.words[word as usize] |= bit;
                self.add_sets(&sought.sets, seen);
            }
        }
    }

    /// One of the literals of these sets was seen.
    fn add_sets(&self, sets: &Range<u32>, seen: &mut Seen) {
        for &bit in &self.sets[sets.start as usize..sets.end as usize] {
            let (word, bit) = place(bit);
            seen.words[word as usize] |= bit;
        }
    }

    /// Lets every pattern be run: for lines whose bytes say nothing about a match.
    pub fn pass_all(&self, seen: &mut Seen) {
        seen.words.clear();
        seen.words.resize(self.words, u64::MAX);
        seen.is_scanned = false;
    }
}

impl Required {
    /// Whether the pattern can match a part of the line that was scanned.
    pub fn may_match(&self, seen: &Seen) -> bool {
        seen.words[self.word as usize] & self.mask != 0
    }

    /// Whether the pattern matches the whole line that was scanned; `None` when it must be run.
    pub fn matches(&self, seen: &Seen) -> Option<bool> {
        match self.may_match(seen) {
            true if self.is_whole && seen.is_scanned => Some(true),
            true => None,
            false => Some(false),
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
