//! What the themes share.

use hids_tests::daemon::Daemon;

/// One log, the shipped rules.
pub const WATCH_ONE_LOG: &str = "<localfile><log_format>syslog</log_format><location>@LOG@</location></localfile>";

/// A line of sshd whose process id is `n`.
pub fn failed_login(n: u32) -> String {
    format!(
        "Nov 24 10:00:00 web1 sshd[{n}]: Failed password for root from 203.0.113.{} port {} ssh2",
        n % 250,
        1024 + n % 60000
    )
}

/// The port is the number of the line: each must be recorded once.
pub fn recorded_numbers(daemon: &Daemon) -> Vec<u64> {
    let number = |log: &str| log.split("sshd[").nth(1)?.split(']').next()?.parse().ok();
    daemon.alerts().iter().filter_map(|alert| number(alert["full_log"].as_str()?)).collect()
}
