//! `hidsctl alerts`: recorded alerts, old and new.

use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use hids_core::model::{Level, Timestamp};
use jiff::tz::TimeZone;

use super::exit::{Exit, WrongUsage};
use super::{Common, output};
use crate::config;
use crate::platform::clock::now;
use crate::record::{AlertQuery, Follower, RecordedAlert, check_readable, read_alerts};

/// How long one look for new alerts takes; Ctrl-C ends the command at any time.
const LOOK: Duration = Duration::from_secs(1);

/// Which alerts.
#[derive(Debug, Args)]
pub struct AlertsArgs {
    /// Keep printing new alerts as they arrive
    #[arg(short, long)]
    follow: bool,
    /// Show only alerts of this level or higher
    #[arg(short, long, value_name = "N", default_value_t = 0)]
    level: u16,
    /// Show alerts since TIME: `30m`, `12h`, `7d`, `2026-11-24` or `2026-11-24T10:00:00` [default: midnight]
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Show alerts until TIME, in the same formats
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

/// Prints alerts in the layout of alerts.log, or one JSON object a line.
pub(super) fn run(common: &Common, args: &AlertsArgs) -> anyhow::Result<Exit> {
    let logs = config::locate(&common.load_options(false)).logs;
    // What cannot be read is not the same as no alerts.
    check_readable(&logs)?;
    let zone = TimeZone::system();
    let now = now();
    let moment = |text: &Option<String>| {
        text.as_deref().map(|text| parse_moment(text, now, &zone).context(WrongUsage)).transpose()
    };
    let since = moment(&args.since)?;
    let query = AlertQuery {
        logs: logs.clone(),
        zone: zone.clone(),
        since: Some(since.unwrap_or_else(|| midnight(now, &zone))),
        until: moment(&args.until)?,
        level: Level(args.level),
    };
    // Opened before the old ones are read, so that none falls between them.
    let mut follower = if args.follow { Some(Follower::open(&logs)?) } else { None };
    // With --follow alone only new alerts are wanted.
    if !args.follow || since.is_some() {
        for alert in read_alerts(query) {
            show(common, &alert?)?;
        }
    }
    while let Some(follower) = &mut follower {
        if let Some(alert) = follower.next(LOOK)?
            && alert.level >= Level(args.level)
        {
            show(common, &alert)?;
        }
    }
    Ok(Exit::Success)
}

fn show(common: &Common, alert: &RecordedAlert) -> anyhow::Result<()> {
    if common.json {
        output::print(&format!("{}\n", alert.json))
    } else {
        output::print(&format!("{}\n", alert.text()))
    }
}

fn midnight(now: Timestamp, zone: &TimeZone) -> Timestamp {
    let start = now.in_zone(zone).start_of_day();
    start.map_or(now, |start| Timestamp::from_unix_seconds(start.timestamp().as_second()))
}

/// A time span back from now, a date or a local date and time.
fn parse_moment(text: &str, now: Timestamp, zone: &TimeZone) -> anyhow::Result<Timestamp> {
    if let Some((number, unit)) = text.split_at_checked(text.len().saturating_sub(1))
        && let Ok(number) = number.parse::<i64>()
    {
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            _ => bail!("invalid time span {text:?}: append s, m, h or d to the number"),
        };
        return Ok(Timestamp::from_unix_seconds(now.unix_seconds().saturating_sub(number.saturating_mul(seconds))));
    }
    let civil = text
        .parse::<jiff::civil::DateTime>()
        .or_else(|_| text.parse::<jiff::civil::Date>().map(|date| date.at(0, 0, 0, 0)))
        .with_context(|| {
            format!(
                "invalid time {text:?}: expected a time span (30m, 12h, 7d) or a date \
                 (2026-11-24T10:00:00)"
            )
        })?;
    Ok(Timestamp::from_unix_seconds(civil.to_zoned(zone.clone())?.timestamp().as_second()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_dates_are_moments() {
        let now = Timestamp::from_unix_seconds(1_000_000);
        let seconds = |text| parse_moment(text, now, &TimeZone::UTC).map(Timestamp::unix_seconds);
        assert_eq!(seconds("30m").ok(), Some(1_000_000 - 1800));
        assert_eq!(seconds("2026-11-24").ok(), Some(1_795_478_400));
        assert_eq!(seconds("2026-11-24T01:00:00").ok(), Some(1_795_482_000));
        assert!(seconds("yesterday").is_err());
        assert!(seconds("5x").is_err());
        assert!(seconds("").is_err());
    }
}
