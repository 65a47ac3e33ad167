//! Turns the dialect's own forms into plain XML of the same length.
//!
//! Four control bytes that the file does not use stand for an escaped `<`, a raw `&`, a byte that
//! is not text, and for bytes that do not exist as far as elements are concerned (comments).
//! Broken tags are reported here and repaired, so that one mistake hides no other.

use std::sync::Arc;

use memchr::{memchr, memchr2, memchr3, memmem};

use super::TEXT_LIMIT_BYTES;
use super::problems::Problems;
use crate::diag::SourceFile;

/// The file as quick-xml reads it; as long as the original, byte for byte.
pub(super) struct Masked {
    pub bytes: Vec<u8>,
    marks: Marks,
    /// Starts of opening tags whose attributes have been reported, ascending.
    pub reported_tags: Vec<usize>,
    /// Whether an unclosed comment hides the end of the file.
    pub cut: bool,
}

/// The bytes that stand for something else.
#[derive(Clone, Copy)]
struct Marks {
    less_than: u8,
    ampersand: u8,
    not_text: u8,
    nothing: u8,
}

impl Marks {
    /// Control bytes that `text` does not use, as far as there are such.
    ///
    /// Where there are none (no text file uses them all), the file's own are treated as not text.
    fn unused_by(text: &[u8]) -> Self {
        let mut used = [false; 256];
        for &byte in text {
            used[usize::from(byte)] = true;
        }
        let mut candidates: Vec<u8> = (0x01..=0x08).chain(0x0e..=0x1f).collect();
        candidates.sort_by_key(|&byte| used[usize::from(byte)]);
        Self { less_than: candidates[0], ampersand: candidates[1], not_text: candidates[2], nothing: candidates[3] }
    }

    fn holds(self, byte: u8) -> bool {
        [self.less_than, self.ampersand, self.not_text, self.nothing].contains(&byte)
    }
}

impl Masked {
    /// Whether `byte` stands where a comment or the like was.
    pub(super) fn is_nothing(&self, byte: u8) -> bool {
        byte == self.marks.nothing
    }

    /// What the administrator wrote where `masked` stands; comments taken out.
    pub(super) fn original(&self, masked: &str) -> String {
        let Marks { less_than, ampersand, not_text, nothing } = self.marks;
        if !masked.bytes().any(|byte| self.marks.holds(byte)) {
            return masked.to_owned();
        }
        let mut out = String::with_capacity(masked.len());
        for char in masked.chars() {
            match u8::try_from(char) {
                Ok(byte) if byte == nothing => {}
                Ok(byte) if byte == less_than => out.push('<'),
                Ok(byte) if byte == ampersand => out.push('&'),
                Ok(byte) if byte == not_text => out.push(char::REPLACEMENT_CHARACTER),
                _ => out.push(char),
            }
        }
        out
    }
}

/// Masks `file`.
pub(super) fn mask(file: &Arc<SourceFile>, problems: &mut Problems<'_>) -> Masked {
    let marks = Marks::unused_by(&file.text);
    let text = replace_what_is_not_text(file, marks, problems);
    let masked = Masked { bytes: text.clone(), marks, reported_tags: Vec::new(), cut: false };
    let mut masker = Masker { text: &text, masked, problems };
    masker.run();
    masker.masked
}

/// The bytes of `file` as valid UTF-8 without NUL and without bytes that have another use here.
fn replace_what_is_not_text(file: &Arc<SourceFile>, marks: Marks, problems: &mut Problems<'_>) -> Vec<u8> {
    let mut text = file.text.clone();
    let mut at = 0;
    let mut bad: Vec<(usize, usize)> = Vec::new();
    let mut add = |start: usize, end: usize| match bad.last_mut() {
        Some((_, last)) if *last == start => *last = end,
        _ => bad.push((start, end)),
    };
    for chunk in file.text.utf8_chunks() {
        for (offset, byte) in chunk.valid().bytes().enumerate() {
            if byte == 0 || marks.holds(byte) {
                add(at + offset, at + offset + 1);
            }
        }
        at += chunk.valid().len();
        if !chunk.invalid().is_empty() {
            add(at, at + chunk.invalid().len());
            at += chunk.invalid().len();
        }
    }
    for &(start, end) in &bad {
        text[start..end].fill(marks.not_text);
        let what = match &file.text[start..end] {
            [byte] => format!("byte 0x{byte:02x} is"),
            bytes => format!("{} bytes are", bytes.len()),
        };
        let message = format!("{what} not valid UTF-8 and replaced with U+FFFD");
        problems.warning("X001", start, end, message, "save the file as UTF-8");
    }
    text
}

