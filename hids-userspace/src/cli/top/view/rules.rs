//! Rules by the number of their alerts.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{Look, list};
use crate::cli::screen;
use crate::cli::top::app::App;
use crate::cli::top::tally::RuleRow;

/// From this width on the alerts of the last day are shown.
const WIDE: usize = 40;

/// Draws the list.
pub(super) fn draw(frame: &mut Frame<'_>, app: &App, look: Look, area: Rect) {
    let rules = &app.rules.list;
    if rules.len() == 0 {
        let text = match (app.records.has_history, rules.total()) {
            (false, _) => "reading recorded alerts",
            (true, 0) => "no alerts in the last day",
            (true, _) => "no rule fits the filter",
        };
        return list::empty(frame, area, text);
    }
    let mut head = vec![("HOUR", -7), ("RULE", -6), ("LV", -2), ("DESCRIPTION", 11)];
    if usize::from(area.width) >= WIDE {
        head.insert(1, ("DAY", -8));
    }
    let rows = rules.rows().skip(rules.cursor.top).take(area.height.into());
    let rows = rows.map(|rule| line(rule, look, usize::from(area.width)));
    list::rows(frame, area, look, list::head(&head), rules.cursor, rows);
}

fn line(rule: &RuleRow, look: Look, columns: usize) -> Line<'static> {
    let plain = Style::new();
    let mut spans = vec![
        list::right(&rule.hour.to_string(), 7, plain),
        list::right(&rule.id.to_string(), 6, plain),
        list::right(&rule.level.0.to_string(), 2, look.level(rule.level)),
    ];
    if columns >= WIDE {
        spans.insert(1, list::right(&rule.day.to_string(), 8, plain));
    }
    let used: usize = spans.iter().map(Span::width).sum();
    let text = screen::cell(&rule.description);
    spans.push(Span::raw(screen::cut(&text, columns.saturating_sub(used)).into_owned()));
    Line::from(spans)
}
