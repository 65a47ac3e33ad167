//! What stands around each pane.

use hids_core::model::Timestamp;
use jiff::tz::TimeZone;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::Look;
use crate::cli::top::alert_list;
use crate::cli::top::app::{App, Link, Prompt};
use crate::cli::top::input::Input;
use crate::cli::top::keys::{self, Pane};
use crate::cli::top::listing::{Item, Listing};
use crate::cli::top::tally::Span as By;
use crate::cli::{output, screen};

/// Where the parts of the screen are; on a low screen the less important ones have no rows.
pub(super) struct Areas {
    pub header: Rect,
    pub headline: Rect,
    pub body: Rect,
    pub notice: Rect,
    pub status: Rect,
}

impl Areas {
    pub(super) fn of(area: Rect) -> Self {
        let rows = area.height;
        let has = |least: u16| u16::from(rows >= least);
        let (status, header, headline, notice) = (has(1), has(4), has(5), has(7));
        let row = |y: u16, height: u16| Rect { y: area.y + y.min(rows), height, ..area };
        let body = rows - status - header - headline - notice;
        Self {
            header: row(0, header),
            headline: row(header, headline),
            body: row(header + headline, body),
            notice: row(header + headline + body, notice),
            status: row(rows - status, status),
        }
    }
}

/// The panes, this host and the time.
pub(super) fn header(app: &App, look: Look, columns: u16) -> Line<'static> {
    let name = |pane: Pane| format!(" {} {} ", pane.index() + 1, pane.title());
    let all: usize = Pane::ALL.into_iter().map(|pane| screen::columns(&name(pane))).sum();
    let columns = usize::from(columns);
    let is_wide = columns >= all;
    let mut spans = Vec::new();
    for pane in Pane::ALL {
        if pane == app.pane {
            spans.push(Span::styled(name(pane), look.selected()));
        } else if is_wide {
            spans.push(Span::raw(name(pane)));
        }
    }
    let used = if is_wide { all } else { screen::columns(&name(app.pane)) };
    let time = app.now.in_zone(&app.place.zone).strftime("%H:%M:%S").to_string();
    let host = screen::cell(&app.place.host);
    for right in [format!("{host} {time}"), time] {
        if let Some(blanks) = columns.checked_sub(used + 1 + screen::columns(&right)) {
            spans.push(Span::raw(format!("{}{right}", " ".repeat(blanks + 1))));
            break;
        }
    }
    Line::from(spans)
}

/// What is shown, or why there is nothing to show.
pub(super) fn headline(app: &App, look: Look) -> Line<'static> {
    if let Some(text) = &app.text {
        return Line::styled(text.title.clone(), look.strong());
    }
    match &app.daemon.link {
        Link::Down => {
            return Line::styled("hidsd is not running; start it with `systemctl start hidsd`", look.bad());
        }
        Link::Silent(why) => {
            return Line::styled(format!("no response from hidsd: {}", screen::cell(why)), look.bad());
        }
        Link::Unknown | Link::Up => {}
    }
    let text = match app.pane {
        Pane::Overview => overview(app),
        Pane::Alerts => alerts(app),
        Pane::Blocks => filtered(&blocks(app), &app.blocks.list),
        Pane::Files => {
            let more = if app.files.has_more { " or more" } else { "" };
            filtered(
                &format!("{}{more}", output::count(app.files.list.total() as u64, "unaccepted change")),
                &app.files.list,
            )
        }
        Pane::Sources => {
            let read =
                app.daemon.facts.iter().flat_map(|facts| &facts.sources).filter(|source| source.is_read()).count();
            filtered(
                &format!("{read} of {} read", output::count(app.sources.total() as u64, "log source")),
                &app.sources,
            )
        }
        Pane::Rules => {
            let by = if app.rules.span == By::Hour { "hour" } else { "day" };
            let rules = output::count(app.rules.list.total() as u64, "rule");
            let uncounted = match app.records.tally.uncounted() {
                0 => String::new(),
                count => format!(", {} of further rules not counted", output::count(count, "alert")),
            };
            filtered(
                &format!("{rules} with alerts in the last day, sorted by the last {by}{uncounted}"),
                &app.rules.list,
            )
        }
        Pane::Lines => "log lines are analysed as by `hidsctl logtest`; nothing is recorded or blocked".into(),
    };
    Line::styled(text, look.strong())
}

