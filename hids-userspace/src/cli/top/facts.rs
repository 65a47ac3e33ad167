//! What the screen shows of the daemon's status, read from its JSON.

use std::collections::{HashMap, VecDeque};

use hids_core::model::Timestamp;
use serde_json::Value;

use crate::fim::protocol::FimView;

/// Rates are measured over this time.
const RATE_SECONDS: i64 = 60;
/// Least time between two measurements.
const STEP_SECONDS: i64 = 5;
/// Most sources whose rate is measured: wildcards name thousands of files.
const MOST_MEASURED: usize = 2000;

/// A picture of the daemon.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Facts {
    /// Version of `hidsd`.
    pub version: String,
    /// Its process.
    pub pid: u64,
    /// Seconds since it was started.
    pub uptime_seconds: u64,
    /// `blocking` or `dry-run`.
    pub mode: String,
    /// Its resident memory.
    pub memory_bytes: u64,
    /// What needs attention.
    pub problems: Vec<Problem>,
    /// Lines analysed since start.
    pub lines: u64,
    /// Addresses that are to be blocked.
    pub blocked: u64,
    /// Addresses that are in the kernel's sets.
    pub enforced: u64,
    /// Mail, if it is on.
    pub mail: Option<Mail>,
    /// File integrity.
    pub fim: FimView,
    /// Log sources, in the order of their names.
    pub sources: Vec<Source>,
}

/// How mail fares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Mail {
    /// Alerts that wait.
    pub queued: u64,
    /// Mails sent since start.
    pub sent: u64,
    /// Whether the limit per hour is reached.
    pub is_limited: bool,
    /// Why no mail goes out.
    pub error: Option<String>,
}

/// A log source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Source {
    /// Path, alias or `journald`.
    pub path: String,
    /// `reading`, `missing`, `unreadable` or `duplicate`.
    pub state: String,
    /// Why, if there is more to say.
    pub reason: Option<String>,
    /// Lines since start.
    pub lines: u64,
    /// When the last line was sent.
    pub last: Option<Timestamp>,
}

impl Source {
    /// Whether it is being read.
    pub(super) fn is_read(&self) -> bool {
        self.state == "reading"
    }

    /// Whether it is there and cannot be read.
    pub(super) fn is_unreadable(&self) -> bool {
        self.state == "unreadable"
    }

    /// Seconds since its last line.
    pub(super) fn age(&self, now: Timestamp) -> Option<u64> {
        self.last.map(|last| u64::try_from(now.unix_seconds() - last.unix_seconds()).unwrap_or(0))
    }
}

/// What is wrong, and what to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Problem {
    pub text: String,
    pub remedy: String,
}

impl Facts {
    /// Reads the answer to a request for the status; what is missing is empty.
    pub(super) fn of(status: &Value) -> Self {
        let number = |pointer: &str| status.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
        let problems = status["problems"].as_array().into_iter().flatten();
        let sources = status["collect"]["sources"].as_array().into_iter().flatten();
        Self {
            version: text(&status["version"]),
            pid: number("/pid"),
            uptime_seconds: number("/uptime_seconds"),
            mode: text(&status["mode"]),
            memory_bytes: number("/memory_bytes"),
            problems: problems
                .map(|problem| Problem { text: text(&problem["text"]), remedy: text(&problem["remedy"]) })
                .collect(),
            lines: number("/analysis/events"),
            blocked: number("/respond/blocked"),
            enforced: number("/respond/active"),
            mail: (!status["mail"].is_null()).then(|| Mail {
                queued: number("/mail/queued"),
                sent: number("/mail/mails"),
                is_limited: status["mail"]["limit_reached"] == true,
                error: status["mail"]["error"].as_str().map(str::to_owned),
            }),
            fim: serde_json::from_value(status["fim"].clone()).unwrap_or_default(),
            sources: sources.map(source).collect(),
        }
    }
}

