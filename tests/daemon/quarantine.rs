//! Lines at which the daemon crashes: exactly those are set aside, and every other one alerts once.

use std::time::{Duration, Instant};

use hids_tests::daemon::{Daemon, append, wait_for};
use hids_tests::programs::hidsd_with_faults;
use serde_json::Value;

use crate::common::{WATCH_ONE_LOG, failed_login, recorded_numbers};

/// How long a daemon may take that is started again and again on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Starts the daemon whenever it has ended, as the service manager does, until `done`; how often it crashed.
pub(crate) fn supervise(daemon: &mut Daemon, mut done: impl FnMut(&Daemon) -> bool) -> usize {
    let until = Instant::now() + PATIENCE;
    let mut deaths = 0;
    while !done(daemon) {
        assert!(Instant::now() < until, "not done after {deaths} crashes");
        if !daemon.is_running() {
            assert_eq!(daemon.exit_code(), None, "it ended by itself");
            deaths += 1;
            assert!(deaths < 40, "it goes on crashing");
            daemon.spawn();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    deaths
}

fn with_faults() -> Daemon {
    Daemon::new(WATCH_ONE_LOG).running(hidsd_with_faults())
}

fn killer(fault: &str) -> String {
    format!("Nov 24 10:00:00 web1 app[1]: a line with @fault-{fault}@ in it")
}

pub(crate) fn quarantined(daemon: &Daemon) -> Vec<Value> {
    let text = std::fs::read_to_string(daemon.path("state/quarantine.json")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

pub(crate) fn told(daemon: &Daemon) -> usize {
    daemon.alerts().iter().filter(|alert| alert["rule"]["sidid"] == 99114).count()
}

/// Whether so many lines are alerted, and kept, which comes right after it.
pub(crate) fn is_told(daemon: &Daemon, lines: usize) -> bool {
    told(daemon) >= lines && quarantined(daemon).len() >= lines
}

/// `fault` in the middle of other lines, before the first start and again while it runs.
fn only_the_line_is_set_aside(fault: &str, part: &str) {
    let mut daemon = with_faults();
    daemon.start();
    let mut lines = String::new();
    for number in 0..300 {
        lines.push_str(&failed_login(number));
        lines.push('\n');
        if number == 150 {
            lines.push_str(&killer(fault));
            lines.push('\n');
        }
    }
    append(&daemon.log(), lines.as_bytes());
    let deaths = supervise(&mut daemon, |daemon| recorded_numbers(daemon).len() >= 300 && is_told(daemon, 1));
    assert_eq!(deaths, 2, "one to suspect the line, one to know");
    assert_eq!(recorded_numbers(&daemon), (0..300).collect::<Vec<u64>>(), "each of the others once");
    let entries = quarantined(&daemon);
    assert_eq!(entries.len(), 1, "{entries:?}");
    assert_eq!(entries[0]["line"], killer(fault));
    assert_eq!(entries[0]["part"], part);
    assert_eq!(entries[0]["source"], daemon.log().to_string_lossy().into_owned());
    let status = wait_for("an answer", || daemon.status());
    assert!(status["problems"].to_string().contains("quarantine.json"), "{}", status["problems"]);

    daemon.log_line(&killer(fault));
    daemon.log_line(&failed_login(300));
    supervise(&mut daemon, |daemon| recorded_numbers(daemon).contains(&300) && is_told(daemon, 2));
    assert_eq!(recorded_numbers(&daemon), (0..301).collect::<Vec<u64>>());
    assert_eq!(quarantined(&daemon).len(), 2, "the same text at another place is another line");
}

// Item 10: whatever ends the daemon at a line.
#[test]
fn a_panic_in_a_decoder_costs_only_its_line() {
    only_the_line_is_set_aside("decoder-panic", "analysis");
}

#[test]
fn a_stack_overflow_in_rules_costs_only_its_line() {
    only_the_line_is_set_aside("rules-overflow", "analysis");
}

#[test]
fn a_segmentation_fault_in_the_analysis_costs_only_its_line() {
    only_the_line_is_set_aside("analysis-segv", "analysis");
}

#[test]
fn a_panic_in_the_collector_costs_only_its_line() {
    only_the_line_is_set_aside("collector-panic", "collector");
}

/// A failed login that is alerted, in whose user name a fault is planted.
fn killer_of_alerts(fault: &str) -> String {
    format!("Nov 24 10:00:00 web1 sshd[9999]: Failed password for @fault-{fault}@ from 203.0.113.251 port 22 ssh2")
}

/// Line numbers of the alerts, in their order.
fn sorted(daemon: &Daemon) -> Vec<u64> {
    let mut numbers = recorded_numbers(daemon);
    numbers.sort_unstable();
    numbers
}

/// `fault` behind the analysis, in the middle of other lines, twice. With `recorded` the line's own alert is written.
fn only_that_is_left_out(configuration: &str, fault: &str, part: &str, recorded: bool) {
    let mut daemon = Daemon::new(&format!("{WATCH_ONE_LOG}{configuration}")).running(hidsd_with_faults());
    daemon.start();
    for round in 0..2 {
        let mut lines = String::new();
        for number in round * 200..(round + 1) * 200 {
            lines.push_str(&format!("{}\n", failed_login(number)));
            if number % 200 == 100 {
                lines.push_str(&format!("{}\n", killer_of_alerts(fault)));
            }
        }
        append(&daemon.log(), lines.as_bytes());
        let (all, entries) = ((round as usize + 1) * 200, round as usize + 1);
        let own = if recorded { entries } else { 0 };
        let deaths =
            supervise(&mut daemon, |daemon| recorded_numbers(daemon).len() >= all + own && is_told(daemon, entries));
        assert!((1..=2).contains(&deaths), "{deaths}");
        let mut wanted: Vec<u64> = (0..all as u64).collect();
        wanted.extend(std::iter::repeat_n(9999, own));
        assert_eq!(sorted(&daemon), wanted, "each of the others once");
        let kept = quarantined(&daemon);
        assert_eq!(kept.len(), entries, "{kept:?}");
        assert!(kept.iter().all(|entry| entry["part"] == part), "{kept:?}");
        assert!(kept.iter().all(|entry| entry["line"] == killer_of_alerts(fault)), "{kept:?}");
        assert_eq!(told(&daemon), entries);
    }
}

const BLOCKS: &str =
    "<command><name>firewall-drop</name><executable>firewall-drop.sh</executable><expect>srcip</expect>
    <timeout_allowed>yes</timeout_allowed></command>
    <active-response><command>firewall-drop</command><location>local</location><level>5</level><timeout>600</timeout>
    </active-response>";

#[test]
fn a_crash_while_an_alert_is_written_costs_only_its_record() {
    only_that_is_left_out("", "record-panic", "recorder", false);
}

#[test]
fn a_crash_while_a_response_is_planned_costs_only_the_response() {
    only_that_is_left_out(BLOCKS, "plan-panic", "responder", true);
}

#[test]
fn a_crash_while_a_response_is_carried_out_costs_only_the_response() {
    only_that_is_left_out(BLOCKS, "carry-out-panic", "responder", true);
}

#[test]
fn a_crash_at_the_text_of_joined_alerts_costs_only_the_text() {
    let mut daemon = with_faults();
    daemon.start();
    let lines = format!("{}\n{}\n{}\n", failed_login(0), killer_of_alerts("text-panic"), failed_login(1));
    append(&daemon.log(), lines.as_bytes());
    supervise(&mut daemon, |daemon| is_told(daemon, 1) && recorded_numbers(daemon).len() >= 3);
    assert_eq!(sorted(&daemon), [0, 1, 9999], "the records are there");
    assert_eq!(quarantined(&daemon)[0]["part"], "recorder");
    // The texts of the others come when they are complete, whatever is restarted meanwhile.
    let text = || std::fs::read_to_string(daemon.path("logs/alerts/alerts.log")).unwrap_or_default();
    let is_complete = || text().contains("sshd[0]") && text().contains("sshd[1]") && text().contains("Rule: 99114");
    wait_for("the other texts", || is_complete().then_some(()));
    assert!(!text().contains("sshd[9999]"), "{}", text());
}

#[test]
fn many_such_lines_among_others_are_all_found() {
    let mut daemon = with_faults();
    daemon.start();
    let mut killers =
        ["decoder-panic", "rules-overflow", "collector-panic", "analysis-segv", "decoder-panic"].map(killer).to_vec();
    killers.insert(2, killer_of_alerts("record-panic"));
    killers.insert(4, killer_of_alerts("plan-panic"));
    let mut lines = String::new();
    for (number, killer) in killers.iter().enumerate() {
        lines.push_str(&format!("{}\n{killer}\n", failed_login(number as u32)));
    }
    lines.push_str(&format!("{}\n", failed_login(7)));
    append(&daemon.log(), lines.as_bytes());
    supervise(&mut daemon, |daemon| recorded_numbers(daemon).len() >= 9 && is_told(daemon, 7));
    assert_eq!(sorted(&daemon), [0, 1, 2, 3, 4, 5, 6, 7, 9999], "the responder's line is recorded");
    let mut kept: Vec<_> =
        quarantined(&daemon).iter().map(|entry| entry["line"].as_str().unwrap_or("").to_owned()).collect();
    kept.sort();
    killers.sort();
    assert_eq!(kept, killers);
    assert_eq!(told(&daemon), 7);
}

#[test]
fn neither_sigkill_nor_a_signal_from_outside_sets_a_line_aside() {
    let mut daemon = Daemon::new(WATCH_ONE_LOG);
    daemon.start();
    let total = 600;
    for number in 0..total {
        daemon.log_line(&failed_login(number));
        if number % 60 == 59 {
            let signal = match number % 180 {
                59 => rustix::process::Signal::KILL,
                119 => rustix::process::Signal::SEGV,
                _ => rustix::process::Signal::ABORT,
            };
            if signal != rustix::process::Signal::KILL {
                // One that comes while the program is being started is not what the handler gets.
                wait_for("hidsd to answer", || daemon.status());
            }
            daemon.signal(signal);
            assert_eq!(daemon.exit_code(), None, "the signal ends it");
            daemon.spawn();
        }
    }
    wait_for("all lines", || (recorded_numbers(&daemon).len() >= total as usize).then_some(()));
    assert_eq!(recorded_numbers(&daemon), (0..u64::from(total)).collect::<Vec<_>>());
    assert_eq!((quarantined(&daemon).len(), told(&daemon)), (0, 0));
}
