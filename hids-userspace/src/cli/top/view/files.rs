//! Files that differ from the baseline.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::frame::short_time;
use super::{Look, list};
use crate::cli::top::app::App;
use crate::cli::{output, screen};
use crate::fim::protocol::ListItem;

/// From this width on it is shown what changed and who changed it.
const WIDE: usize = 60;

/// Draws the list.
pub(super) fn draw(frame: &mut Frame<'_>, app: &App, look: Look, area: Rect) {
    let files = &app.files.list;
    if files.len() == 0 {
        let fim = app.daemon.facts.as_ref().map(|facts| &facts.fim);
        let text = match (fim, files.is_read) {
            (Some(fim), _) if !fim.enabled => {
                "file integrity is disabled: no <directories> in <syscheck>, or <disabled>yes</disabled>"
            }
            (None, false) => "waiting for hidsd",
            (Some(_), false) => "reading the baseline",
            _ if files.total() == 0 => "no unaccepted changes",
            _ => "no path fits the filter",
        };
        return list::empty(frame, area, text);
    }
    let columns = usize::from(area.width);
    let path = path_columns(columns);
    let mut head = vec![("CHANGE", 8), ("TIMES", -5)];
    if columns >= WIDE {
        head.push(("LAST", 8));
    }
    head.push(("PATH", path as i32));
    if columns >= WIDE {
        head.push(("WHAT, WHO", 9));
    }
    let rows = files.rows().skip(files.cursor.top).take(area.height.into());
    let rows = rows.map(|item| line(item, app, look, columns));
    list::rows(frame, area, look, list::head(&head), files.cursor, rows);
}

const fn path_columns(columns: usize) -> usize {
    if columns >= WIDE { (columns - 24) * 12 / 25 } else { columns.saturating_sub(15) }
}

fn line(item: &ListItem, app: &App, look: Look, columns: usize) -> Line<'static> {
    let plain = Style::new();
    let (kind, style) = match (&item.state, item.new) {
        (None, _) => ("deleted", look.bad()),
        (Some(_), true) => ("new", look.warning()),
        (Some(_), false) => ("modified", plain),
    };
    let mut spans = vec![list::cell(kind, 8, style), list::right(&item.changes.to_string(), 5, plain)];
    let last = app.files.last_changes.get(item.path.as_bytes()).map(|(_, last)| last);
    if columns >= WIDE {
        let time = last.and_then(|last| last.time).map(|time| short_time(time, app.now, &app.place.zone));
        spans.push(list::cell(&time.unwrap_or_default(), 8, plain));
    }
    let path = output::visible(item.path.as_bytes()).replace('\t', " ");
    let room = path_columns(columns);
    spans.push(Span::raw(format!("{} ", screen::pad(&screen::cut_start(&path, room), room))));
    if columns >= WIDE {
        let used: usize = spans.iter().map(Span::width).sum();
        let parts = last.into_iter().flat_map(|last| [&last.what, &last.who]).filter(|part| !part.is_empty());
        let text = parts.map(|part| screen::cell(part)).collect::<Vec<_>>().join("; ");
        spans.push(Span::raw(screen::cut(&text, columns.saturating_sub(used)).into_owned()));
    }
    Line::from(spans)
}
