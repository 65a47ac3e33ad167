//! os_regex: translated to a regular expression by the rules of OSSEC's own converter.

use std::fmt::Write as _;

use super::anchored::{Anchored, is_plain};
use super::automaton::Automaton;
use super::linear;
use super::{PatternError, Program, Subject};

const WORD: &str = "A-Za-z0-9@_\\-";
/// The characters of `\p`.
const PUNCTUATION: &str = "[()*+,.:;<=>?\\[\\]!\"'#%&$|{}\\-]";

pub(super) fn compile(text: &str, subject: Subject) -> Result<Program, PatternError> {
    if text.is_empty() {
        return Err(PatternError::Empty);
    }
    subject.check_length(text)?;
    if let Some(anchored) = Anchored::parse(text, is_plain) {
        return Ok(Program::Anchored(anchored));
    }
    check_parentheses(text)?;
    let (bytes, characters) = translate(text)?;
    Ok(Program::Automaton(Box::new(Automaton::for_subject(&bytes, characters, subject)?)))
}

/// Both readings of the pattern: on bytes and on characters.
fn translate(text: &str) -> Result<(String, String), PatternError> {
    let source = text.as_bytes();
    let mut out = Output::default();
    let mut chars = text.char_indices().peekable();
    while let Some((at, char)) = chars.next() {
        match char {
            '\\' => match chars.next() {
                Some((_, escaped)) => out.escape(at, escaped)?,
                None => return Err(PatternError::Escape { at, what: String::new() }),
            },
            // The converter looks two characters back, whatever stands there.
            '+' | '*' if at >= 2 && source[at - 2] == b'\\' => {
                let greedy = ends_branch(&source[at + 1..]) && source[at - 1] != b'\\';
                out.both(match (char, greedy) {
                    ('+', true) => "+",
                    ('+', false) => "+?",
                    (_, true) => "*",
                    (_, false) => "*?",
                });
            }
            '^' => out.both("\\A"),
            '$' => out.both("\\z"),
            '(' | ')' | '|' => out.both(char.encode_utf8(&mut [0; 4])),
            _ => out.literal(char),
        }
    }
    Ok((out.bytes, out.characters))
}

/// Whether a quantifier before `rest` is the last thing of its branch.
fn ends_branch(rest: &[u8]) -> bool {
    matches!(rest.iter().find(|&&byte| byte != b')'), None | Some(b'|'))
}

#[derive(Default)]
struct Output {
    bytes: String,
    characters: String,
}

impl Output {
    fn both(&mut self, piece: &str) {
        self.bytes.push_str(piece);
        self.characters.push_str(piece);
    }

    fn literal(&mut self, char: char) {
        push_literal(&mut self.bytes, char);
        let _ = write!(self.characters, "\\x{{{:x}}}", u32::from(char));
    }

    fn escape(&mut self, at: usize, escaped: char) -> Result<(), PatternError> {
        match escaped {
            'w' => self.both(&format!("[{WORD}]")),
            'W' => self.both(&format!("[^{WORD}]")),
            'd' => self.both("[0-9]"),
            'D' => self.both("[^0-9]"),
            's' => self.both("[ ]"),
            'S' => self.both("[^ ]"),
            'p' => self.both(PUNCTUATION),
            '.' => self.both("(?s:.)"),
            't' => self.both("\\t"),
            '$' | '(' | ')' | '{' | '}' | '[' | ']' | '\\' | '|' | '<' => self.literal(escaped),
            _ => return Err(PatternError::Escape { at, what: escaped.to_string() }),
        }
        Ok(())
    }
}

/// Appends `char` as a literal of an expression on bytes, with Unicode's case folding.
pub(super) fn push_literal(out: &mut String, char: char) {
    match u8::try_from(char) {
        Ok(byte) if byte.is_ascii() => linear::push_byte(out, byte),
        _ => {
            let _ = write!(out, "(?u:\\x{{{:x}}})", u32::from(char));
        }
    }
}

fn check_parentheses(text: &str) -> Result<(), PatternError> {
    let mut open = Vec::new();
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' => {
                bytes.next();
            }
            b'(' => open.push(at),
            b')' if open.pop().is_none() => return Err(PatternError::Parenthesis { at }),
            _ => {}
        }
    }
    open.pop().map_or(Ok(()), |at| Err(PatternError::Parenthesis { at }))
}
