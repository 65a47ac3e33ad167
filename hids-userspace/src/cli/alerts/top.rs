//! `hidsctl alerts top`: which rules, sources, users and files have most alerts.

use std::collections::HashMap;
use std::fmt::Write as _;

use clap::{Args, ValueEnum};
use hids_core::model::Level;
use serde_json::{Map, Value, json};

use crate::cli::exit::Exit;
use crate::cli::{Common, output, screen, table};
use crate::record::{AlertQuery, RecordedAlert, read_alerts};

/// Rows of a table.
const USUAL_ROWS: usize = 10;

/// Most different values that are counted of each kind, and of how many bytes altogether: log lines invent as many
/// as they like.
const MOST_KEYS: usize = 100_000;
const MOST_KEY_BYTES: usize = 16 << 20;

/// Options of `alerts top`.
#[derive(Debug, Args)]
pub(super) struct TopArgs {
    /// Show only this table
    #[arg(long, value_enum, value_name = "KIND")]
    by: Option<Kind>,
}

/// What alerts are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    Rule,
    Source,
    File,
    User,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Rule, Self::Source, Self::File, Self::User];

    const fn singular(self) -> &'static str {
        match self {
            Self::Rule => "rule",
            Self::Source => "source",
            Self::File => "file",
            Self::User => "user",
        }
    }

    fn plural(self) -> String {
        format!("{}s", self.singular())
    }

    /// What `alert` is counted under.
    fn key(self, alert: &RecordedAlert) -> Option<String> {
        match self {
            Self::Rule => Some(alert.rule.to_string()),
            Self::Source => alert.subject.srcip.clone(),
            Self::File => alert.subject.file.clone(),
            Self::User => alert.subject.user().map(str::to_owned),
        }
    }
}

/// Prints a table of each kind, or one JSON object.
pub(super) fn run(common: &Common, args: &TopArgs, query: &AlertQuery, rows: Option<usize>) -> anyhow::Result<Exit> {
    let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| args.by.is_none_or(|by| by == *kind)).collect();
    let mut top = Top { alerts: 0, counts: kinds.into_iter().map(|kind| (kind, Counts::default())).collect() };
    for alert in read_alerts(query.clone()) {
        top.add(&alert?);
    }
    let rows = rows.unwrap_or(USUAL_ROWS);
    if common.json {
        output::print_json(&top.to_json(query, rows))?;
    } else {
        output::print(&top.to_text(query, rows))?;
    }
    Ok(Exit::Success)
}

/// Alerts counted by each kind that is wanted.
struct Top {
    alerts: u64,
    counts: Vec<(Kind, Counts)>,
}

impl Top {
    fn add(&mut self, alert: &RecordedAlert) {
        self.alerts = self.alerts.saturating_add(alert.count);
        for (kind, counts) in &mut self.counts {
            if let Some(key) = kind.key(alert) {
                let detail = || (*kind == Kind::Rule).then(|| (alert.level, alert.description.clone()));
                counts.add(key, alert.count, detail);
            }
        }
    }

    fn to_json(&self, query: &AlertQuery, rows: usize) -> Value {
        let time = |time: Option<hids_core::model::Timestamp>| time.map(|time| time.rfc3339(&query.zone));
        let mut answer = Map::new();
        answer.insert("since".into(), json!(time(query.since)));
        answer.insert("until".into(), json!(time(query.until)));
        answer.insert("alerts".into(), self.alerts.into());
        let mut uncounted = Map::new();
        for (kind, counts) in &self.counts {
            let rows = counts.largest(rows).into_iter().map(|(key, entry)| match &entry.rule {
                Some((level, description)) => json!({
                    "rule": key.parse::<u32>().ok(), "level": level, "description": description, "count": entry.count,
                }),
                None => json!({ (kind.singular()): key, "count": entry.count }),
            });
            answer.insert(kind.plural(), rows.collect());
            uncounted.insert(kind.plural(), counts.uncounted.into());
        }
        answer.insert("uncounted".into(), uncounted.into());
        answer.into()
    }

    fn to_text(&self, query: &AlertQuery, rows: usize) -> String {
        let time = |time: hids_core::model::Timestamp| time.in_zone(&query.zone).strftime("%F %T").to_string();
        let mut out = output::count(self.alerts, "alert");
        let _ = query.since.map(|since| write!(out, " since {}", time(since)));
        let _ = query.until.map(|until| write!(out, " until {}", time(until)));
        out.push('\n');
        for (kind, counts) in self.counts.iter().filter(|(_, counts)| !counts.entries.is_empty()) {
            let _ = write!(out, "\n{}", counts.table(*kind, rows));
        }
        out
    }
}

/// How many alerts each value of a kind has.
#[derive(Default)]
struct Counts {
    entries: HashMap<String, Entry>,
    key_bytes: usize,
    /// Alerts of values for which there was no room.
    uncounted: u64,
}

struct Entry {
    count: u64,
    /// Level and description, of a rule.
    rule: Option<(Level, String)>,
}

