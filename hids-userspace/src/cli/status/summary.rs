//! The status in some ten lines.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use serde_json::Value;

use super::super::blocks::plain;
use super::super::{color, output};
use super::{Clock, Problem, Sources, problems};

/// Sources and levels that are named one by one.
const MOST_NAMED: usize = 3;
const MOST_LEVELS: usize = 6;

/// What a person looks at first.
pub(super) fn text(status: &Value, clock: &Clock) -> String {
    let mut out = head(status, clock);
    out.push_str(&trouble(&problems(status), color::is_wanted()));
    for (name, line) in [
        ("sources", sources(status, clock)),
        ("alerts", alerts(status)),
        ("blocks", blocks(status)),
        ("mail", mail(status, clock)),
        ("files", files(status, clock)),
        ("sensors", sensors(status)),
    ] {
        let _ = writeln!(out, "{name:<9} {line}");
    }
    out
}

fn head(status: &Value, clock: &Clock) -> String {
    let mode = match status["mode"].as_str() {
        Some("blocking") => "blocking",
        _ => "DRY RUN, nothing is blocked or mailed",
    };
    let since = clock.local(&status["started"]).unwrap_or_else(|| "-".into());
    let uptime = output::duration(number(&status["uptime_seconds"]));
    format!("hidsd {} running since {since} ({uptime}), mode: {mode}\n", plain(&status["version"]))
}

fn trouble(problems: &[Problem], is_coloured: bool) -> String {
    if problems.is_empty() {
        return "no problems\n".into();
    }
    let mut out = format!("{}:\n", output::count(problems.len() as u64, "problem"));
    for problem in problems {
        let color = if problem.is_critical { AnsiColor::Red } else { AnsiColor::Yellow };
        let style = if is_coloured { Style::new().fg_color(Some(color.into())) } else { Style::new() };
        let word = if problem.is_critical { "critical" } else { "warning" };
        let _ = writeln!(out, "  {style}{word}: {}{style:#}", problem.text);
        let _ = writeln!(out, "    remedy: {}", problem.remedy);
    }
    out
}

fn sources(status: &Value, clock: &Clock) -> String {
    let sources = Sources::of(status);
    let mut out = format!("{} of {} read", sources.reading, sources.all);
    match sources.newest {
        Some(newest) => {
            let ago = clock.ago(&newest["last_event"]).unwrap_or_default();
            let _ = write!(out, ", last line {ago} ({})", visible(&newest["path"]));
        }
        None => out.push_str(", no line since the start"),
    }
    let names: Vec<String> = sources.absent.iter().take(MOST_NAMED).map(|path| visible(path)).collect();
    if !names.is_empty() {
        let _ = write!(out, "; not read: {}", names.join(", "));
        let more = sources.absent.len() - names.len();
        if more > 0 {
            let _ = write!(out, " and {more} more");
        }
    }
    out
}

fn alerts(status: &Value) -> String {
    let today = &status["record"]["today"];
    let mut out = format!("{} today", number(&today["alerts"]));
    let mut levels: Vec<(u64, u64)> = today["levels"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(level, count)| Some((level.parse().ok()?, number(count))))
        .collect();
    levels.sort_unstable_by(|one, other| other.cmp(one));
    let mut shown: Vec<String> =
        levels.iter().take(MOST_LEVELS).map(|(level, count)| format!("{count} of level {level}")).collect();
    let rest: u64 = levels.iter().skip(MOST_LEVELS).map(|(_, count)| count).sum();
    if rest > 0 {
        shown.push(format!("{rest} lower"));
    }
    if !shown.is_empty() {
        let _ = write!(out, ": {}", shown.join(", "));
    }
    out
}

fn blocks(status: &Value) -> String {
    let respond = &status["respond"];
    let now = number(&respond["blocked"]);
    let addresses = if now == 1 { "address" } else { "addresses" };
    let would = if status["mode"] == "blocking" { "" } else { "would be " };
    format!(
        "{now} {addresses} {would}blocked now, {} since the start",
        output::count(number(&respond["blocks"]), "block")
    )
}

fn mail(status: &Value, clock: &Clock) -> String {
    let mail = &status["mail"];
    if mail.is_null() {
        return if status["mode"] == "blocking" { "off" } else { "off (dry run, or not configured)" }.into();
    }
    let waiting = number(&mail["queued"]);
    let mut out = format!("{} sent, {waiting} alerts waiting", output::count(number(&mail["mails"]), "mail"));
    if !mail["error"].is_null() {
        let _ = write!(out, ", FAILING: {}", visible(&mail["error"]));
    } else if let Some(until) = clock.local(&mail["waiting_until"]) {
        let _ = write!(out, ", {} of them until {until} (email_maxperhour is reached)", number(&mail["waiting"]));
    }
    out
}

fn files(status: &Value, clock: &Clock) -> String {
    let fim = &status["fim"];
    if fim.is_null() {
        return "off".into();
    }
    if fim["entries"].is_null() {
        return "starting".into();
    }
    let mut out = match number(&fim["entries"]) {
        1 => "1 entry in the baseline".to_owned(),
        entries => format!("{entries} entries in the baseline"),
    };
    match clock.local(&fim["last_scan"]["ended"]) {
        Some(time) => _ = write!(out, ", last scan {time}"),
        None => out.push_str(", no scan since the start"),
    }
    let running = fim["scans"].as_array().map_or(0, Vec::len);
    if running > 0 {
        let _ = write!(out, ", {} running", output::count(running as u64, "scan"));
    }
    let gaps = fim["gaps"].as_array().map_or(0, Vec::len);
    match gaps {
        0 => out.push_str(", no events missed"),
        _ => _ = write!(out, ", events missed in {} (rescan running)", output::count(gaps as u64, "directory tree")),
    }
    let rescanned = number(&fim["rescans_completed"]);
    if rescanned > 0 {
        let _ = write!(out, ", {} after missed events", output::count(rescanned, "rescan"));
    }
    out
}

fn sensors(status: &Value) -> String {
    let tiers = status["sensors"]["tiers"].as_array();
    let Some(tiers) = tiers else { return "starting".into() };
    let named = |wanted: bool| {
        let tiers = tiers.iter().filter(|tier| tier["available"] == wanted);
        let words = tiers.map(|tier| match tier["tier"].as_str() {
            Some("lsm") => "write blocking".to_owned(),
            Some("tracepoint") => "processes".to_owned(),
            Some("fanotify") => "realtime file events".to_owned(),
            Some("scan") => "scans".to_owned(),
            _ => visible(&tier["tier"]),
        });
        words.collect::<Vec<_>>().join(", ")
    };
    let (works, missing) = (named(true), named(false));
    if missing.is_empty() { works } else { format!("{works}; unavailable: {missing}") }
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

fn visible(value: &Value) -> String {
    output::visible(plain(value).as_bytes())
}
