//! Lines at which the daemon crashes: exactly those are set aside, and every other one alerts once.

use std::time::{Duration, Instant};

use hids_tests::daemon::{Daemon, append, wait_for};
use hids_tests::programs::hidsd_with_faults;
use serde_json::Value;

use crate::common::{WATCH_ONE_LOG, failed_login, recorded_numbers};

/// How long a daemon may take that is started again and again on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Starts the daemon whenever it has ended, as the service manager does, until `done`; how often it crashed.
fn supervise(daemon: &mut Daemon, mut done: impl FnMut(&Daemon) -> bool) -> usize {
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

fn quarantined(daemon: &Daemon) -> Vec<Value> {
    let text = std::fs::read_to_string(daemon.path("state/quarantine.json")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn told(daemon: &Daemon) -> usize {
    daemon.alerts().iter().filter(|alert| alert["rule"]["sidid"] == 99114).count()
}

/// Whether so many lines are alerted, and kept, which comes right after it.
fn is_told(daemon: &Daemon, lines: usize) -> bool {
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

#[test]
fn many_such_lines_among_others_are_all_found() {
    let mut daemon = with_faults();
    daemon.start();
    let faults = ["decoder-panic", "rules-overflow", "collector-panic", "analysis-segv", "decoder-panic"];
    let mut lines = String::new();
    for (number, fault) in faults.iter().enumerate() {
        lines.push_str(&format!("{}\n{}\n", failed_login(number as u32), killer(fault)));
    }
    lines.push_str(&format!("{}\n", failed_login(5)));
    append(&daemon.log(), lines.as_bytes());
    supervise(&mut daemon, |daemon| recorded_numbers(daemon).len() >= 6 && is_told(daemon, 5));
    assert_eq!(recorded_numbers(&daemon), [0, 1, 2, 3, 4, 5]);
    let mut lines: Vec<_> =
        quarantined(&daemon).iter().map(|entry| entry["line"].as_str().unwrap_or("").to_owned()).collect();
    let mut wanted = faults.map(killer).to_vec();
    lines.sort();
    wanted.sort();
    assert_eq!(lines, wanted);
    assert_eq!(told(&daemon), 5);
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
            daemon.signal(signal);
            assert_eq!(daemon.exit_code(), None, "the signal ends it");
            daemon.spawn();
        }
    }
    wait_for("all lines", || (recorded_numbers(&daemon).len() >= total as usize).then_some(()));
    assert_eq!(recorded_numbers(&daemon), (0..u64::from(total)).collect::<Vec<_>>());
    assert_eq!((quarantined(&daemon).len(), told(&daemon)), (0, 0));
}
