//! The daemon while its alerts cannot be written.

use std::time::{Duration, Instant};

use hids_tests::daemon::{Daemon, append, wait_for};

const WATCH_ONE_LOG: &str = "<global><alert_fold_above>0</alert_fold_above></global>\
    <localfile><log_format>syslog</log_format><location>@LOG@</location></localfile>";

/// A daemon whose every stage waits because nothing can be recorded.
fn stuck_daemon() -> Daemon {
    let mut daemon = Daemon::new(WATCH_ONE_LOG);
    std::fs::create_dir_all(daemon.path("logs")).expect("a directory");
    std::fs::write(daemon.path("logs/alerts"), "in the way").expect("written");
    daemon.start();
    // One line at a time makes one batch each; more than all channels hold.
    let mut number = 0;
    wait_for("all channels to be full", || {
        for _ in 0..200 {
            number += 1;
            append(
                &daemon.log(),
                format!(
                    "Nov 24 10:00:00 web1 sshd[{number}]: Failed password for root from 203.0.113.7 port 1024 ssh2\n"
                )
                .as_bytes(),
            );
            std::thread::sleep(Duration::from_micros(300));
        }
        daemon.status().filter(|status| status["analysis"]["queued"].as_u64() > Some(2))
    });
    daemon
}

#[test]
fn a_stop_does_not_wait_for_the_disk_and_loses_nothing() {
    let mut daemon = stuck_daemon();
    let began = Instant::now();
    daemon.stop();
    assert!(began.elapsed() < Duration::from_secs(20), "it took {:?}", began.elapsed());
    std::fs::remove_file(daemon.path("logs/alerts")).expect("removed");
    let written = std::fs::read_to_string(daemon.log()).expect("readable").lines().count();
    daemon.start();
    wait_for("all lines to be recorded", || (daemon.alerts().len() >= written).then_some(()));
    daemon.stop();
    let pids: std::collections::HashSet<String> = daemon
        .alerts()
        .iter()
        .filter_map(|alert| Some(alert["full_log"].as_str()?.split("sshd[").nth(1)?.split(']').next()?.to_owned()))
        .collect();
    assert_eq!((pids.len(), daemon.alerts().len()), (written, written), "each line once");
}

#[test]
fn reloads_meanwhile_are_refused_and_hang_nothing() {
    let daemon = stuck_daemon();
    for _ in 0..3 {
        daemon.hangup();
    }
    let output = daemon.hidsctl(&["reload"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("alerts cannot be written"), "{output:?}");
    assert!(daemon.status().is_some_and(|status| status["problems"].to_string().contains("analysis paused")));
}
