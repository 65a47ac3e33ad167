//! Plans the next mail and its content. Pure: times are arguments.

use std::time::{Duration, Instant};

/// Quiet time after the last alert: OSSEC waits two steps of five seconds.
pub(super) const QUIET: Duration = Duration::from_secs(10);

/// Longest wait for quiet; with OSSEC a steady stream of alerts holds mail back for ever.
pub(super) const LONGEST: Duration = Duration::from_secs(60);

/// An alert that waits, as far as timing goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    pub at: Instant,
    pub at_once: bool,
    pub alone: bool,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// Nothing before this moment (or until something comes).
    Wait(Instant),
    /// Nothing waits.
    Idle,
    /// Send the first `count` alerts as one mail.
    Send(usize),
}

/// How mails are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grouping {
    /// `maild.groupping=1`.
    Together,
    /// `maild.groupping=0`: each alert its own mail, at once.
    Single,
    /// What waited for the hourly limit or for the end of the daemon: everything as one mail.
    Everything,
}

/// Decides about the alerts that wait, oldest first.
///
/// An alert that must be `alone` first flushes those before it; one that goes `at_once` takes those
/// before it along (`src/os_maild/maild.c`).
pub(super) fn plan(
    waiting: impl Iterator<Item = Arrival> + Clone,
    grouping: Grouping,
    quiet: Duration,
    longest: Duration,
) -> Plan {
    let Some(first) = waiting.clone().next() else { return Plan::Idle };
    match grouping {
        Grouping::Everything => return Plan::Send(waiting.count()),
        Grouping::Single => return Plan::Send(1),
        Grouping::Together if first.alone => return Plan::Send(1),
        Grouping::Together => {}
    }
    let group = waiting.clone().take_while(|arrival| !arrival.alone).count();
    let last_urgent = waiting.clone().take(group).any(|arrival| arrival.at_once);
    if last_urgent || group < waiting.clone().count() {
        return Plan::Send(group);
    }
    let last = waiting.last().map_or(first.at, |arrival| arrival.at);
    let due = (last + quiet).min(first.at + longest);
    if due <= Instant::now() { Plan::Send(group) } else { Plan::Wait(due) }
}

/// Wait before try number `tries` (from 1) of a mail that did not go out: doubling up to `most`.
pub(super) fn retry_after(tries: u32, first: Duration, most: Duration) -> Duration {
    first.saturating_mul(2u32.saturating_pow(tries.saturating_sub(1).min(16))).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrivals(text: &str, age: Duration) -> Vec<Arrival> {
        let at = Instant::now().checked_sub(age).expect("the machine runs that long");
        text.chars().map(|kind| Arrival { at, at_once: kind == 'u', alone: kind == 'a' }).collect()
    }

    fn planned(text: &str, age_seconds: u64, grouping: Grouping) -> Plan {
        plan(arrivals(text, Duration::from_secs(age_seconds)).into_iter(), grouping, QUIET, LONGEST)
    }

    #[test]
    fn alerts_wait_for_ten_quiet_seconds_and_go_together() {
        assert!(matches!(planned("...", 1, Grouping::Together), Plan::Wait(_)));
        assert_eq!(planned("...", 11, Grouping::Together), Plan::Send(3));
        assert_eq!(planned("", 0, Grouping::Together), Plan::Idle);
    }

    #[test]
    fn steady_stream_is_sent_after_a_minute() {
        let mut stream = arrivals(".", Duration::from_secs(61));
        stream.extend(arrivals("...", Duration::ZERO));
        assert_eq!(plan(stream.into_iter(), Grouping::Together, QUIET, LONGEST), Plan::Send(4));
    }

    #[test]
    fn urgent_alert_takes_the_waiting_ones_along() {
        assert_eq!(planned("..u", 0, Grouping::Together), Plan::Send(3));
    }

    #[test]
    fn alert_of_its_own_mail_flushes_those_before_it() {
        assert_eq!(planned("..a.", 0, Grouping::Together), Plan::Send(2));
        assert_eq!(planned("a.", 0, Grouping::Together), Plan::Send(1));
    }

    #[test]
    fn without_grouping_each_goes_alone_and_after_the_limit_all_together() {
        assert_eq!(planned("...", 0, Grouping::Single), Plan::Send(1));
        assert_eq!(planned(".a.u", 0, Grouping::Everything), Plan::Send(4));
    }

    #[test]
    fn tries_become_rarer() {
        let wait = |tries| retry_after(tries, Duration::from_secs(30), Duration::from_secs(900)).as_secs();
        assert_eq!([wait(1), wait(2), wait(3), wait(6), wait(60)], [30, 60, 120, 900, 900]);
    }
}