struct Masker<'a, 'p> {
    text: &'a [u8],
    masked: Masked,
    problems: &'a mut Problems<'p>,
}

impl Masker<'_, '_> {
    fn run(&mut self) {
        let mut at = 0;
        if self.text.starts_with(b"\xef\xbb\xbf") {
            self.hide(0, 3);
            at = 3;
        }
        if self.text[at..].starts_with(b"<?xml") {
            at = self.declaration(at);
        }
        while let Some(found) = memchr2(b'<', b'&', &self.text[at..]) {
            let here = at + found;
            at = if self.text[here] == b'&' {
                self.masked.bytes[here] = self.masked.marks.ampersand;
                here + 1
            } else if here > 0 && self.text[here - 1] == b'\\' {
                self.masked.bytes[here] = self.masked.marks.less_than;
                here + 1
            } else {
                self.markup(here)
            };
        }
    }

    fn hide(&mut self, start: usize, end: usize) {
        self.masked.bytes[start..end].fill(self.masked.marks.nothing);
    }

    /// Handles what the `<` at `start` opens; gives where to go on.
    fn markup(&mut self, start: usize) -> usize {
        match self.text.get(start + 1) {
            Some(b'!') => self.comment(start),
            Some(b'?') => {
                let message = "an XML declaration is only allowed at the very beginning of the file";
                self.problems.error("X003", start, start + 2, message, "remove it");
                self.skip_declaration(start)
            }
            Some(b'/') => self.closing_tag(start),
            Some(byte) if byte.is_ascii_alphabetic() || *byte == b'_' || *byte >= 0x80 => self.opening_tag(start),
            _ => {
                let message = "this `<` does not start an element or a comment";
                self.problems.error("X004", start, start + 1, message, "escape a literal `<` as `\\<`");
                self.masked.bytes[start] = self.masked.marks.less_than;
                start + 1
            }
        }
    }

    fn declaration(&mut self, start: usize) -> usize {
        if memmem::find(self.near(start), b"?>").is_none() {
            self.problems.error("X003", start, start + 5, "this XML declaration is not closed", "end it with `?>`");
        }
        self.skip_declaration(start)
    }

    /// Hides a declaration: up to its `?>`, or the rest of the line where there is none.
    fn skip_declaration(&mut self, start: usize) -> usize {
        let rest = self.near(start);
        let line = memchr(b'\n', rest).unwrap_or(rest.len());
        let end = start + memmem::find(rest, b"?>").map_or(line, |at| at + 2);
        self.hide(start, end);
        end
    }

    /// What can belong to a declaration that starts at `start`; bounded, so that many cost little.
    fn near(&self, start: usize) -> &[u8] {
        &self.text[start..(start + TEXT_LIMIT_BYTES).min(self.text.len())]
    }

    fn comment(&mut self, start: usize) -> usize {
        let body = start + 2;
        let mut at = body;
        while let Some(found) = memchr(b'>', &self.text[at..]) {
            let end = at + found;
            let inside = &self.text[body..end];
            if inside.ends_with(b"!") || inside.ends_with(b"--") {
                self.warn_of_hidden_lines(start, end + 1);
                self.hide(start, end + 1);
                return end + 1;
            }
            at = end + 1;
        }
        let (what, help) = declaration(&self.text[start..]);
        let message = format!("{what} is not closed; the rest of the file is ignored");
        self.problems.error("X002", start, start + 4, message, help);
        self.masked.cut = true;
        self.hide(start, self.text.len());
        self.text.len()
    }

    /// Warns where a declaration of XML has swallowed what follows it, up to the end of a later comment.
    fn warn_of_hidden_lines(&mut self, start: usize, end: usize) {
        let inside = &self.text[start + 2..end - 1];
        if inside.starts_with(b"--") || memchr(b'>', inside).is_none() {
            return;
        }
        let (what, help) = declaration(&self.text[start..]);
        let lines = memchr::memchr_iter(b'\n', inside).count() + 1;
        let message = format!("{what} ends only at the next `!>` or `-->`: {lines} lines are ignored");
        self.problems.warning("X002", start, start + 4, message, help);
    }

    fn closing_tag(&mut self, start: usize) -> usize {
        match memchr2(b'<', b'>', &self.text[start + 1..]).map(|found| start + 1 + found) {
            Some(end) if self.text[end] == b'>' => end + 1,
            stop => self.unfinished_tag(start, stop.unwrap_or(self.text.len())),
        }
    }

