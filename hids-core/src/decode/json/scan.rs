//! Reads one object, without recursion.

use std::ops::Range;

use memchr::memchr2;

use super::super::fields::{FieldTable, Place};
use super::document::{Document, Kind, MAX_NAME_BYTES};
use super::frame::{Frame, Joined};
use crate::escape::unescape;

/// Deepest nesting; a deeper object is an ordinary line. Logs have some five levels, bodies of requests that
/// applications log a few more; each costs memory for one frame.
const MAX_DEPTH: usize = 64;

/// Longest mark before an object, its colon included (`@cee:`).
const MAX_COOKIE_BYTES: usize = 16;

/// Whether a message can begin with an object: at its start, behind blanks or a mark like `@cee:`.
pub(in crate::decode) fn may_begin(log: &[u8]) -> Option<usize> {
    let start = blanks(log, 0);
    match log.get(start)? {
        b'{' => Some(start),
        b'@' => {
            let end = start + log[start..].iter().take(MAX_COOKIE_BYTES).position(|&byte| byte == b':')?;
            let is_word = log[start + 1..end].iter().all(u8::is_ascii_alphanumeric);
            let start = blanks(log, end + 1);
            (is_word && log.get(start) == Some(&b'{')).then_some(start)
        }
        _ => None,
    }
}

/// Reads the object that is `log` from `start` on, to its end, into `document`; `None` if there is none.
pub(in crate::decode) fn read(log: &[u8], start: usize, table: &FieldTable, document: &mut Document) -> Option<()> {
    document.clear(table);
    let mut reader = Reader { log, at: blanks(log, start), table, document };
    if reader.peek() != Some(b'{') {
        return None;
    }
    reader.open(b'}', true)?;
    while let Some(&frame) = reader.document.stack.last() {
        reader.member(frame)?;
    }
    (blanks(log, reader.at) == log.len()).then_some(())
}

fn blanks(log: &[u8], at: usize) -> usize {
    let at = at.min(log.len());
    at + log[at..].iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).count()
}

struct Reader<'a> {
    log: &'a [u8],
    at: usize,
    table: &'a FieldTable,
    document: &'a mut Document,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.log.get(self.at).copied()
    }

    /// Passes `byte` and the blanks around it.
    fn sign(&mut self, byte: u8) -> Option<()> {
        self.at = blanks(self.log, self.at);
        (self.peek()? == byte).then_some(())?;
        self.at = blanks(self.log, self.at + 1);
        Some(())
    }

    /// Begins an object or array whose name is the path.
    fn open(&mut self, close: u8, is_named: bool) -> Option<()> {
        let Document { stack, path, .. } = &mut *self.document;
        (stack.len() < MAX_DEPTH).then_some(())?;
        stack.push(Frame { close, path: path.len(), is_named, members: 0, joined: Joined::Nothing });
        self.at += 1;
        Some(())
    }

    /// The next member of `frame`, the innermost, or its end.
    fn member(&mut self, frame: Frame) -> Option<()> {
        self.at = blanks(self.log, self.at);
        if self.peek()? == frame.close {
            self.document.stack.pop();
            self.at += 1;
            return Some(());
        }
        if frame.members > 0 {
            self.sign(b',')?;
        }
        self.document.path.truncate(frame.path);
        let number = frame.members;
        self.innermost(|frame| frame.members = frame.members.saturating_add(1));
        if frame.close == b'}' {
            let is_named = self.key()? && frame.is_named;
            self.sign(b':')?;
            return self.value(is_named, None);
        }
        let is_container = matches!(self.peek(), Some(b'{' | b'['));
        if is_container || frame.joined == Joined::Ended {
            self.innermost(|frame| frame.joined = Joined::Ended);
            let is_named = self.name(number.to_string().as_bytes()) && frame.is_named;
            return self.value(is_named, None);
        }
        self.value(frame.is_named, Some(frame.joined))
    }

    fn innermost(&mut self, change: impl FnOnce(&mut Frame)) {
        if let Some(frame) = self.document.stack.last_mut() {
            change(frame);
        }
    }

    /// Reads a key and appends it to the path; whether that is a name.
    fn key(&mut self) -> Option<bool> {
        let (raw, is_escaped) = self.string()?;
        let raw = &self.log[raw];
        if raw.len() > MAX_NAME_BYTES || raw.is_empty() {
            return Some(false);
        }
        if !is_escaped {
            return Some(self.name(raw));
        }
        let mut key = Vec::with_capacity(raw.len());
        unescape(raw, &mut key);
        Some(self.name(&key))
    }

    /// Appends `word` to the path; false if it gets too long.
    fn name(&mut self, word: &[u8]) -> bool {
        let path = &mut self.document.path;
        if path.len() + 1 + word.len() > MAX_NAME_BYTES {
            return false;
        }
        if !path.is_empty() {
            path.push(b'.');
        }
        path.extend_from_slice(word);
        true
    }

    /// A value under the current path; `array`: it is one of several.
    fn value(&mut self, is_named: bool, array: Option<Joined>) -> Option<()> {
        let (place, kind) = match self.peek()? {
            b'{' => return self.open(b'}', is_named),
            b'[' => return self.open(b']', is_named),
            b'"' => (self.text(is_named)?, Kind::String),
            _ => (self.word()?, Kind::Word),
        };
        if !is_named {
            return Some(());
        }
        match array {
            None => {
                self.document.keep(self.table, place, kind);
            }
            Some(Joined::To(first)) => {
                if let Some(first) = first {
                    self.document.join(first, place, self.log);
                }
            }
            Some(_) => {
                let first = self.document.keep(self.table, place, Kind::Array);
                self.innermost(|frame| frame.joined = Joined::To(first));
            }
        }
        Some(())
    }

    /// A string, its escapes undone; `is_wanted`: whether anybody looks at it.
    fn text(&mut self, is_wanted: bool) -> Option<Place> {
        let (raw, is_escaped) = self.string()?;
        if !is_escaped || !is_wanted {
            return Some(Place::in_log(raw));
        }
        let text = &mut self.document.text;
        let start = text.len();
        unescape(&self.log[raw], text);
        Some(Place::made(start..text.len()))
    }

    /// What stands between quotes, and whether a backslash is in it.
    fn string(&mut self) -> Option<(Range<usize>, bool)> {
        (self.peek()? == b'"').then_some(())?;
        let start = self.at + 1;
        let mut at = start + memchr2(b'"', b'\\', &self.log[start..])?;
        let is_escaped = self.log[at] == b'\\';
        while self.log[at] == b'\\' {
            let next = at + 2;
            at = next + memchr2(b'"', b'\\', self.log.get(next..)?)?;
        }
        self.at = at + 1;
        Some((start..at, is_escaped))
    }

    /// A number or word without quotes. `-` and `NaN`, which servers write for no number, are words like others.
    fn word(&mut self) -> Option<Place> {
        let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.' | b'_');
        let length = self.log[self.at..].iter().take_while(is_part).count();
        let start = self.at;
        self.at += length;
        (length > 0).then(|| Place::in_log(start..self.at))
    }
}
