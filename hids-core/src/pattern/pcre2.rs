//! PCRE2 patterns: translated to a linear-time automaton where that gives the same answer.
//!
//! OSSEC compiles them caseless on bytes, nothing else. The translator knows exactly the part of
//! the language that means the same in both engines; everything else is tried place by place.

use std::fmt::Write as _;

use regex_syntax::hir::{Hir, HirKind};

use super::anchored::{Anchored, is_plain};
use super::automaton::Automaton;
use super::backtracking::Backtracking;
use super::linear::{self, Encoding};
use super::{PatternError, Program};

pub(super) fn compile(text: &str) -> Result<Program, PatternError> {
    if text.is_empty() {
        return Err(PatternError::Empty);
    }
    if let Some(anchored) = Anchored::parse(text, is_plain) {
        return Ok(Program::Anchored(anchored));
    }
    if let Some(translated) = translate(text)
        && let Ok(automaton) =
            Automaton::for_pcre2(&translated.expression, &translated.hir, text, translated.has_dollar)
    {
        return Ok(Program::Automaton(Box::new(automaton)));
    }
    Ok(Program::Pcre2(Box::new(Backtracking::new(text)?)))
}

/// A pattern for the linear-time engine.
struct Translated {
    expression: String,
    hir: Hir,
    has_dollar: bool,
}

/// `None` when the pattern has something that only PCRE2 can do (or refuse).
fn translate(text: &str) -> Option<Translated> {
    let mut translator = Translator { source: text.as_bytes(), at: 0, out: String::new(), has_dollar: false };
    translator.run()?;
    let hir = linear::read(&translator.out, Encoding::Bytes).ok()?;
    if repeats_nothing(&hir) {
        return None;
    }
    Some(Translated { expression: translator.out, hir, has_dollar: translator.has_dollar })
}

/// Whether something that can match the empty string is repeated: there the engines differ.
fn repeats_nothing(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Repetition(repetition) => {
            repetition.sub.properties().minimum_len().is_none_or(|length| length == 0)
                || repeats_nothing(&repetition.sub)
        }
        HirKind::Capture(capture) => repeats_nothing(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(repeats_nothing),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => false,
    }
}

struct Translator<'a> {
    source: &'a [u8],
    at: usize,
    out: String,
    has_dollar: bool,
}

