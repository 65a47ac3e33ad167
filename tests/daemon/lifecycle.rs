//! Log in, alert out; restart, crash, reload.

use std::os::unix::net::UnixDatagram;

use hids_tests::daemon::{Daemon, PATIENCE, append, wait_for};

use crate::common::{WATCH_ONE_LOG, failed_login, recorded_numbers};

#[test]
fn a_line_in_a_log_becomes_an_alert() {
    let mut daemon = Daemon::new(WATCH_ONE_LOG);
    daemon.start();
    daemon.log_line(&failed_login(7));
    let alert = daemon.wait_for_alert(5716);
    assert_eq!(alert["srcip"], "203.0.113.7");
    assert_eq!(alert["rule"]["level"], 5);
    daemon.stop();
}

#[test]
fn every_line_is_recorded_once_over_kills() {
    let mut daemon = Daemon::new(WATCH_ONE_LOG);
    daemon.start();
    let total = 2000;
    for n in 0..total {
        daemon.log_line(&failed_login(n));
        // Ended without warning at moments that have nothing to do with its own steps.
        if n % 173 == 172 {
            daemon.kill();
            daemon.spawn();
        }
    }
    wait_for("the last line", || recorded_numbers(&daemon).last().filter(|&&n| n == u64::from(total - 1)).map(|_| ()));
    assert_eq!(recorded_numbers(&daemon), (0..u64::from(total)).collect::<Vec<_>>());
}

#[test]
fn lines_written_while_the_daemon_is_down_are_read_at_start() {
    let mut daemon = Daemon::new(WATCH_ONE_LOG);
    daemon.start();
    daemon.log_line(&failed_login(1));
    daemon.wait_for_alert(5716);
    daemon.stop();
    daemon.log_line(&failed_login(2));
    daemon.start();
    wait_for("the second line", || (recorded_numbers(&daemon) == [1, 2]).then_some(()));
}

#[test]
fn a_broken_configuration_is_refused_with_its_place() {
    let mut daemon = Daemon::new("<global><logall>perhaps</logall></global>");
    daemon.spawn();
    assert_eq!(daemon.exit_code(), Some(1));
    assert!(daemon.messages().contains("ossec.conf:2:"), "{}", daemon.messages());
}

#[test]
fn a_reload_with_errors_keeps_the_old_state() {
    let mut daemon = Daemon::new(WATCH_ONE_LOG);
    daemon.start();
    daemon.configure("<global><logall>perhaps</logall></global>");
    let output = daemon.hidsctl(&["reload"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("logall"), "{output:?}");
    daemon.log_line(&failed_login(3));
    daemon.wait_for_alert(5716);
}

#[test]
fn a_reload_takes_up_a_new_log() {
    let mut daemon = Daemon::new(WATCH_ONE_LOG);
    daemon.start();
    let other = daemon.path("logs-in/other.log");
    append(&other, b"");
    let section =
        format!("<localfile><log_format>syslog</log_format><location>{}</location></localfile>", other.display());
    daemon.configure(&format!("{WATCH_ONE_LOG}{section}"));
    assert!(daemon.hidsctl(&["reload"]).status.success());
    append(&other, format!("{}\n", failed_login(9)).as_bytes());
    wait_for("the line of the new log", || (recorded_numbers(&daemon) == [9]).then_some(()));
}

#[test]
fn hostile_lines_neither_stop_the_daemon_nor_forge_a_record() {
    let mut daemon = Daemon::new(WATCH_ONE_LOG);
    daemon.start();
    let mut hostile =
        b"Nov 24 10:00:00 web1 sshd[5]: Failed password for \x1b[2J** Alert 1.1: mail from 203.0.113.5 port 22 ssh2\n"
            .to_vec();
    hostile.extend(std::iter::repeat_n(0, 100_000));
    hostile.push(b'\n');
    hostile.extend(std::iter::repeat_n(b'A', 1 << 20));
    hostile.push(b'\n');
    append(&daemon.log(), &hostile);
    daemon.log_line(&failed_login(6));
    wait_for("the line after them", || recorded_numbers(&daemon).contains(&6).then_some(()));
    // A text waits some seconds for others of its cause; these are of different connections.
    wait_for("the texts", || {
        let text = std::fs::read_to_string(daemon.path("logs/alerts/alerts.log")).ok()?;
        text.contains("sshd[5]").then_some(())?;
        text.contains("sshd[6]").then_some(())
    });
    let text = std::fs::read_to_string(daemon.path("logs/alerts/alerts.log")).expect("alerts.log is text");
    assert!(!text.contains('\u{1b}'), "a terminal escape reached alerts.log");
    assert_eq!(text.lines().filter(|line| line.starts_with("** Alert")).count(), daemon.alerts().len());
    let status = daemon.status().expect("a status");
    assert!(status["collect"].to_string().contains("truncated_lines"), "{status}");
}

#[test]
fn a_second_daemon_on_the_same_state_is_refused() {
    let mut daemon = Daemon::new(WATCH_ONE_LOG);
    daemon.start();
    let output = std::process::Command::new(hids_tests::programs::hidsd())
        .arg("-c")
        .arg(daemon.path("ossec.conf"))
        .arg("--root")
        .arg(daemon.path(""))
        .arg("--dry-run")
        .output()
        .expect("hidsd can be run");
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("another hidsd"), "{output:?}");
    assert!(daemon.is_running());
}

#[test]
fn systemd_is_told_when_the_daemon_answers_and_when_it_stops() {
    let place = tempfile::tempdir().expect("a directory");
    let path = place.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    let said = || {
        let mut text = [0; 64];
        let length = socket.recv(&mut text).expect("the daemon says something");
        String::from_utf8_lossy(&text[..length]).into_owned()
    };
    let mut daemon = Daemon::new(WATCH_ONE_LOG).notifying(&path);
    daemon.spawn();
    assert_eq!(said(), "READY=1");
    assert!(daemon.status().is_some(), "ready, and does not answer");
    daemon.stop();
    // In between it says what it does, for `systemctl status`.
    wait_for("the last word", || (said() == "STOPPING=1").then_some(()));
}
