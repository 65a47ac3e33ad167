//! A line to type or paste, and what the rules make of it.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::{Look, frame as parts, list};
use crate::cli::top::app::App;

/// Draws the answers and, at the bottom, the line.
pub(super) fn draw(frame: &mut Frame<'_>, app: &App, look: Look, area: Rect) {
    let Some(rows) = area.height.checked_sub(1) else { return };
    let answers = Rect { height: rows, ..area };
    let lines = app.tried_lines();
    if lines.is_empty() && !app.lines.is_busy {
        list::empty(frame, answers, "Type or paste a log line and press Enter.");
    } else {
        let last = lines.len().saturating_sub(rows.into());
        let first = last.saturating_sub(app.lines.above_end);
        list::lines(frame, answers, lines.into_iter().skip(first).map(Line::from));
    }
    let bottom = Rect { y: area.y + rows, height: 1, ..area };
    let label = if app.lines.is_busy { "analysing: " } else { "line: " };
    if app.lines.is_typing {
        parts::typed(frame, bottom, label, &app.lines.input, look);
    } else {
        frame.render_widget(Line::styled("press i to type a line", look.strong()), bottom);
    }
}
