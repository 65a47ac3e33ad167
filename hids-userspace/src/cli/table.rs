//! Tables on a screen.

use comfy_table::{CellAlignment, ColumnConstraint, Row, Table, Width, presets};

use super::screen;

/// Blanks between two columns.
const GAP: u16 = 2;

/// Longest cell, in columns: more is of no use on a screen, and the crate counts columns in 16 bits.
const MOST: usize = 32_000;

/// Columns padded to their widest cell, two blanks between them; numbers stand on the right of theirs. On a terminal
/// the last column is cut to its width.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    render(head, rows, screen::width())
}

fn render(head: &[&str], rows: &[Vec<String>], width: Option<usize>) -> String {
    let mut table = Table::new();
    // Of no text, so that a cell is cut where the space ends and not after a word.
    table.load_style(presets::NOTHING).set_delimiter('\n').set_header(head.to_vec());
    for row in rows {
        let mut row = Row::from(row.iter().map(|cell| screen::cut(cell, MOST)).collect::<Vec<_>>());
        row.max_height(1);
        table.add_row(row);
    }
    let last = head.len().saturating_sub(1);
    let used: usize = table.column_max_content_widths().iter().take(last).map(|&width| usize::from(width + GAP)).sum();
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if index == last { 0 } else { GAP }));
        if index != last && rows.iter().all(|row| row.get(index).is_some_and(|cell| is_number(cell))) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let room = width.map(|width| width.saturating_sub(used)).filter(|&room| index == last && room >= screen::LEAST);
        if let Some(room) = room {
            column
                .set_constraint(ColumnConstraint::UpperBoundary(Width::Fixed(u16::try_from(room).unwrap_or(u16::MAX))));
        }
    }
    table.trim_fmt() + "\n"
}

/// A number, or what stands where there is none.
fn is_number(cell: &str) -> bool {
    cell == "-" || (!cell.is_empty() && cell.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Vec<String>> {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        vec![row(["203.0.113.5", "12", "sshd: brute force: many failed logins"]), row(["2001:db8::1", "-", "日本語"])]
    }

    #[test]
    fn columns_are_padded_and_nothing_is_cut_without_a_terminal() {
        let expected = "ADDRESS      RULE  REASON\n\
                        203.0.113.5    12  sshd: brute force: many failed logins\n\
                        2001:db8::1     -  日本語\n";
        assert_eq!(render(&["ADDRESS", "RULE", "REASON"], &rows(), None), expected);
        assert_eq!(render(&["ADDRESS", "RULE"], &[], None), "ADDRESS  RULE\n");
    }

    #[test]
    fn last_column_is_cut_to_the_terminal() {
        let text = render(&["ADDRESS", "RULE", "REASON"], &rows(), Some(40));
        assert!(text.contains("\n203.0.113.5    12  sshd: brute force: m…\n"), "{text}");
        assert!(text.lines().all(|line| screen::columns(line) <= 40), "{text}");
    }

    #[test]
    fn narrow_terminal_shows_the_whole_text() {
        for width in [0, 1, 20] {
            let text = render(&["ADDRESS", "RULE", "REASON"], &rows(), Some(width));
            assert!(text.contains("many failed logins"), "{width}: {text}");
        }
    }

    #[test]
    fn cells_of_any_length_are_one_line() {
        let long = vec![vec!["x".repeat(200_000), "y".repeat(200_000)]];
        for width in [None, Some(80), Some(100_000)] {
            let text = render(&["A", "B"], &long, width);
            assert_eq!(text.lines().count(), 2);
        }
    }
}
