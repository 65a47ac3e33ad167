//! The alerts, newest first.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::frame::short_time;
use super::{Look, list};
use crate::cli::alerts::{description, subject};
use crate::cli::screen;
use crate::cli::top::alert_list::Held;
use crate::cli::top::app::App;

/// Columns of source addresses and of users or files.
const SOURCE: usize = 15;
const SUBJECT: usize = 8;
/// From this width on the source is shown.
const WIDE: u16 = 60;

/// Draws the list.
pub(super) fn draw(frame: &mut Frame<'_>, app: &App, look: Look, area: Rect) {
    if app.records.alerts.len() == 0 {
        let text = if !app.records.has_history {
            "reading recorded alerts"
        } else if app.records.alerts.held() == 0 {
            "no recorded alerts"
        } else {
            "no alert fits the filter"
        };
        return list::empty(frame, area, text);
    }
    let is_wide = area.width >= WIDE;
    let mut head = vec![("TIME", 8), ("LV", -2), ("RULE", 6)];
    if is_wide {
        head.extend([("SOURCE", SOURCE as i32), ("SUBJECT", SUBJECT as i32)]);
    }
    head.push(("DESCRIPTION", 11));
    let cursor = app.records.alerts.cursor;
    let rows = (cursor.top..).map_while(|row| app.records.alerts.row(row));
    let rows = rows.map(|held| line(held, app, look, usize::from(area.width), is_wide));
    list::rows(frame, area, look, list::head(&head), cursor, rows);
}

fn line(held: &Held, app: &App, look: Look, columns: usize, is_wide: bool) -> Line<'static> {
    let alert = &held.alert;
    let plain = Style::new();
    let mut spans = vec![
        list::cell(&short_time(alert.time, app.now, &app.place.zone), 8, plain),
        list::right(&alert.level.0.to_string(), 2, look.level(alert.level)),
        Span::raw(format!("{} ", screen::pad(&alert.rule.to_string(), 6))),
    ];
    if is_wide {
        let source = screen::cell(alert.subject.srcip.as_deref().unwrap_or("-"));
        spans.push(Span::raw(format!("{} ", screen::pad(&screen::cut(&source, 39), SOURCE))));
    }
    let used: usize = spans.iter().map(Span::width).sum();
    let room = columns.saturating_sub(used);
    let text = description(alert);
    if is_wide {
        let (subject, is_file) = subject(alert);
        let most = room.saturating_sub(screen::columns(&text).min(room / 2).max(screen::LEAST) + 1).max(SUBJECT);
        let subject = if is_file { screen::cut_start(&subject, most) } else { screen::cut(&subject, most) };
        spans.push(Span::raw(format!("{} ", screen::pad(&subject, SUBJECT))));
    }
    let used: usize = spans.iter().map(Span::width).sum();
    spans.push(Span::raw(screen::cut(&text, columns.saturating_sub(used)).into_owned()));
    Line::from(spans)
}
