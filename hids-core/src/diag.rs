//! Problems in what an administrator wrote, with their places.
//!
//! A parser goes on after the first problem and returns what it made together with all of them.

pub mod codes;
mod limit;

use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

use crate::escape::visible_string;

pub use limit::{MOST_OF_A_KIND, limited};

/// A file that an administrator wrote, kept for messages that point into it.
#[derive(Debug)]
pub struct SourceFile {
    /// Its name as messages show it.
    pub name: String,
    /// Its bytes as they are on disk.
    pub text: Vec<u8>,
    /// Where its lines start, found when first asked for: a file can have as many problems as lines.
    line_starts: OnceLock<Box<[usize]>>,
}

impl PartialEq for SourceFile {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.text == other.text
    }
}

impl Eq for SourceFile {}

impl SourceFile {
    /// A file of the given name and content.
    pub fn new(name: impl Into<String>, text: impl Into<Vec<u8>>) -> Arc<Self> {
        Arc::new(Self { name: name.into(), text: text.into(), line_starts: OnceLock::new() })
    }

    /// Line and column of a byte offset, both counted from 1; columns count bytes.
    pub fn line_column(&self, offset: usize) -> (usize, usize) {
        let offset = offset.min(self.text.len());
        let line = self.line_of(offset);
        (line + 1, offset - self.line_starts()[line] + 1)
    }

    /// The number of the line that holds `offset`, from 0.
    fn line_of(&self, offset: usize) -> usize {
        // The first line starts at 0.
        self.line_starts().partition_point(|&start| start <= offset) - 1
    }

    fn line_starts(&self) -> &[usize] {
        self.line_starts.get_or_init(|| {
            let ends = memchr::memchr_iter(b'\n', &self.text);
            std::iter::once(0).chain(ends.map(|end| end + 1)).collect()
        })
    }

    /// The part of the line around `offset` that fits on a screen, and where it starts.
    fn line_near(&self, offset: usize) -> (usize, &[u8]) {
        let (start, text) = self.line_at(offset);
        let from = offset.min(self.text.len()) - start;
        if text.len() <= SHOWN_BYTES {
            return (start, text);
        }
        let first = from.saturating_sub(SHOWN_BYTES / 2);
        (start + first, &text[first..(first + SHOWN_BYTES).min(text.len())])
    }

    /// The text of the line that holds `offset`, and where it starts.
    fn line_at(&self, offset: usize) -> (usize, &[u8]) {
        let line = self.line_of(offset.min(self.text.len()));
        let start = self.line_starts()[line];
        let end = self.line_starts().get(line + 1).map_or(self.text.len(), |next| next - 1);
        (start, &self.text[start..end])
    }
}

/// Most bytes of a line that a message shows.
const SHOWN_BYTES: usize = 160;

/// A piece of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The file.
    pub file: Arc<SourceFile>,
    /// First byte.
    pub start: usize,
    /// One after the last byte.
    pub end: usize,
}

impl Span {
    /// The bytes `start..end` of `file`.
    pub fn new(file: &Arc<SourceFile>, start: usize, end: usize) -> Self {
        Self { file: Arc::clone(file), start, end: end.max(start) }
    }
}

/// How much a problem matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Accepted, but not or not wholly acted upon.
    Warning,
    /// The file cannot be used.
    Error,
}

impl Severity {
    /// The word in messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How much it matters.
    pub severity: Severity,
    /// One of [`codes`].
    pub code: &'static str,
    /// What is wrong, and what follows from it.
    pub message: String,
    /// Where.
    pub span: Option<Span>,
    /// What to do.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error: the file cannot be used.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, code, message: message.into(), span: None, help: None }
    }

    /// A warning: accepted, but not or not wholly acted upon.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    /// A note.
    pub fn note(code: &'static str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Note, ..Self::error(code, message) }
    }

    /// With its place.
    pub fn at(mut self, span: Span) -> Self {
        self.span = Some(span);
        self
    }

    /// With what to do about it.
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// The message with its place, the line and a caret, as a terminal shows it.
    ///
    /// What of the file a terminal could act on is escaped.
    ///
    /// ```
    /// use hids_core::diag::{Diagnostic, SourceFile, Span};
    ///
    /// let file = SourceFile::new("local_rules.xml", "<group>\n</group>\n<rules>");
    /// let problem = Diagnostic::error("R001", "unknown root element <rules>").at(Span::new(&file, 17, 24));
    /// let shown = problem.help("<group> or <var>").render();
    /// assert!(shown.contains("local_rules.xml:3:1") && shown.contains("^^^^^^^"), "{shown}");
    /// ```
    pub fn render(&self) -> String {
        let mut out = String::new();
        // Messages quote what stands in the file.
        let message = printable(self.message.as_bytes());
        let head = format!("{}[{}]: {message}", self.severity.as_str(), self.code);
        let Some(span) = &self.span else {
            let _ = writeln!(out, "{head}");
            self.render_help(&mut out);
            return out;
        };
        let (line, column) = span.file.line_column(span.start);
        let _ = writeln!(out, "{}:{line}:{column}: {head}", printable(span.file.name.as_bytes()));
        let (line_start, text) = span.file.line_near(span.start);
        let (_, whole) = span.file.line_at(span.start);
        let ends = |cut: bool| if cut { "…" } else { "" };
        let is_cut_before = line_start > 0 && span.file.text.get(line_start - 1) != Some(&b'\n');
        let is_cut_after = text.len() < whole.len() && !whole.ends_with(text);
        let shown = printable(text.strip_suffix(b"\r").unwrap_or(text));
        let shown = format!("{}{shown}{}", ends(is_cut_before), ends(is_cut_after));
        let before = printable(&text[..(span.start - line_start).min(text.len())]);
        let from = before.chars().count() + usize::from(is_cut_before);
        let covered = &text[(span.start - line_start).min(text.len())..(span.end - line_start).min(text.len())];
        let carets = printable(covered).chars().count().max(1);
        let _ = writeln!(out, "{line:>5} | {}", shown.trim_end());
        let _ = writeln!(out, "      | {}{}", " ".repeat(from), "^".repeat(carets));
        self.render_help(&mut out);
        out
    }

    fn render_help(&self, out: &mut String) {
        if let Some(help) = &self.help {
            let _ = writeln!(out, "   help: {}", printable(help.as_bytes()));
        }
    }
}