    fn opening_tag(&mut self, start: usize) -> usize {
        let mut at = start + 1;
        loop {
            // Four bytes matter; `memchr3` takes three, the quotes are looked for on the way.
            let Some(found) = self.text[at..].iter().position(|byte| matches!(byte, b'<' | b'>' | b'"' | b'\'')) else {
                return self.unfinished_tag(start, self.text.len());
            };
            let here = at + found;
            at = match self.text[here] {
                b'>' => return here + 1,
                b'<' => return self.unfinished_tag(start, here),
                quote => match self.closing_quote(here, quote) {
                    Some(end) => {
                        self.mask_value(here + 1, end);
                        end + 1
                    }
                    None => {
                        self.unclosed_value(start, here);
                        here + 1
                    }
                },
            };
        }
    }

    /// Where the value that opens at `quote_at` ends, if it looks like a whole value.
    ///
    /// A value may hold `<`, but one that holds it and runs over lines, or is followed by more
    /// text, is one whose closing quote was forgotten.
    fn closing_quote(&self, quote_at: usize, quote: u8) -> Option<usize> {
        let value = &self.text[quote_at + 1..];
        let length = memchr(quote, value)?;
        let ends_well = value.get(length + 1).is_none_or(|next| next.is_ascii_whitespace() || b"/>?".contains(next));
        let value = &value[..length];
        let suspicious = memchr(b'<', value).is_some() && (!ends_well || memchr(b'\n', value).is_some());
        (!suspicious).then_some(quote_at + 1 + length)
    }

    fn mask_value(&mut self, start: usize, end: usize) {
        let marks = self.masked.marks;
        for byte in &mut self.masked.bytes[start..end] {
            match *byte {
                b'<' => *byte = marks.less_than,
                b'&' => *byte = marks.ampersand,
                _ => {}
            }
        }
    }

    fn unclosed_value(&mut self, tag: usize, quote_at: usize) {
        let rest = &self.text[quote_at..];
        let end = memchr3(b'\n', b'>', b'<', rest).unwrap_or(rest.len());
        let message = "this attribute value has no closing quote";
        self.problems.error("X006", quote_at, quote_at + end, message, "close it with the same quotation mark");
        self.masked.bytes[quote_at] = self.masked.marks.nothing;
        if self.masked.reported_tags.last() != Some(&tag) {
            self.masked.reported_tags.push(tag);
        }
    }

    /// Reports a tag that runs into `stop` without a `>`, and ends it where it probably should.
    fn unfinished_tag(&mut self, start: usize, stop: usize) -> usize {
        let tag = &self.text[start..stop];
        let line = memchr(b'\n', tag).unwrap_or(tag.len());
        let shown = tag[..line].trim_ascii_end().len().max(1);
        self.problems.error("X005", start, start + shown, "this tag has no closing `>`", "end the tag with `>`");
        // After the name, unless attributes follow; then after the last of them.
        let after_name = tag.iter().position(u8::is_ascii_whitespace);
        let end = match after_name {
            Some(at) if memchr(b'=', &tag[at..]).is_none() => Some(at),
            _ => tag.iter().rposition(u8::is_ascii_whitespace),
        };
        match end {
            Some(at) => {
                self.masked.bytes[start + at] = b'>';
                start + at + 1
            }
            None => {
                self.hide(start, stop);
                stop
            }
        }
    }
}

/// Declarations of XML's document types, which OSSEC's dialect does not have.
const DECLARATIONS: [&[u8]; 5] = [b"DOCTYPE", b"ENTITY", b"ELEMENT", b"ATTLIST", b"NOTATION"];

/// What the `<!` at the start of `text` was probably meant to be, and what to write instead.
fn declaration(text: &[u8]) -> (&'static str, &'static str) {
    let is_declaration = |name: &&[u8]| text.get(2..2 + name.len()).is_some_and(|word| word.eq_ignore_ascii_case(name));
    if text.starts_with(b"<![CDATA[") {
        ("`<![CDATA[` starts a comment in OSSEC's dialect; it", "remove it and escape `<` as `\\<`")
    } else if DECLARATIONS.iter().any(is_declaration) {
        (
            "this document type declaration starts a comment in OSSEC's dialect; it",
            "remove it: document types and entities are not supported",
        )
    } else {
        ("this comment", "end it with `-->`")
    }
}
