//! Reads recorded alerts and then those that come.

use std::collections::{HashSet, VecDeque};
use std::path::Path;
use std::thread;
use std::time::Duration;

use hids_core::model::{AlertId, Timestamp};
use jiff::tz::TimeZone;

use super::alert_list::{Held, MOST};
use super::app::Message;
use super::tally::{DAY_SECONDS, Tally};
use crate::cli::times;
use crate::platform::clock::now;
use crate::record::{AlertQuery, Filters, Follower, ReadError, newest_alerts, read_alerts};

/// Time between two looks for new alerts.
const LOOK: Duration = Duration::from_millis(500);
/// Time before alerts that could not be read are tried again.
const RETRY: Duration = Duration::from_secs(5);

/// Reads for as long as `send` takes what was read.
pub(super) fn follow(logs: &Path, zone: &TimeZone, mut send: impl FnMut(Message) -> bool) {
    let mut was_in_trouble = false;
    loop {
        let error = match read(logs, zone, was_in_trouble, &mut send) {
            Ok(()) => return,
            Err(error) => error,
        };
        was_in_trouble = true;
        if !send(Message::AlertTrouble(Some(format!("{:#}", anyhow::Error::from(error))))) {
            return;
        }
        thread::sleep(RETRY);
    }
}

/// Returns when what was read is not wanted any more.
fn read(
    logs: &Path,
    zone: &TimeZone,
    was_in_trouble: bool,
    send: &mut impl FnMut(Message) -> bool,
) -> Result<(), ReadError> {
    // Opened before the old ones are read, so that none falls between them; some are then read twice.
    let mut follower = Follower::open(logs)?;
    let (history, mut known) = history(logs, zone, now())?;
    if (was_in_trouble && !send(Message::AlertTrouble(None))) || !send(history) {
        return Ok(());
    }
    loop {
        while let Some(alert) = follower.next(Duration::ZERO)? {
            let is_known = alert.id.is_some_and(|id| known.contains(&id));
            if !is_known && !send(Message::Alert(Box::new(alert))) {
                return Ok(());
            }
        }
        known = HashSet::new();
        thread::sleep(LOOK);
    }
}

/// The newest alerts, the counts of the last day, and which alerts they are.
fn history(logs: &Path, zone: &TimeZone, now: Timestamp) -> Result<(Message, HashSet<AlertId>), ReadError> {
    let day_ago = now.minus(Duration::from_secs(DAY_SECONDS.unsigned_abs()));
    let query = |since, until| AlertQuery {
        logs: logs.to_owned(),
        zone: zone.clone(),
        since,
        until,
        filters: Filters::default(),
    };
    let mut tally = Tally::default();
    // One more, to see whether there are more. Days are read whole, so all of their alerts are counted.
    let mut alerts: VecDeque<Held> = newest_alerts(&query(None, None), MOST + 1, |alert| {
        if alert.time >= day_ago {
            tally.add(alert);
        }
        Held::of(alert.clone())
    })?;
    let is_cut = alerts.len() > MOST;
    if is_cut && let Some(oldest) = alerts.pop_front() {
        let unread = times::midnight(oldest.alert.time, zone).minus(Duration::from_secs(1));
        if unread >= day_ago {
            for alert in read_alerts(query(Some(day_ago), Some(unread))) {
                tally.add(&alert?);
            }
        }
    }
    let known = alerts.iter().filter_map(|held| held.alert.id).collect();
    Ok((Message::History { tally: Box::new(tally), alerts, is_cut }, known))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;

    const NOON: i64 = 1_795_608_000;

    fn record(seconds_ago: i64, number: i64) -> String {
        let time = NOON - seconds_ago;
        let alert = json!({
            "rule": { "level": 5, "comment": "c", "sidid": 1 }, "TimeStamp": time * 1000, "full_log": "x",
            "id": format!("{time}.{number}"),
        });
        format!("{alert}\n")
    }

    #[test]
    fn the_newest_are_held_and_the_whole_last_day_is_counted() {
        let root = tempfile::tempdir().expect("a directory");
        let alerts = root.path().join("alerts/2026/Nov");
        fs::create_dir_all(&alerts).expect("a directory");
        let day = |range: std::ops::Range<i64>, ago: i64| range.map(|number| record(ago, number)).collect::<String>();
        // Yesterday evening, and more than are held of today; then more than a day ago.
        fs::write(alerts.join("ossec-alerts-24.json"), day(0..5, 16 * 3600) + &day(5..8, 25 * 3600)).expect("written");
        fs::write(alerts.join("ossec-alerts-25.json"), day(8..8 + MOST as i64 + 100, 60)).expect("written");
        let now = Timestamp::from_unix_seconds(NOON);
        let (message, known) = history(root.path(), &TimeZone::UTC, now).expect("alerts");
        let Message::History { tally, alerts, is_cut } = message else { panic!("no history") };
        assert_eq!((alerts.len(), known.len(), is_cut), (MOST, MOST, true));
        let rules = tally.rules(now, super::super::tally::Span::Day);
        assert_eq!(rules.first().map(|rule| rule.day), Some(MOST as u64 + 105));
    }

    #[test]
    fn alerts_that_come_while_old_ones_are_read_are_shown_once() {
        let root = tempfile::tempdir().expect("a directory");
        let alerts = root.path().join("alerts");
        fs::create_dir_all(alerts.join("2026/Nov")).expect("a directory");
        let file = alerts.join("2026/Nov/ossec-alerts-25.json");
        fs::write(&file, record(0, 1)).expect("written");
        fs::hard_link(&file, alerts.join("alerts.json")).expect("a link");
        let mut seen = Vec::new();
        follow(root.path(), &TimeZone::UTC, |message| match message {
            Message::History { alerts, .. } => {
                seen.push(format!("history of {}", alerts.len()));
                let more = fs::read_to_string(&file).expect("read") + &record(0, 2);
                fs::write(&file, more).expect("written");
                true
            }
            Message::Alert(alert) => {
                seen.push(alert.id.map(|id| id.to_string()).unwrap_or_default());
                false
            }
            other => panic!("{other:?}"),
        });
        assert_eq!(seen, ["history of 1".to_owned(), format!("{NOON}.2")]);
    }
}
