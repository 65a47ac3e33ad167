//! What keys make of the screen.

use std::net::IpAddr;

use super::state::{App, Effect, Prompt};
use crate::cli::top::ask::{Act, Question};
use crate::cli::top::cursor::{Motion, scroll};
use crate::cli::top::detail;
use crate::cli::top::filter::AlertFilter;
use crate::cli::top::help;
use crate::cli::top::input::{Edit, Input};
use crate::cli::top::keys::{Command, Mode, Pane};
use crate::cli::top::tally::Span;
use crate::cli::{output, times};

/// Most pasted lines that wait.
const MOST_PASTED: usize = 1000;

/// Does what a key asks for.
pub(super) fn obey(app: &mut App, command: Command) -> Vec<Effect> {
    app.notice = None;
    match command {
        Command::Quit => return vec![Effect::Quit],
        Command::Suspend => return vec![Effect::Suspend],
        Command::Redraw => return vec![Effect::Redraw],
        Command::Help => app.show_text("Help".into(), help::text()),
        Command::Show(pane) => show(app, pane),
        Command::Move(motion) => go(app, motion),
        Command::Open => return open(app),
        Command::Close => close(app),
        Command::Filter => app.prompt = Some(Prompt::Filter(Input::of(filter_line(app)))),
        Command::Add => app.prompt = Some(Prompt::Block(Input::default())),
        Command::Unblock => confirm(app, blocked(app).map(Act::Unblock)),
        Command::Why => return blocked(app).map(Question::Why).map(Effect::Ask).into_iter().collect(),
        Command::Allow => confirm(app, blocked(app).map(Act::Allow)),
        Command::Accept => confirm(app, app.files.list.selected().map(|item| Act::Accept(item.path.clone()))),
        Command::Silence => {
            confirm(app, app.rules.list.selected().map(|rule| Act::Silence(rule.id)));
        }
        Command::Sort => app.rules.span = if app.rules.span == Span::Hour { Span::Day } else { Span::Hour },
        Command::Refresh if app.pane == Pane::Lines => return vec![Effect::Ask(Question::ForgetRules)],
        Command::Refresh => {
            app.waiting.status.hurry();
            app.waiting.blocks.hurry();
            app.waiting.files.hurry();
        }
        Command::Type => app.lines.is_typing = true,
        Command::Edit(edit) => type_in(app, edit),
        Command::Submit => return submit(app),
        Command::Yes => {
            if let Some(Prompt::Confirm(act)) = app.prompt.take() {
                return vec![Effect::Ask(Question::Act(act))];
            }
        }
        Command::No => app.prompt = None,
    }
    Vec::new()
}

fn show(app: &mut App, pane: Pane) {
    app.pane = pane;
    app.text = None;
    app.lines.is_typing = pane == Pane::Lines;
}

fn go(app: &mut App, motion: Motion) {
    let (page, text_page) = (app.page(), app.text_page());
    if app.text.is_some() {
        let total = app.text_lines().len();
        if let Some(text) = &mut app.text {
            text.first = scroll(text.first, motion, text_page, total);
        }
        return;
    }
    match app.pane {
        Pane::Alerts => app.records.alerts.go(motion, page),
        Pane::Blocks => app.blocks.list.go(motion, page),
        Pane::Files => app.files.list.go(motion, page),
        Pane::Sources => app.sources.go(motion, page),
        Pane::Rules => app.rules.list.go(motion, page),
        Pane::Lines => {
            let total = app.tried_lines().len();
            let last = total.saturating_sub(page);
            let first = scroll(last.saturating_sub(app.lines.above_end), motion, page, total);
            app.lines.above_end = last - first;
        }
        Pane::Overview => {}
    }
}

fn open(app: &mut App) -> Vec<Effect> {
    let question = match app.pane {
        Pane::Overview => {
            show_problems(app);
            None
        }
        Pane::Alerts => open_alert(app),
        Pane::Blocks => blocked(app).map(Question::Why),
        Pane::Files => app.files.list.selected().map(|item| Question::History(item.path.clone())),
        Pane::Sources => {
            show_source(app);
            None
        }
        Pane::Rules => app.rules.list.selected().map(|rule| Question::Rule(rule.id)),
        Pane::Lines => None,
    };
    question.map(Effect::Ask).into_iter().collect()
}

fn show_problems(app: &mut App) {
    let Some(facts) = &app.daemon.facts else { return };
    let mut text = String::new();
    for problem in &facts.problems {
        let visible = |text: &str| output::visible(text.as_bytes());
        text.push_str(&format!("- {}\n  remedy: {}\n", visible(&problem.text), visible(&problem.remedy)));
    }
    if text.is_empty() {
        text.push_str("no problems\n");
    }
    app.show_text("Problems".into(), text);
}

fn open_alert(app: &mut App) -> Option<Question> {
    let held = app.records.alerts.row(app.records.alerts.cursor.selected)?;
    let whole = crate::record::RecordedAlert::from_json(&held.alert.json);
    let Some(whole) = whole else {
        return Some(Question::Alert { id: held.alert.id, time: held.alert.time });
    };
    let text = detail::text(&whole, &app.place.zone);
    app.show_text("Alert".into(), text);
    None
}

