//! Texts in lines that fit the screen.

use crate::cli::screen;

/// Longest text that is shown, in lines of its own; a history may be longer than memory should be.
pub(super) const MOST_LINES: usize = 20_000;

/// `text` in pieces of at most `columns`; at least one piece for each line.
pub(super) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = Vec::new();
    for line in text.lines() {
        let (mut piece, mut used) = (String::new(), 0);
        for char in line.chars() {
            let width = screen::columns_of(char);
            if used + width > columns && !piece.is_empty() {
                lines.push(std::mem::take(&mut piece));
                used = 0;
            }
            piece.push(char);
            used += width;
        }
        lines.push(piece);
        if lines.len() >= MOST_LINES {
            lines.truncate(MOST_LINES);
            break;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_width::UnicodeWidthStr as _;

    use super::*;

    #[test]
    fn long_lines_are_continued_on_the_next() {
        assert_eq!(wrap("abcdef\n\nx", 4), ["abcd", "ef", "", "x"]);
        assert_eq!(wrap("日本語", 4), ["日本", "語"]);
        assert_eq!(wrap("*\u{fe0f}a", 2), ["*\u{fe0f}", "a"]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_pieces_fit(text in "\\PC{0,80}", columns in 0_usize..20) {
            let pieces = wrap(&text, columns);
            prop_assert_eq!(pieces.concat(), text.lines().collect::<String>());
            // A character is not divided, and some take three columns.
            prop_assert!(pieces.iter().all(|piece| piece.width() <= columns.max(3)), "{:?}", pieces);
        }
    }
}
