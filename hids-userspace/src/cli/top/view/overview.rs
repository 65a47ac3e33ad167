//! Problems, alerts over time and by level, and how everything else fares.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{Look, list};
use crate::cli::top::app::{App, Link};
use crate::cli::top::facts::{Facts, Source};
use crate::cli::top::tally::{BANDS, MINUTES};
use crate::cli::top::wrap::wrap;
use crate::cli::{output, screen};

/// Problems that are shown; `Enter` shows all.
const PROBLEMS: usize = 4;
/// Rows of the bars.
const BAR_ROWS: u64 = 3;
/// A source without a line for as long as this stands still.
const STILL_SECONDS: u64 = 3600;
/// Columns before a value.
const LABEL: usize = 10;
/// From this width on levels and values stand side by side.
const WIDE: usize = 70;
const LEVEL_COLUMNS: usize = 30;

/// Draws what fits, the most important first.
pub(super) fn draw(frame: &mut Frame<'_>, app: &App, look: Look, area: Rect) {
    let columns = usize::from(area.width);
    let mut lines = problems(app, look, columns);
    lines.push(Line::default());
    lines.extend(minutes(app, look, columns));
    lines.push(Line::default());
    let (levels, values) = (levels(app, look), values(app, look, columns));
    if columns >= WIDE {
        let mut values = values.into_iter();
        let mut levels = levels.into_iter();
        loop {
            let (left, right) = (levels.next(), values.next());
            if left.is_none() && right.is_none() {
                break;
            }
            lines.push(beside(left.unwrap_or_default(), right.unwrap_or_default()));
        }
    } else {
        lines.extend(values);
        lines.push(Line::default());
        lines.extend(levels);
    }
    list::lines(frame, area, lines.into_iter());
}

fn beside<'a>(left: Line<'a>, right: Line<'a>) -> Line<'a> {
    let blanks = LEVEL_COLUMNS.saturating_sub(left.width());
    let mut spans = left.spans;
    spans.push(Span::raw(" ".repeat(blanks)));
    spans.extend(right.spans);
    Line::from(spans)
}

fn problems(app: &App, look: Look, columns: usize) -> Vec<Line<'static>> {
    let sentence = |text: &str| wrap(text, columns).into_iter().map(Line::from).collect();
    match (&app.daemon.link, &app.daemon.facts) {
        (Link::Down, _) => {
            return sentence(
                "Nothing new is watched or blocked. Start hidsd with `systemctl start hidsd`;\nif it ends again: \
                 journalctl -u hidsd. Recorded alerts are shown meanwhile.",
            );
        }
        (Link::Silent(_), None) => return sentence("Recorded alerts are shown; hidsd is asked again each second."),
        (_, None) => return sentence("waiting for hidsd"),
        _ => {}
    }
    let problems = app.daemon.facts.as_ref().map_or(&[][..], |facts| &facts.problems);
    if problems.is_empty() {
        return vec![Line::styled("no problems", look.good())];
    }
    let mut lines: Vec<Line<'static>> = problems
        .iter()
        .take(PROBLEMS)
        .map(|problem| {
            let text = screen::cell(&problem.text);
            Line::styled(screen::cut(&format!("! {text}"), columns).into_owned(), look.bad())
        })
        .collect();
    if problems.len() > PROBLEMS {
        lines.push(Line::styled(format!("  and {} more: Enter", problems.len() - PROBLEMS), look.bad()));
    }
    lines
}

/// Bars of the last hour, as many minutes as fit.
fn minutes(app: &App, look: Look, columns: usize) -> Vec<Line<'static>> {
    let all = app.records.tally.minutes(app.now);
    let sum = all.iter().fold(0_u64, |sum, count| sum.saturating_add(*count));
    let most = all.iter().copied().max().unwrap_or(0);
    let shown = &all[MINUTES - columns.min(MINUTES)..];
    let title = if app.records.has_history {
        format!("Alerts per minute: {sum} in the last hour, now {}, most {most}", all[MINUTES - 1])
    } else {
        "Alerts per minute: reading recorded alerts".into()
    };
    let mut lines = vec![Line::styled(title, look.strong())];
    for row in (0..BAR_ROWS).rev() {
        lines.push(Line::from(shown.iter().map(|&count| bar(count, most, row)).collect::<String>()));
    }
    let axis = shown.len();
    let label = format!("-{axis} min");
    let blanks = axis.saturating_sub(screen::columns(&label) + 3);
    lines.push(Line::from(format!("{label}{}now", " ".repeat(blanks))));
    lines
}

