//! Rows of a list with a selection, and lines of a text.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::Look;
use crate::cli::screen;
use crate::cli::top::cursor::Cursor;

/// Draws the names of the columns and the rows that are in view; `rows` begin with the first one in view.
pub(super) fn rows<'a>(
    frame: &mut Frame<'_>,
    area: Rect,
    look: Look,
    head: String,
    cursor: Cursor,
    rows: impl Iterator<Item = Line<'a>>,
) {
    let Some((head_area, body)) = below(area) else { return };
    frame.render_widget(Line::styled(head, look.strong()), head_area);
    // The selection is in view, though fewer rows are than the model thinks.
    let hidden = (cursor.selected + 1).saturating_sub(cursor.top + usize::from(body.height));
    let selected = cursor.selected.saturating_sub(cursor.top + hidden);
    for (index, (line, area)) in rows.skip(hidden).zip(body.rows()).enumerate() {
        let line = if index == selected { line.patch_style(look.selected()) } else { line };
        frame.render_widget(line, area);
        if index == selected {
            frame.buffer_mut().set_style(area, look.selected());
        }
    }
}

/// Draws lines from the top.
pub(super) fn lines<'a>(frame: &mut Frame<'_>, area: Rect, lines: impl Iterator<Item = Line<'a>>) {
    for (line, area) in lines.zip(area.rows()) {
        frame.render_widget(line, area);
    }
}

/// A text where the list has no rows.
pub(super) fn empty(frame: &mut Frame<'_>, area: Rect, text: &str) {
    let lines = crate::cli::top::wrap::wrap(text, area.width.into());
    self::lines(frame, area, lines.into_iter().map(Line::from));
}

/// The first row and the rest.
pub(super) fn below(area: Rect) -> Option<(Rect, Rect)> {
    let rest = area.height.checked_sub(1)?;
    Some((Rect { height: 1, ..area }, Rect { y: area.y + 1, height: rest, ..area }))
}

/// A cell of `columns`, cut or padded, and a blank.
pub(super) fn cell(text: &str, columns: usize, style: Style) -> Span<'static> {
    Span::styled(format!("{} ", screen::pad(&screen::cut(text, columns), columns)), style)
}

/// The same, with its text at the right.
pub(super) fn right(text: &str, columns: usize, style: Style) -> Span<'static> {
    let text = screen::cut(text, columns);
    let blanks = columns.saturating_sub(screen::columns(&text));
    Span::styled(format!("{}{text} ", " ".repeat(blanks)), style)
}

/// Names of columns: name and width; a negative width stands at the right.
pub(super) fn head(columns: &[(&str, i32)]) -> String {
    let mut out = String::new();
    for (name, width) in columns {
        let columns = width.unsigned_abs() as usize;
        let cell = if *width < 0 { right(name, columns, Style::new()) } else { cell(name, columns, Style::new()) };
        out.push_str(&cell.content);
    }
    out.trim_end().to_owned()
}
