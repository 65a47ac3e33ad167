//! Everything that the stages report.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::super::blocks::plain;
use super::super::{output, screen, self_test, table};
use super::Clock;

/// A section per stage.
pub(super) fn text(status: &Value, clock: &Clock) -> String {
    let mut out = format!(
        "\npid {}, memory: {} MiB\nconfiguration {}\n",
        status["pid"],
        status["memory_bytes"].as_u64().unwrap_or(0) >> 20,
        output::visible(plain(&status["config"]).as_bytes()),
    );
    for stage in ["analysis", "collect", "respond", "record", "mail", "syslog", "fim", "sensors"] {
        if !status[stage].is_null() {
            let _ = writeln!(out, "\n{stage}:");
            let mut report = status[stage].clone();
            let mut part = |name| report.as_object_mut().and_then(|report| report.remove(name));
            let (self_test, sources) = (part("self_test"), part("sources"));
            describe(&mut out, &report, 1);
            out.push_str(&sources.map_or_else(String::new, |sources| table_of(&sources, clock)));
            out.push_str(&self_test.map_or_else(String::new, |self_test| self_test::text(&self_test)));
        }
    }
    out
}

/// Log sources as a table.
fn table_of(sources: &Value, clock: &Clock) -> String {
    let rows: Vec<Vec<String>> = sources
        .as_array()
        .into_iter()
        .flatten()
        .map(|source| {
            let path = screen::cell(&plain(&source["path"]));
            let named = match &source["reason"] {
                Value::String(reason) => format!("{path} ({})", screen::cell(reason)),
                _ => path,
            };
            vec![
                screen::cell(&plain(&source["state"])),
                plain(&source["lines"]),
                clock.ago(&source["last_event"]).unwrap_or_else(|| "-".into()),
                named,
            ]
        })
        .collect();
    let text = table::table(&["STATE", "LINES", "LAST LINE", "SOURCE"], &rows);
    text.lines().fold(String::new(), |mut out, line| {
        let _ = writeln!(out, "  {line}");
        out
    })
}

/// Counters that say something even when they are 0.
const ALWAYS_SHOWN: [&str; 5] = ["events", "alerts", "blocked", "queued", "commits"];

/// Any report as indented `name  value` lines; a list of objects as one line each.
pub(super) fn describe(out: &mut String, value: &Value, depth: usize) {
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
fn is_silent(report: &Map<String, Value>) -> bool {
    report.iter().all(|(name, value)| value == 0 && !ALWAYS_SHOWN.contains(&name.as_str()))
}

/// `name: value, …`; of counters within it those that have counted anything.
fn one_line(value: &Value) -> String {
    let Value::Object(map) = value else { return plain(value) };
    let parts = map.iter().filter_map(|(name, value)| {
        let text = match value {
            Value::Null => return None,
            Value::Object(counters) if is_silent(counters) => return None,
            Value::Object(counters) => {
                let counted = counters.iter().filter(|(_, count)| **count != 0);
                counted.map(|(name, count)| format!("{count} {}", name.replace('_', " "))).collect::<Vec<_>>().join(" ")
            }
            value => plain(value),
        };
        Some(format!("{}: {text}", name.replace('_', " ")))
    });
    parts.collect::<Vec<_>>().join(", ")
}
