//! `hidsctl status`.

mod details;
mod plugin;
mod summary;

use clap::Args;
use hids_core::model::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::blocks::plain;
use super::exit::Exit;
use super::reload::ask;
use super::{Common, output};
use crate::control::Request;
use crate::platform::clock;

/// How much is shown, and for whom.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Show everything: every source, counter and sensor
    #[arg(short, long, conflicts_with = "check")]
    verbose: bool,
    /// Print one line for a monitoring system and exit like a Nagios plugin: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN
    #[arg(long, conflicts_with = "exit_code")]
    check: bool,
    /// Exit with 1 if there are problems
    #[arg(long)]
    exit_code: bool,
}

/// Shows what the daemon is doing; problems first.
pub(super) fn run(common: &Common, args: &StatusArgs) -> anyhow::Result<Exit> {
    let status = ask(common, &Request::Status);
    if args.check {
        return plugin::run(common, status);
    }
    let status = status?;
    let clock = Clock { now: clock::now(), zone: TimeZone::system() };
    if common.json {
        output::print_json(&status)?;
    } else if args.verbose {
        output::print(&format!("{}{}", summary::text(&status, &clock), details::text(&status, &clock)))?;
    } else {
        output::print(&summary::text(&status, &clock))?;
    }
    Ok(if args.exit_code && !problems(&status).is_empty() { Exit::No } else { Exit::Success })
}

/// The time at which a status is shown.
struct Clock {
    now: Timestamp,
    zone: TimeZone,
}

impl Clock {
    /// A time of JSON as a person reads it.
    fn local(&self, time: &Value) -> Option<String> {
        Some(Timestamp::parse_rfc3339(time.as_str()?)?.local_text(&self.zone))
    }

    /// `3s ago`.
    fn ago(&self, time: &Value) -> Option<String> {
        let time: jiff::Timestamp = time.as_str()?.parse().ok()?;
        let seconds = self.now.unix_seconds().saturating_sub(time.as_second());
        Some(format!("{} ago", output::duration(seconds.try_into().unwrap_or(0))))
    }
}

/// A problem as the daemon reports it.
struct Problem {
    is_critical: bool,
    text: String,
    remedy: String,
}

fn problems(status: &Value) -> Vec<Problem> {
    let visible = |value: &Value| output::visible(plain(value).as_bytes());
    let list = status["problems"].as_array().into_iter().flatten();
    list.map(|problem| Problem {
        is_critical: problem["severity"] == "critical",
        text: visible(&problem["text"]),
        remedy: visible(&problem["remedy"]),
    })
    .collect()
}

/// What `status` says of the log sources.
#[derive(Default)]
struct Sources<'a> {
    reading: u64,
    all: u64,
    /// The source with the newest line.
    newest: Option<&'a Value>,
    /// Names of those that are not read.
    absent: Vec<&'a Value>,
}

impl<'a> Sources<'a> {
    fn of(status: &'a Value) -> Self {
        let mut sources = Self::default();
        let list = status["collect"]["sources"].as_array().into_iter().flatten();
        // One file under two names is one source.
        for source in list.filter(|source| source["state"] != "duplicate") {
            sources.all += 1;
            if source["state"] == "reading" {
                sources.reading += 1;
            } else {
                sources.absent.push(&source["path"]);
            }
            let time =
                |source: &Value| source["last_event"].as_str().and_then(|time| time.parse::<jiff::Timestamp>().ok());
            if time(source) > sources.newest.and_then(time) {
                sources.newest = Some(source);
            }
        }
        sources
    }
}

#[cfg(test)]
mod tests;