impl Counts {
    fn add(&mut self, key: String, count: u64, rule: impl FnOnce() -> Option<(Level, String)>) {
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.count = entry.count.saturating_add(count);
        } else if self.entries.len() < MOST_KEYS && self.key_bytes.saturating_add(key.len()) <= MOST_KEY_BYTES {
            self.key_bytes += key.len();
            self.entries.insert(key, Entry { count, rule: rule() });
        } else {
            self.uncounted = self.uncounted.saturating_add(count);
        }
    }

    /// The values with most alerts, those first.
    fn largest(&self, most: usize) -> Vec<(&str, &Entry)> {
        let mut all: Vec<_> = self.entries.iter().map(|(key, entry)| (key.as_str(), entry)).collect();
        all.sort_by(|(key, entry), (other, other_entry)| (other_entry.count, *key).cmp(&(entry.count, *other)));
        all.truncate(most);
        all
    }

    fn table(&self, kind: Kind, rows: usize) -> String {
        let rows: Vec<Vec<String>> = self
            .largest(rows)
            .into_iter()
            .map(|(key, entry)| {
                let mut cells = vec![entry.count.to_string(), screen::cell(key)];
                if let Some((level, description)) = &entry.rule {
                    cells.extend([level.to_string(), screen::cell(description)]);
                }
                cells
            })
            .collect();
        let name = kind.singular().to_uppercase();
        let mut out = match kind {
            Kind::Rule => table::table(&["ALERTS", &name, "LEVEL", "DESCRIPTION"], &rows),
            _ => table::table(&["ALERTS", &name], &rows),
        };
        if self.uncounted > 0 {
            let alerts = output::count(self.uncounted, "alert");
            let different = self.entries.len();
            let kinds = kind.plural();
            let _ = writeln!(out, "not counted: {alerts} of further {kinds} (limit reached at {different} {kinds})");
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use hids_core::escape::is_dangerous;
    use hids_core::model::Timestamp;
    use jiff::tz::TimeZone;

    use super::*;
    use crate::record::Filters;

    fn query() -> AlertQuery {
        let since = Some(Timestamp::from_unix_seconds(1_795_558_167));
        AlertQuery { logs: "".into(), zone: TimeZone::UTC, since, until: None, filters: Filters::default() }
    }

    fn alert(rule: u32, source: &str, count: u64) -> RecordedAlert {
        let alert = json!({
            "rule": { "level": 5, "comment": "failed\u{1b}[2J", "sidid": rule }, "TimeStamp": 1, "srcip": source,
            "dstuser": "root\u{202e}", "SyscheckFile": { "path": "/a\nb" }, "count": count,
        });
        RecordedAlert::from_json(&alert.to_string()).expect("an alert")
    }

    fn top(kinds: &[Kind], alerts: &[RecordedAlert]) -> Top {
        let mut top = Top { alerts: 0, counts: kinds.iter().map(|kind| (*kind, Counts::default())).collect() };
        alerts.iter().for_each(|alert| top.add(alert));
        top
    }

    #[test]
    fn the_largest_come_first_and_records_of_many_count_as_many() {
        let alerts = [alert(5716, "203.0.113.5", 1), alert(5710, "203.0.113.6", 60), alert(5716, "203.0.113.5", 1)];
        let top = top(&Kind::ALL, &alerts);
        let answer = top.to_json(&query(), 10);
        assert_eq!((&answer["alerts"], &answer["since"]), (&json!(62), &json!("2026-11-24T22:09:27.000+00:00")));
        assert_eq!(
            answer["rules"][0],
            json!({ "rule": 5710, "level": 5, "description": "failed\u{1b}[2J", "count": 60 })
        );
        assert_eq!(answer["sources"][1], json!({ "source": "203.0.113.5", "count": 2 }));
        assert_eq!(answer["users"][0]["count"], 62);
        let text = top.to_text(&query(), 1);
        assert!(
            text.starts_with(
                "62 alerts since 2026-11-24 22:09:27\n\nALERTS  RULE  LEVEL  DESCRIPTION\n    60  5710      5  failed\\x1b[2J\n\n\
                 ALERTS  SOURCE\n    60  203.0.113.6\n\nALERTS  FILE\n    62  /a\\nb\n"
            ),
            "{text}"
        );
        assert!(!text.lines().any(|line| line.contains(is_dangerous)), "{text:?}");
        assert!(!text.contains("203.0.113.5"), "{text}");
    }

    #[test]
    fn only_the_wanted_table_is_made() {
        let answer = top(&[Kind::User], &[alert(1, "203.0.113.5", 1)]).to_json(&query(), 10);
        let keys: Vec<&String> = answer.as_object().expect("an object").keys().collect();
        assert_eq!(keys, ["since", "until", "alerts", "users", "uncounted"]);
    }

    #[test]
    fn values_beyond_the_bounds_are_not_counted_and_that_is_shown() {
        let mut counts = Counts::default();
        (0..MOST_KEYS + 5).for_each(|number| counts.add(number.to_string(), 2, || None));
        counts.add("7".into(), 1, || None);
        assert_eq!((counts.entries.len(), counts.uncounted), (MOST_KEYS, 10));
        let text = counts.table(Kind::Source, 1);
        assert!(text.starts_with("ALERTS  SOURCE\n     3  7\n"), "{text}");
        assert!(
            text.ends_with("not counted: 10 alerts of further sources (limit reached at 100000 sources)\n"),
            "{text}"
        );
        let mut counts = Counts::default();
        (0..20).for_each(|number| counts.add(format!("{number}{}", "x".repeat(1 << 20)), 1, || None));
        assert!(counts.uncounted > 0 && counts.key_bytes <= MOST_KEY_BYTES);
    }

    #[test]
    fn without_alerts_there_is_no_table() {
        assert_eq!(top(&Kind::ALL, &[]).to_text(&query(), 10), "0 alerts since 2026-11-24 22:09:27\n");
    }
}