fn source(report: &Value) -> Source {
    Source {
        path: text(&report["path"]),
        state: text(&report["state"]),
        reason: report["reason"].as_str().map(str::to_owned),
        lines: report["lines"].as_u64().unwrap_or(0),
        last: report["last_event"].as_str().and_then(moment),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// An RFC 3339 time.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    text.parse::<jiff::Timestamp>().ok().map(|time| Timestamp::from_unix_seconds(time.as_second()))
}

/// How fast each source grows.
#[derive(Debug, Default)]
pub(super) struct Rates {
    samples: HashMap<String, VecDeque<(i64, u64)>>,
}

impl Rates {
    /// Measures.
    pub(super) fn measure(&mut self, now: Timestamp, sources: &[Source]) {
        let now = now.unix_seconds();
        let mut samples = HashMap::new();
        for source in sources.iter().take(MOST_MEASURED) {
            let mut of_source = self.samples.remove(&source.path).unwrap_or_default();
            // A count that falls is that of another daemon; a clock that was set back says nothing.
            if of_source.back().is_some_and(|&(time, lines)| lines > source.lines || time > now) {
                of_source.clear();
            }
            if of_source.back().is_none_or(|&(time, _)| now - time >= STEP_SECONDS) {
                of_source.push_back((now, source.lines));
            }
            while of_source.front().is_some_and(|&(time, _)| now - time > RATE_SECONDS) {
                of_source.pop_front();
            }
            samples.insert(source.path.clone(), of_source);
        }
        self.samples = samples;
    }

    /// Lines per minute; `None` until it is known.
    pub(super) fn of(&self, path: &str) -> Option<u64> {
        let samples = self.samples.get(path)?;
        let (&(start, first), &(end, last)) = (samples.front()?, samples.back()?);
        let seconds = u64::try_from(end - start).ok().filter(|&seconds| seconds > 0)?;
        Some(last.saturating_sub(first).saturating_mul(60) / seconds)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_status_is_read_and_what_is_missing_is_empty() {
        let facts = Facts::of(&json!({
            "version": "1.2", "uptime_seconds": 5, "problems": [{ "text": "a", "remedy": "b" }, {}], "respond": { "blocked": 3, "active": 2 },
            "mail": { "queued": 1, "error": "refused" }, "fim": null,
            "collect": { "sources": [
                { "path": "/a", "state": "unreadable", "reason": "denied", "lines": 7 },
                { "path": "/b", "state": "reading", "last_event": "2026-11-25T12:00:00.000+00:00" },
            ] },
        }));
        assert_eq!((facts.version.as_str(), facts.blocked, facts.enforced, facts.problems.len()), ("1.2", 3, 2, 2));
        assert_eq!(facts.mail.and_then(|mail| mail.error).as_deref(), Some("refused"));
        assert!(facts.sources[0].is_unreadable() && facts.sources[1].is_read());
        assert_eq!(facts.sources[1].age(Timestamp::from_unix_seconds(1_795_608_060)), Some(60));
        assert_eq!(Facts::of(&Value::Null), Facts::default());
    }

    #[test]
    fn rates_are_lines_per_minute_and_begin_again_with_another_daemon() {
        let (mut rates, mut source) = (Rates::default(), Source { path: "/a".into(), ..Source::default() });
        let mut at = |second: i64, lines: u64, rates: &mut Rates| {
            source.lines = lines;
            rates.measure(Timestamp::from_unix_seconds(second), std::slice::from_ref(&source));
            rates.of("/a")
        };
        assert_eq!(at(0, 100, &mut rates), None);
        assert_eq!(at(10, 110, &mut rates), Some(60));
        assert_eq!(at(20, 110, &mut rates), Some(30));
        assert_eq!(at(100, 110, &mut rates), None);
        assert_eq!(at(110, 5, &mut rates), None);
    }

    proptest! {
        #[test]
        fn any_numbers_are_measured(samples in prop::collection::vec((any::<i32>(), any::<u64>()), 0..20)) {
            let mut rates = Rates::default();
            for (second, lines) in samples {
                let source = Source { path: "/a".into(), lines, ..Source::default() };
                rates.measure(Timestamp::from_unix_seconds(second.into()), &[source]);
                let _ = rates.of("/a");
            }
        }
    }
}
