//! The width of the terminal, and texts that fit into it.

use std::borrow::Cow;
use std::io::{self, IsTerminal as _};
use std::sync::OnceLock;

use hids_core::escape::visible_string;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Least width of a last column that is cut: where less is left, lines wrap instead.
pub(super) const LEAST: usize = 16;

/// Of a terminal that does not know.
const USUAL: usize = 80;

/// Width of the terminal that a pager shows the output on.
static KEPT: OnceLock<Option<usize>> = OnceLock::new();

/// Columns of the terminal that standard output is; `None` if it is none, where nothing is to be cut.
pub(super) fn width() -> Option<usize> {
    KEPT.get().copied().unwrap_or_else(measured)
}

/// Keeps the width for when standard output is a pager's input.
pub(super) fn keep() {
    let _ = KEPT.set(measured());
}

fn measured() -> Option<usize> {
    let stdout = io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    let columns = rustix::termios::tcgetwinsize(&stdout).map_or(0, |size| size.ws_col);
    Some(if columns == 0 { USUAL } else { columns.into() })
}

/// Text from a log as one cell of a line: nothing in it moves what stands behind it.
pub(super) fn cell(text: &str) -> String {
    visible_string(text.as_bytes()).replace('\t', " ")
}

/// How many columns `text` takes.
pub(super) fn columns(text: &str) -> usize {
    text.width()
}

/// How many columns `char` adds to a text. Behind some characters, U+FE0F asks for a picture, which takes one more.
pub(super) fn columns_of(char: char) -> usize {
    if char == '\u{fe0f}' { 1 } else { char.width().unwrap_or(0) }
}

/// `text` with blanks up to `columns`.
pub(super) fn pad(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(text.width())))
}

/// The beginning of `text` that fits, with `…` where something is missing.
pub(super) fn cut(text: &str, columns: usize) -> Cow<'_, str> {
    if text.width() <= columns {
        return Cow::Borrowed(text);
    }
    let end = fitting(text.chars(), columns);
    Cow::Owned(text.chars().take(end).chain(['…']).collect())
}

/// The end of `text` that fits, with `…` where something is missing.
pub(super) fn cut_start(text: &str, columns: usize) -> Cow<'_, str> {
    if text.width() <= columns {
        return Cow::Borrowed(text);
    }
    let skipped = text.chars().count() - fitting(text.chars().rev(), columns);
    Cow::Owned(std::iter::once('…').chain(text.chars().skip(skipped)).collect())
}

/// How many of the characters fit into `columns` beside a `…`.
fn fitting(chars: impl Iterator<Item = char>, columns: usize) -> usize {
    let mut used = 1;
    chars
        .take_while(|char| {
            used += columns_of(*char);
            used <= columns
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_texts_fit_and_show_that_they_are_cut() {
        assert_eq!(cut("sshd", 4), "sshd");
        assert_eq!(cut("sshd: failed", 6), "sshd:…");
        assert_eq!(cut_start("/etc/ssh/sshd_config", 8), "…_config");
        // Two columns each.
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(cut_start("日本語", 4), "…語");
        assert_eq!(cut("ab", 0), "…");
        assert_eq!(pad("日", 4), "日  ");
        assert!(columns(&cut("*\u{fe0f}*\u{fe0f}*\u{fe0f}", 4)) <= 4);
    }

    #[test]
    fn cells_hold_nothing_that_acts_on_a_terminal() {
        assert_eq!(cell("a\tb\x1b[2J\n\u{202e}c\u{7f}"), "a b\\x1b[2J\\n\\u{202e}c\\x7f");
    }
}