fn show_source(app: &mut App) {
    let Some(source) = app.sources.selected() else { return };
    let visible = |text: &str| output::visible(text.as_bytes());
    let mut text = format!("path       {}\nstate      {}\n", visible(&source.path), visible(&source.state));
    if let Some(reason) = &source.reason {
        text.push_str(&format!("reason     {}\n", visible(reason)));
    }
    text.push_str(&format!("lines      {} since hidsd was started\n", source.lines));
    match app.daemon.rates.of(&source.path) {
        Some(rate) => text.push_str(&format!("rate       {rate} lines per minute\n")),
        None => text.push_str("rate       being measured\n"),
    }
    if let (Some(last), Some(age)) = (source.last, source.age(app.now)) {
        let time = last.in_zone(&app.place.zone).strftime("%F %T");
        text.push_str(&format!("last line  {time}, {} ago\n", output::duration(age)));
    }
    app.show_text("Source".into(), text);
}

fn close(app: &mut App) {
    if app.prompt.take().is_none() && app.text.take().is_none() {
        app.lines.is_typing = false;
    }
}

fn blocked(app: &App) -> Option<IpAddr> {
    app.blocks.list.selected().map(|block| block.address)
}

fn confirm(app: &mut App, act: Option<Act>) {
    app.prompt = act.map(Prompt::Confirm);
}

fn filter_line(app: &App) -> &str {
    match app.pane {
        Pane::Alerts => app.records.alerts.filter_line(),
        Pane::Blocks => app.blocks.list.filter(),
        Pane::Files => app.files.list.filter(),
        Pane::Sources => app.sources.filter(),
        Pane::Rules => app.rules.list.filter(),
        Pane::Overview | Pane::Lines => "",
    }
}

fn type_in(app: &mut App, edit: Edit) {
    match &mut app.prompt {
        Some(Prompt::Filter(input) | Prompt::Block(input)) => input.edit(edit),
        _ => app.lines.input.edit(edit),
    }
}

fn submit(app: &mut App) -> Vec<Effect> {
    if app.mode() == Mode::TryLine {
        let line = std::mem::take(&mut app.lines.input).text();
        return try_line(app, line);
    }
    match app.prompt.take() {
        Some(Prompt::Filter(input)) => apply_filter(app, &input),
        Some(Prompt::Block(input)) => match block_of(&input.text()) {
            Ok(act) => app.prompt = Some(Prompt::Confirm(act)),
            Err(why) => {
                app.say(why, true);
                app.prompt = Some(Prompt::Block(input));
            }
        },
        other => app.prompt = other,
    }
    Vec::new()
}

fn apply_filter(app: &mut App, input: &Input) {
    let line = input.text();
    match app.pane {
        Pane::Alerts => match AlertFilter::parse(&line) {
            Ok(filter) => app.records.alerts.set_filter(&line, filter),
            Err(error) => {
                app.say(output::visible(error.to_string().as_bytes()), true);
                app.prompt = Some(Prompt::Filter(input.clone()));
            }
        },
        Pane::Blocks => app.blocks.list.set_filter(&line),
        Pane::Files => app.files.list.set_filter(&line),
        Pane::Sources => app.sources.set_filter(&line),
        Pane::Rules => app.rules.list.set_filter(&line),
        Pane::Overview | Pane::Lines => {}
    }
}

/// Takes a text with several lines; what follows the last line's end stays to be continued.
pub(super) fn try_pasted(app: &mut App, text: &str) -> Vec<Effect> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let (whole, rest) = text.rsplit_once('\n').unwrap_or(("", &text));
    let mut effects = Vec::new();
    if text.contains('\n') {
        for (index, line) in whole.split('\n').enumerate() {
            let before = if index == 0 { std::mem::take(&mut app.lines.input).text() } else { String::new() };
            effects.extend(try_line(app, before + line));
        }
    }
    rest.chars().for_each(|char| app.lines.input.edit(Edit::Insert(char)));
    effects
}

fn try_line(app: &mut App, line: String) -> Vec<Effect> {
    if line.is_empty() {
        return Vec::new();
    }
    if app.lines.waiting.len() >= MOST_PASTED {
        app.say(format!("more than {MOST_PASTED} lines are waiting; the rest is omitted"), true);
        return Vec::new();
    }
    app.lines.waiting.push_back(line);
    next_line(app)
}

/// Asks about the next line, one at a time.
pub(super) fn next_line(app: &mut App) -> Vec<Effect> {
    if app.lines.is_busy {
        return Vec::new();
    }
    let Some(line) = app.lines.waiting.pop_front() else { return Vec::new() };
    app.lines.is_busy = true;
    vec![Effect::Ask(Question::Line(line))]
}

/// Takes a text that was pasted.
pub(super) fn paste(app: &mut App, text: &str) -> Vec<Effect> {
    match (app.mode(), &mut app.prompt) {
        (Mode::Edit, Some(Prompt::Filter(input) | Prompt::Block(input))) => {
            let line = text.lines().next().unwrap_or_default();
            line.chars().for_each(|char| input.edit(Edit::Insert(char)));
            Vec::new()
        }
        (Mode::TryLine, _) => try_pasted(app, text),
        _ => Vec::new(),
    }
}

/// `203.0.113.5`, `203.0.113.5 4h`
fn block_of(text: &str) -> Result<Act, String> {
    let (address, time) = text.trim().split_once(char::is_whitespace).unwrap_or((text.trim(), ""));
    let parsed = address.parse::<IpAddr>().map_err(|_| {
        format!(
            "expected an IPv4 or IPv6 address and a time, such as 203.0.113.5 4h, found {:?}",
            output::visible(address.as_bytes())
        )
    })?;
    let seconds = match time.trim() {
        "" => None,
        time => Some(times::parse_seconds(time).map_err(|error| output::visible(error.to_string().as_bytes()))?),
    };
    Ok(Act::Block { address: parsed, seconds })
}