/// What stands in a character class.
enum Item {
    Byte(u8),
    Set(&'static str),
    Posix(String),
}

impl Translator<'_> {
    fn peek(&self) -> Option<u8> {
        self.source.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn take(&mut self, text: &[u8]) -> bool {
        let found = self.source[self.at..].starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    fn byte(&mut self, byte: u8) {
        linear::push_byte(&mut self.out, byte);
    }

    fn run(&mut self) -> Option<()> {
        while let Some(byte) = self.next() {
            match byte {
                b'\\' => self.escape()?,
                b'[' => self.class()?,
                b'(' => self.open()?,
                b')' | b'|' | b'.' => self.out.push(char::from(byte)),
                b'^' => self.anchor("\\A")?,
                b'$' => self.dollar()?,
                b'*' | b'+' | b'?' => {
                    self.out.push(char::from(byte));
                    self.laziness()?;
                }
                b'{' => self.brace()?,
                _ => self.byte(byte),
            }
        }
        Some(())
    }

    fn dollar(&mut self) -> Option<()> {
        self.has_dollar = true;
        self.anchor("\\z")
    }

    /// An assertion; PCRE2 decides what a quantifier on it means.
    fn anchor(&mut self, text: &str) -> Option<()> {
        self.out.push_str(text);
        (!matches!(self.peek(), Some(b'*' | b'+' | b'?' | b'{'))).then_some(())
    }

    fn laziness(&mut self) -> Option<()> {
        match self.peek() {
            Some(b'+') => None,
            Some(b'?') => {
                self.at += 1;
                self.out.push('?');
                // A quantifier on a quantifier is an error in both engines, worded by PCRE2.
                (!matches!(self.peek(), Some(b'*' | b'+' | b'?'))).then_some(())
            }
            Some(b'*') => None,
            _ => Some(()),
        }
    }

    /// `{2}`, `{2,}`, `{2,3}`; anything else is a literal brace.
    fn brace(&mut self) -> Option<()> {
        let rest = &self.source[self.at..];
        let Some(end) = rest.iter().position(|&byte| byte == b'}') else {
            self.byte(b'{');
            return Some(());
        };
        let body = std::str::from_utf8(&rest[..end]).ok()?;
        let digits = |text: &str| !text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
        let counted = match body.split_once(',') {
            None => digits(body),
            Some((low, high)) => digits(low) && (high.is_empty() || digits(high)),
        };
        if counted {
            let _ = write!(self.out, "{{{body}}}");
            self.at += end + 1;
            return self.laziness();
        }
        // PCRE2 10.43 reads `{,3}` and blanks in it as a quantifier, earlier ones do not.
        if body.bytes().all(|byte| byte.is_ascii_digit() || byte == b',' || byte == b' ' || byte == b'\t') {
            return None;
        }
        self.byte(b'{');
        Some(())
    }

    fn open(&mut self) -> Option<()> {
        if self.peek() == Some(b'*') {
            return None;
        }
        if !self.take(b"?") {
            self.out.push('(');
            return Some(());
        }
        if self.take(b":") {
            self.out.push_str("(?:");
            return Some(());
        }
        if self.take(b"P<") || (self.source.get(self.at + 1).is_some_and(u8::is_ascii_alphabetic) && self.take(b"<")) {
            while self.next()? != b'>' {}
            self.out.push('(');
            return Some(());
        }
        self.flags()
    }

    /// `(?i)`, `(?-i)`, `(?s:…)`; other flags change what this translator relies on.
    fn flags(&mut self) -> Option<()> {
        let rest = &self.source[self.at..];
        let length = rest.iter().position(|byte| !b"is-".contains(byte))?;
        if length == 0 || !matches!(rest[length], b')' | b':') {
            return None;
        }
        let text = std::str::from_utf8(&rest[..=length]).ok()?;
        let _ = write!(self.out, "(?{text}");
        self.at += length + 1;
        Some(())
    }

    fn escape(&mut self) -> Option<()> {
        let byte = self.next()?;
        match byte {
            b'd' | b'D' | b'w' | b'W' | b's' | b'S' => {
                self.out.push('\\');
                self.out.push(char::from(byte));
            }
            b'b' => self.anchor("\\b")?,
            b'B' => self.anchor("\\B")?,
            b'A' => self.anchor("\\A")?,
            b'z' => self.anchor("\\z")?,
            b'Z' => self.dollar()?,
            b'Q' => {
                while self.at < self.source.len() && !self.take(b"\\E") {
                    let byte = self.next()?;
                    self.byte(byte);
                }
            }
            b'E' => {}
            b'N' if self.peek() != Some(b'{') => self.out.push_str("[^\\n]"),
            _ => match self.escaped_item(byte)? {
                Item::Byte(byte) => self.byte(byte),
                Item::Set(set) => {
                    let _ = write!(self.out, "[{set}]");
                }
                Item::Posix(_) => return None,
            },
        }
        Some(())
    }

    /// Escapes that mean the same in and outside of a class.
    fn escaped_item(&mut self, byte: u8) -> Option<Item> {
        Some(match byte {
            b't' => Item::Byte(b'\t'),
            b'n' => Item::Byte(b'\n'),
            b'r' => Item::Byte(b'\r'),
            b'f' => Item::Byte(0x0c),
            b'e' => Item::Byte(0x1b),
            b'a' => Item::Byte(0x07),
            b'h' => Item::Set("\\t \\xa0"),
            b'v' => Item::Set("\\n\\x0b\\x0c\\r\\x85"),
            b'x' => Item::Byte(self.hexadecimal()?),
            _ if byte.is_ascii_alphanumeric() => return None,
            _ => Item::Byte(byte),
        })
    }

    fn hexadecimal(&mut self) -> Option<u8> {
        let braced = self.take(b"{");
        let mut value = 0u32;
        let mut digits = 0;
        while let Some(digit) = self.peek().and_then(|byte| char::from(byte).to_digit(16)) {
            if !braced && digits == 2 {
                break;
            }
            value = value.checked_mul(16)?.checked_add(digit)?;
            digits += 1;
            self.at += 1;
        }
        if braced && (digits == 0 || !self.take(b"}")) {
            return None;
        }
        u8::try_from(value).ok()
    }

    fn class(&mut self) -> Option<()> {
        if self.is_misplaced_posix() {
            return None;
        }
        self.out.push('[');
        if self.take(b"^") {
            self.out.push('^');
        }
        let mut first = true;
        loop {
            if !first && self.take(b"]") {
                break;
            }
            first = false;
            let low = match self.item()? {
                Item::Byte(low) => low,
                Item::Set(set) => {
                    self.out.push_str(set);
                    self.refuse_range()?;
                    continue;
                }
                Item::Posix(name) => {
                    self.out.push_str(&name);
                    self.refuse_range()?;
                    continue;
                }
            };
            self.byte(low);
            if self.peek() == Some(b'-') && self.source.get(self.at + 1).is_some_and(|&byte| byte != b']') {
                self.at += 1;
                let Item::Byte(high) = self.item()? else { return None };
                self.out.push('-');
                self.byte(high);
            }
        }
        self.out.push(']');
        Some(())
    }

    /// `[:alpha:]` outside of a class, which PCRE2 refuses. It is one only if it closes like one before the first
    /// bracket: `[.,]` is a class of two characters.
    fn is_misplaced_posix(&self) -> bool {
        let rest = &self.source[self.at..];
        let [sign @ (b':' | b'.' | b'='), body @ ..] = rest else { return false };
        let mut pairs = body.windows(2);
        while let Some(pair) = pairs.next() {
            match pair {
                [b'\\', b']' | b'\\'] => {
                    pairs.next();
                }
                [b']', _] => return false,
                [b'[', next] if next == sign => return false,
                [last, b']'] if last == sign => return true,
                _ => {}
            }
        }
        false
    }

    /// `[\d-x]`: what the hyphen means depends on PCRE2's version.
    fn refuse_range(&self) -> Option<()> {
        (self.peek() != Some(b'-') || self.source.get(self.at + 1) == Some(&b']')).then_some(())
    }

    fn item(&mut self) -> Option<Item> {
        match self.next()? {
            b'[' if matches!(self.peek(), Some(b':' | b'.' | b'=')) => self.posix(),
            b'\\' => match self.next()? {
                b'd' => Some(Item::Set("\\d")),
                b'D' => Some(Item::Set("\\D")),
                b'w' => Some(Item::Set("\\w")),
                b'W' => Some(Item::Set("\\W")),
                b's' => Some(Item::Set("\\s")),
                b'S' => Some(Item::Set("\\S")),
                b'b' => Some(Item::Byte(0x08)),
                byte => self.escaped_item(byte),
            },
            byte => Some(Item::Byte(byte)),
        }
    }

    fn posix(&mut self) -> Option<Item> {
        let rest = &self.source[self.at..];
        // The colon that opens the class is not the one that closes it.
        let closing = rest.windows(2).skip(1).position(|pair| pair == b":]");
        let Some(length) = closing.map(|place| place + 1) else {
            // Not a POSIX class after all: a bracket is a literal.
            return (rest[0] == b':').then_some(Item::Byte(b'['));
        };
        let name = std::str::from_utf8(&rest[1..length]).ok()?;
        let known = [
            "alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word",
            "xdigit",
        ];
        if rest[0] != b':' || !known.contains(&name.trim_start_matches('^')) {
            return None;
        }
        self.at += length + 2;
        Some(Item::Posix(format!("[:{name}:]")))
    }
}
