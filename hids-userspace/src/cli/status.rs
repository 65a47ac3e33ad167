//! `hidsctl status`.

use std::fmt::Write as _;

use serde_json::Value;

use super::blocks::plain;
use super::exit::Exit;
use super::reload::ask;
use super::{Common, output};
use crate::control::Request;

/// Shows what the daemon is doing; problems first.
pub(super) fn run(common: &Common) -> anyhow::Result<Exit> {
    let status = ask(common, &Request::Status)?;
    if common.json {
        output::print_json(&status)?;
    } else {
        output::print(&text(&status))?;
    }
    Ok(Exit::Success)
}

fn text(status: &Value) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "hidsd {} running for {} (pid {}, mode: {}, memory: {} MiB)",
        plain(&status["version"]),
        output::duration(status["uptime_seconds"].as_u64().unwrap_or(0)),
        status["pid"],
        plain(&status["mode"]),
        status["memory_bytes"].as_u64().unwrap_or(0) >> 20,
    );
    let _ = writeln!(out, "configuration {}", output::visible(plain(&status["config"]).as_bytes()));
    if let Some(problems) = status["problems"].as_array().filter(|problems| !problems.is_empty()) {
        let _ = writeln!(out, "\nproblems:");
        for problem in problems {
            let _ = writeln!(out, "  {}", output::visible(plain(problem).as_bytes()));
        }
    }
    for stage in ["analysis", "collect", "respond", "record", "mail", "syslog", "fim", "sensors"] {
        if !status[stage].is_null() {
            let _ = writeln!(out, "\n{stage}:");
            let mut report = status[stage].clone();
            let self_test = report.as_object_mut().and_then(|report| report.remove("self_test"));
            describe(&mut out, &report, 1);
            if let Some(self_test) = self_test {
                out.push_str(&super::self_test::text(&self_test));
            }
        }
    }
    out
}

/// Counters that say something even when they are 0.
const ALWAYS_SHOWN: [&str; 5] = ["events", "alerts", "blocked", "queued", "commits"];

/// Any report as indented `name  value` lines; a list of objects as one line each.
fn describe(out: &mut String, value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                let name = name.replace('_', " ");
                match value {
                    Value::Object(inner) if is_silent(inner) => {}
                    Value::Array(list) if list.is_empty() => {}
                    Value::Null => {}
                    // A long list of things that never happened hides the ones that did; JSON has them all.
                    _ if value == 0 && !ALWAYS_SHOWN.contains(&name.as_str()) => {}
                    Value::Object(_) | Value::Array(_) => {
                        let _ = writeln!(out, "{indent}{name}:");
                        describe(out, value, depth + 1);
                    }
                    _ => {
                        let _ = writeln!(out, "{indent}{name:<24} {}", output::visible(plain(value).as_bytes()));
                    }
                }
            }
        }
        Value::Array(list) => {
            for item in list {
                let _ = writeln!(out, "{indent}{}", output::visible(one_line(item).as_bytes()));
            }
        }
        other => {
            let _ = writeln!(out, "{indent}{}", output::visible(plain(other).as_bytes()));
        }
    }
}

/// Whether a report would show nothing.
fn is_silent(report: &serde_json::Map<String, Value>) -> bool {
    report.iter().all(|(name, value)| value == 0 && !ALWAYS_SHOWN.contains(&name.as_str()))
}

fn one_line(value: &Value) -> String {
    let Value::Object(map) = value else { return plain(value) };
    let parts: Vec<String> = map
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| format!("{}: {}", name.replace('_', " "), plain(value)))
        .collect();
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    // H1: what rules forgot for lack of room is shown, and nothing where they forgot nothing.
    #[test]
    fn losses_of_rules_are_shown_where_there_are_any() {
        let shown = |forgotten: u64| {
            let mut out = String::new();
            let losses = json!({"shortened_lines": 0, "forgotten_counts": forgotten});
            describe(&mut out, &json!({"rules": 900, "losses": losses}), 1);
            out
        };
        assert!(!shown(0).contains("losses"), "{}", shown(0));
        assert!(shown(7).contains("  losses:\n    forgotten counts         7\n"), "{}", shown(7));
    }
}