/// Whether any of `diagnostics` is an error.
pub fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
}

/// The candidate that `name` is probably a misspelling of, for "did you mean".
pub fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let close = candidates.into_iter().filter(|candidate| is_close(name, candidate));
    close.min_by_key(|candidate| edit_distance(&plain(name), &plain(candidate)))
}

/// Longest name that is worth guessing at; comparing takes the square of it.
const LONGEST_NAME: usize = 64;

/// Whether `name` is probably a misspelling of `right`.
pub fn is_close(name: &str, right: &str) -> bool {
    if name.len() > LONGEST_NAME {
        return false;
    }
    let (name, right) = (plain(name), plain(right));
    let limit = match right.len() {
        0..=2 => 0,
        3..=5 => 1,
        _ => 2,
    };
    name.len().abs_diff(right.len()) <= limit && edit_distance(&name, &right) <= limit
}

/// A name without what is easily mixed up: case, and `-` for `_`.
fn plain(name: &str) -> Vec<u8> {
    name.bytes().map(|byte| if byte == b'-' { b'_' } else { byte.to_ascii_lowercase() }).collect()
}

/// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`.
fn edit_distance(a: &[u8], b: &[u8]) -> usize {
    let mut before = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, &x) in a.iter().enumerate() {
        let mut row = vec![i + 1; b.len() + 1];
        for (j, &y) in b.iter().enumerate() {
            row[j + 1] = (last[j] + usize::from(x != y)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && x == b[j - 1] && a[i - 1] == y {
                row[j + 1] = row[j + 1].min(before[j - 1] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

/// Text of a file as a terminal may show it: a tab is four blanks, what it could act on an escape.
fn printable(bytes: &[u8]) -> String {
    visible_string(bytes).replace('\t', "    ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_shows_place_line_caret_and_hint() {
        let file = SourceFile::new("ossec.conf", "<a>\n\t<frequency>2h</frequency>\n");
        let text = Diagnostic::error("C014", "<frequency> wants a number of seconds, found \"2h\"")
            .at(Span::new(&file, 16, 18))
            .help("two hours are 7200")
            .render();
        assert_eq!(
            text,
            "ossec.conf:2:13: error[C014]: <frequency> wants a number of seconds, found \"2h\"\n    \
             2 |     <frequency>2h</frequency>\n      |                ^^\n   help: two hours are 7200\n"
        );
    }

    #[test]
    fn of_a_very_long_line_the_part_around_the_problem_is_shown() {
        let file = SourceFile::new("f", format!("{}bad{}", "x".repeat(5000), "y".repeat(5000)));
        let text = Diagnostic::error("X001", "bad").at(Span::new(&file, 5000, 5003)).render();
        assert!(text.len() < 600, "{text}");
        let lines: Vec<_> = text.lines().collect();
        let column = |line: &str, what| line.split(what).next().map(|before| before.chars().count());
        assert_eq!(column(lines[1], "bad"), column(lines[2], "^^^"));
        assert!(lines[1].contains("| …x") && lines[1].ends_with("y…"), "{}", lines[1]);
    }

    #[test]
    fn places_are_found_at_every_edge_of_a_file() {
        let file = SourceFile::new("f", "ab\n\ncd");
        let places: Vec<_> = (0..8).map(|offset| file.line_column(offset)).collect();
        assert_eq!(places, [(1, 1), (1, 2), (1, 3), (2, 1), (3, 1), (3, 2), (3, 3), (3, 3)]);
        assert_eq!(SourceFile::new("f", "").line_column(5), (1, 1));
        assert_eq!(SourceFile::new("f", "\n").line_column(1), (2, 1));
        assert_eq!(SourceFile::new("f", "a\n").line_near(2), (2, &b""[..]));
    }

    #[test]
    fn a_misspelt_name_finds_the_right_one() {
        let names = ["email_to", "email_from", "smtp_server", "stats"];
        assert_eq!(closest("emial_to", names), Some("email_to"));
        assert_eq!(closest("smtp-servr", names), Some("smtp_server"));
        assert_eq!(closest("white_list", names), None);
    }

    #[test]
    fn no_dangerous_character_of_the_file_reaches_the_terminal() {
        for char in crate::escape::dangerous_samples() {
            let file = SourceFile::new(format!("f{char}"), format!("a{char}[2Jb"));
            let problem = Diagnostic::error("X001", format!("bad {char}[2J")).help(format!("{char}2J"));
            let text = problem.at(Span::new(&file, 0, 1)).render();
            let found = text.lines().any(|line| line.contains(crate::escape::is_dangerous));
            assert!(!found && text.lines().count() == 4, "{:x}: {text:?}", char as u32);
        }
    }

    #[test]
    fn the_caret_stands_below_what_comes_after_an_escape() {
        let file = SourceFile::new("f", "\u{202e}\tbad\r\n");
        let text = Diagnostic::error("X001", "bad").at(Span::new(&file, 4, 7)).render();
        assert_eq!(text, "f:1:5: error[X001]: bad\n    1 | \\u{202e}    bad\n      |             ^^^\n");
    }
}
