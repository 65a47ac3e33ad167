//! Sections, keys and values, as Python's ConfigParser reads them, except that a value is taken
//! whole: a `;` in a log line starts no comment.

use std::sync::Arc;

use crate::diag::{Diagnostic, SourceFile, Span};

/// `[name]` with what follows it.
#[derive(Debug)]
pub(super) struct Section {
    pub name: String,
    pub span: Span,
    pub entries: Vec<Entry>,
}

/// `key = value`; further lines of the value are indented.
#[derive(Debug)]
pub(super) struct Entry {
    pub key: String,
    pub values: Vec<Vec<u8>>,
    /// The value.
    pub span: Span,
    pub key_span: Span,
}

/// The sections of `file`, and every problem found.
pub(super) fn parse(file: &Arc<SourceFile>) -> (Vec<Section>, Vec<Diagnostic>) {
    let mut reader = Reader { file, sections: Vec::new(), diagnostics: Vec::new() };
    let mut start = 0;
    for line in file.text.split(|&byte| byte == b'\n') {
        reader.line(start, line.strip_suffix(b"\r").unwrap_or(line));
        start += line.len() + 1;
    }
    (reader.sections, reader.diagnostics)
}

struct Reader<'f> {
    file: &'f Arc<SourceFile>,
    sections: Vec<Section>,
    diagnostics: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn line(&mut self, start: usize, line: &[u8]) {
        let text = line.trim_ascii();
        if text.is_empty() || matches!(line[0], b';' | b'#') {
            return;
        }
        if line[0].is_ascii_whitespace() {
            return self.continuation(start, line, text);
        }
        if line[0] == b'[' {
            return self.section(start, text);
        }
        let Some(end) = text.iter().position(|byte| matches!(byte, b'=' | b':')) else {
            return self.error("T002", "expected a [section], `key = value` or a comment", start, text.len());
        };
        let key = text[..end].trim_ascii();
        let value = text[end + 1..].trim_ascii();
        let value_start = start + text.len() - value.len();
        let entry = Entry {
            key: String::from_utf8_lossy(key).to_ascii_lowercase(),
            values: vec![value.to_vec()],
            span: Span::new(self.file, value_start, value_start + value.len()),
            key_span: Span::new(self.file, start, start + key.len()),
        };
        match self.sections.last_mut() {
            Some(section) => section.entries.push(entry),
            None => self.error("T003", "this key precedes the first [section]", start, key.len()),
        }
    }

    fn section(&mut self, start: usize, text: &[u8]) {
        let Some(name) = text[1..].strip_suffix(b"]") else {
            return self.error("T001", "a [section] must end with ]", start, text.len());
        };
        let name = String::from_utf8_lossy(name).into_owned();
        let span = Span::new(self.file, start, start + text.len());
        self.sections.push(Section { name, span, entries: Vec::new() });
    }

    fn continuation(&mut self, start: usize, line: &[u8], text: &[u8]) {
        match self.sections.last_mut().and_then(|section| section.entries.last_mut()) {
            Some(entry) => entry.values.push(text.to_vec()),
            None => self.error("T002", "an indented line continues a value, but there is none", start, line.len()),
        }
    }

    fn error(&mut self, code: &'static str, message: &str, start: usize, length: usize) {
        self.diagnostics.push(Diagnostic::error(code, message).at(Span::new(self.file, start, start + length)));
    }
}
