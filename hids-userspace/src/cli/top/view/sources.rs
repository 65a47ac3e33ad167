//! Log sources: whether they are read and how fast they grow.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{Look, list};
use crate::cli::top::app::App;
use crate::cli::top::facts::Source;
use crate::cli::{output, screen};

/// From this width on the rate is shown.
const WIDE: usize = 50;

/// Draws the list.
pub(super) fn draw(frame: &mut Frame<'_>, app: &App, look: Look, area: Rect) {
    let sources = &app.sources;
    if sources.len() == 0 {
        let text = match (sources.is_read, sources.total()) {
            (false, _) => "waiting for hidsd",
            (true, 0) => "no log sources: add <localfile> sections to ossec.conf",
            (true, _) => "no source fits the filter",
        };
        return list::empty(frame, area, text);
    }
    let columns = usize::from(area.width);
    let mut head = vec![("STATE", 10), ("LAST LINE", 9)];
    if columns >= WIDE {
        head.push(("PER MINUTE", -10));
    }
    head.push(("PATH", 4));
    let rows = sources.rows().skip(sources.cursor.top).take(area.height.into());
    let rows = rows.map(|source| line(source, app, look, columns));
    list::rows(frame, area, look, list::head(&head), sources.cursor, rows);
}

fn line(source: &Source, app: &App, look: Look, columns: usize) -> Line<'static> {
    let plain = Style::new();
    let style = match source.state.as_str() {
        "unreadable" => look.bad(),
        "missing" => look.warning(),
        _ => plain,
    };
    let age = source.age(app.now).map_or_else(|| "none".into(), output::duration);
    let mut spans = vec![list::cell(&screen::cell(&source.state), 10, style), list::cell(&age, 9, plain)];
    if columns >= WIDE {
        let rate = app.daemon.rates.of(&source.path).map_or_else(|| "-".into(), |rate| rate.to_string());
        spans.push(list::right(&rate, 10, plain));
    }
    let used: usize = spans.iter().map(Span::width).sum();
    let room = columns.saturating_sub(used);
    let path = screen::cell(&source.path);
    match &source.reason {
        Some(reason) => {
            let path = screen::cut_start(&path, (room / 2).max(screen::LEAST)).into_owned();
            let text = format!("{path}: {}", screen::cell(reason));
            spans.push(Span::raw(screen::cut(&text, room).into_owned()));
        }
        None => spans.push(Span::raw(screen::cut_start(&path, room).into_owned())),
    }
    Line::from(spans)
}