fn overview(app: &App) -> String {
    let Some(facts) = &app.daemon.facts else { return "waiting for hidsd".into() };
    format!(
        "hidsd {} running for {}, {}, {} MiB",
        screen::cell(&facts.version),
        output::duration(facts.uptime_seconds),
        screen::cell(&facts.mode),
        facts.memory_bytes >> 20
    )
}

fn alerts(app: &App) -> String {
    if let Some(trouble) = &app.records.trouble {
        return format!("cannot read alerts: {}", screen::cell(trouble));
    }
    if !app.records.has_history {
        return "reading recorded alerts".into();
    }
    let list = &app.records.alerts;
    let all = match (list.held(), list.is_cut()) {
        (held, true) => format!("the newest {held} alerts, older ones with `hidsctl alerts`"),
        (held, false) => output::count(held as u64, "alert"),
    };
    debug_assert!(list.held() <= alert_list::MOST);
    match list.filter_line() {
        "" => all,
        filter => format!("{} of {all} fit /{}", list.len(), screen::cell(filter)),
    }
}

fn blocks(app: &App) -> String {
    let total = app.blocks.total;
    let mut text = format!("{total} blocked {}", if total == 1 { "address" } else { "addresses" });
    if total > app.blocks.list.total() {
        text.push_str(&format!(", the first {} are shown", app.blocks.list.total()));
    }
    if app.is_dry_run() {
        text.push_str("; dry run: not enforced");
    }
    text
}

fn filtered<T: Item>(text: &str, list: &Listing<T>) -> String {
    match list.filter() {
        "" => text.to_owned(),
        filter => format!("{text}; {} fit /{}", list.len(), screen::cell(filter)),
    }
}

/// What came of the last action.
pub(super) fn notice(app: &App, look: Look) -> Line<'static> {
    let Some(notice) = &app.notice else { return Line::default() };
    let style = if notice.is_error { look.bad() } else { look.good() };
    Line::styled(screen::cell(&notice.text.replace('\n', " ")), style)
}

/// A question, a line that is typed, or the keys that work now.
pub(super) fn status(frame: &mut Frame<'_>, app: &App, look: Look, area: Rect) {
    match &app.prompt {
        Some(Prompt::Filter(input)) => typed(frame, area, "filter: ", input, look),
        Some(Prompt::Block(input)) => typed(frame, area, "block ADDRESS [TIME]: ", input, look),
        Some(Prompt::Confirm(act)) => {
            let question = format!("{} ", screen::cell(&act.question()));
            let room = usize::from(area.width).saturating_sub(4);
            let question = screen::cut(&question, room).into_owned();
            frame.render_widget(
                Line::from(vec![Span::styled(question, look.warning()), Span::styled("y/n", look.strong())]),
                area,
            );
        }
        None => frame.render_widget(hints(app, look, area.width.into()), area),
    }
}

/// A line that is typed, the end before the cursor in view; the cursor of the terminal stands in it.
pub(super) fn typed(frame: &mut Frame<'_>, area: Rect, label: &str, input: &Input, look: Look) {
    if area.is_empty() {
        return;
    }
    let (before, behind) = input.parts();
    let label = screen::cut(label, usize::from(area.width) / 2).into_owned();
    let room = usize::from(area.width).saturating_sub(screen::columns(&label) + 1);
    let before = if room == 0 { String::new() } else { screen::cut_start(&screen::cell(&before), room).into_owned() };
    let at = screen::columns(&label) + screen::columns(&before);
    let line = Line::from(vec![
        Span::styled(label, look.strong()),
        Span::raw(before),
        Span::raw(screen::cut(&screen::cell(&behind), usize::from(area.width)).into_owned()),
    ]);
    frame.render_widget(line, area);
    let x = area.x + u16::try_from(at).unwrap_or(u16::MAX).min(area.width - 1);
    frame.set_cursor_position((x, area.y));
}

/// As many as fit, each whole.
fn hints(app: &App, look: Look, columns: usize) -> Line<'static> {
    let mut spans = Vec::new();
    let mut used = 0;
    for (key, what) in keys::hints(app.mode(), app.pane) {
        let text = format!(" {what}  ");
        used += screen::columns(key) + screen::columns(&text);
        if used > columns + 2 {
            break;
        }
        spans.push(Span::styled(key, look.strong()));
        spans.push(Span::raw(text));
    }
    Line::from(spans).style(Style::new())
}

/// A time of the past in 8 columns: of today the time, of another day its date.
pub(super) fn short_time(time: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (time, now) = (time.in_zone(zone), now.in_zone(zone));
    let format = if time.date() == now.date() { "%H:%M:%S" } else { "%d %b" };
    time.strftime(format).to_string()
}
