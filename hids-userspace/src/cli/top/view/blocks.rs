//! Who is blocked.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::frame::short_time;
use super::{Look, list};
use crate::cli::top::app::App;
use crate::cli::top::facts::moment;
use crate::cli::{output, screen};
use crate::respond::BlockView;

/// From this width on it is shown since when an address is blocked, and the packets dropped.
const WIDE: u16 = 70;
/// `until removed`
const REMAINING: usize = 13;

/// Draws the list.
pub(super) fn draw(frame: &mut Frame<'_>, app: &App, look: Look, area: Rect) {
    let blocks = &app.blocks.list;
    if blocks.len() == 0 {
        let text = match (blocks.is_read, blocks.total()) {
            (false, _) => "waiting for hidsd",
            (true, 0) => "no blocked addresses",
            (true, _) => "no block fits the filter",
        };
        return list::empty(frame, area, text);
    }
    let rows: Vec<&BlockView> = blocks.rows().skip(blocks.cursor.top).take(area.height.into()).collect();
    let address = rows.iter().map(|block| block.address.to_string().len()).max().unwrap_or(0).clamp(15, 39);
    let is_wide = area.width >= WIDE;
    let mut head = vec![("ADDRESS", address as i32)];
    if is_wide {
        head.push(("SINCE", 8));
    }
    head.push(("REMAINING", REMAINING as i32));
    if is_wide {
        head.push(("DROPPED", -7));
    }
    head.extend([("RULE", 6), ("REASON", 6)]);
    let lines = rows.into_iter().map(|block| line(block, app, look, usize::from(area.width), address, is_wide));
    list::rows(frame, area, look, list::head(&head), blocks.cursor, lines);
}

fn line(block: &BlockView, app: &App, look: Look, columns: usize, address: usize, is_wide: bool) -> Line<'static> {
    let plain = Style::new();
    let mut spans = vec![list::cell(&block.address.to_string(), address, plain)];
    if is_wide {
        let since = moment(&block.since).map(|since| short_time(since, app.now, &app.place.zone));
        spans.push(list::cell(&since.unwrap_or_default(), 8, plain));
    }
    let remaining = block.remaining_seconds.map_or_else(|| "until removed".into(), output::duration);
    spans.push(list::cell(&remaining, REMAINING, plain));
    if is_wide {
        let packets = block.packets.map_or_else(|| "-".into(), |packets| packets.to_string());
        spans.push(list::right(&packets, 7, plain));
    }
    spans.push(list::cell(&block.rule.map_or_else(|| "-".into(), |rule| rule.to_string()), 6, plain));
    if !block.active && !app.is_dry_run() {
        spans.push(Span::styled("not enforced: ", look.warning()));
    }
    let used: usize = spans.iter().map(Span::width).sum();
    let reason = screen::cell(&block.description);
    spans.push(Span::raw(screen::cut(&reason, columns.saturating_sub(used)).into_owned()));
    Line::from(spans)
}