/// The part of a minute's bar in a row; row 0 is the lowest.
fn bar(count: u64, most: u64, row: u64) -> char {
    const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    if count == 0 || most == 0 {
        return ' ';
    }
    // At least one eighth, whatever the largest minute has.
    let height = u128::from(count) * u128::from(BAR_ROWS * 8) / u128::from(most);
    let height = u64::try_from(height).unwrap_or(u64::MAX).max(1);
    EIGHTHS[usize::try_from(height.saturating_sub(row * 8).min(8)).unwrap_or(0)]
}

fn levels(app: &App, look: Look) -> Vec<Line<'static>> {
    let mut lines = vec![Line::styled(list::head(&[("Level", 7), ("hour", -8), ("day", -9)]), look.strong())];
    let mut above = None;
    for (least, (hour, day)) in BANDS.into_iter().zip(app.records.tally.levels(app.now)) {
        let name = match above {
            None => format!("{least}+"),
            Some(above) => format!("{least}-{}", above - 1),
        };
        above = Some(least);
        let style = if hour > 0 { look.level(hids_core::model::Level(least)) } else { Style::new() };
        lines.push(Line::from(vec![
            list::cell(&name, 7, Style::new()),
            list::right(&hour.to_string(), 8, style),
            list::right(&day.to_string(), 9, Style::new()),
        ]));
    }
    lines
}

fn values(app: &App, look: Look, columns: usize) -> Vec<Line<'static>> {
    let Some(facts) = &app.daemon.facts else { return Vec::new() };
    let room = if columns >= WIDE { columns - LEVEL_COLUMNS } else { columns };
    let mut lines = Vec::new();
    let mut row = |name: &str, value: &str, style: Style| {
        let value = screen::cut(value, room.saturating_sub(LABEL)).into_owned();
        lines.push(Line::from(vec![list::cell(name, LABEL - 1, look.strong()), Span::styled(value, style)]));
    };
    let (value, style) = blocked(app, facts, look);
    row("Blocked", &value, style);
    let (value, style) = mail(facts, look);
    row("Mail", &value, style);
    let (value, style) = files(facts, look);
    row("Files", &value, style);
    let unread = facts.sources.iter().filter(|source| source.is_unreadable()).count();
    let read = facts.sources.iter().filter(|source| source.is_read()).count();
    let style = if unread > 0 { look.bad() } else { Style::new() };
    row("Sources", &format!("{read} of {} read", facts.sources.len()), style);
    row("Lines", &format!("{} analysed since hidsd was started", facts.lines), Style::new());
    let mut still: Vec<(&Source, u64)> = facts
        .sources
        .iter()
        .filter(|source| source.is_read())
        .filter_map(|source| Some((source, source.age(app.now)?)))
        .filter(|(_, age)| *age >= STILL_SECONDS)
        .collect();
    still.sort_by_key(|(_, age)| std::cmp::Reverse(*age));
    for (index, (source, age)) in still.into_iter().take(3).enumerate() {
        let age = output::duration(age);
        let room = room.saturating_sub(LABEL + age.len() + 1);
        let path = screen::cell(&source.path);
        let path = screen::cut_start(&path, room);
        row(if index == 0 { "Still" } else { "" }, &format!("{age} {path}"), look.warning());
    }
    lines
}

fn blocked(app: &App, facts: &Facts, look: Look) -> (String, Style) {
    let missing = facts.blocked.saturating_sub(facts.enforced);
    if missing == 0 || app.is_dry_run() {
        return (facts.blocked.to_string(), Style::new());
    }
    (format!("{}, {missing} of them not enforced", facts.blocked), look.bad())
}

fn mail(facts: &Facts, look: Look) -> (String, Style) {
    let Some(mail) = &facts.mail else { return ("off".into(), Style::new()) };
    let text = format!("{} sent, {} waiting", mail.sent, output::count(mail.queued, "alert"));
    match &mail.error {
        Some(error) => (format!("{text}; failing: {}", screen::cell(error)), look.bad()),
        None if mail.is_limited => (format!("{text}; hourly limit reached"), look.warning()),
        None => (text, Style::new()),
    }
}

fn files(facts: &Facts, look: Look) -> (String, Style) {
    let fim = &facts.fim;
    if !fim.enabled {
        return ("file integrity is disabled".into(), Style::new());
    }
    if let Some(error) = &fim.trouble {
        return (screen::cell(error), look.bad());
    }
    let text = format!("{} watched, {} since start", fim.entries, output::count(fim.changes, "change"));
    match (fim.scans.len(), fim.gaps.len()) {
        (_, gaps) if gaps > 0 => (format!("{text}, events may be missing"), look.warning()),
        (scans, _) if scans > 0 => (format!("{text}, scan running"), Style::new()),
        _ => (text, Style::new()),
    }
}
