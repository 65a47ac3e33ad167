//! Which files the daemon takes for a log, and what it says about the others.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

use hids_tests::daemon::{Daemon, append, wait_for};
use hids_tests::require;
use serde_json::Value;

/// A user of the machine.
const USER: u32 = 31_007;

const SECRET: &str = "Nov 24 10:00:00 web1 sshd[5]: Failed password for root from 203.0.113.66 port 22 ssh2\n";

fn source(status: &Value, end: &str) -> Option<Value> {
    let sources = status["collect"]["sources"].as_array()?;
    sources.iter().find(|source| source["path"].as_str().is_some_and(|path| path.ends_with(end))).cloned()
}

fn unreadable(host: &Daemon, end: &str) -> String {
    wait_for(&format!("{end} to be refused"), || {
        let source = source(&host.status()?, end).filter(|source| source["state"] == "unreadable")?;
        source["reason"].as_str().map(str::to_owned)
    })
}

// M4: the owner of a log's directory gets no file of root into the alerts.
#[test]
fn links_of_a_user_bring_no_file_of_root_into_the_alerts() {
    if !require::root() {
        return;
    }
    let mut host = Daemon::new("<localfile><log_format>syslog</log_format><location>@LOG@</location></localfile>");
    let logs = host.path("app");
    fs::create_dir(&logs).expect("directory");
    fs::set_permissions(host.path(""), fs::Permissions::from_mode(0o755)).expect("mode");
    fs::set_permissions(&logs, fs::Permissions::from_mode(0o755)).expect("mode");
    chown(&logs, Some(USER), Some(USER)).expect("owner");
    host.configure(&format!(
        "<localfile><log_format>syslog</log_format><location>{}/*.log</location></localfile>",
        logs.display()
    ));
    host.start();
    let secret = host.path("secret");
    fs::write(&secret, SECRET).expect("written");
    symlink(&secret, host.path("link")).expect("link");
    let flags = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
    let owner = Some(rustix::fs::Uid::from_raw(USER));
    rustix::fs::chownat(rustix::fs::CWD, host.path("link"), owner, None, flags).expect("owner");
    fs::rename(host.path("link"), logs.join("x.log")).expect("rename");
    let why = unreadable(&host, "app/x.log");
    assert!(why.contains(&format!("belongs to uid {USER}")) && why.contains("chown -h"), "{why}");
    fs::hard_link(&secret, logs.join("y.log")).expect("link");
    let why = unreadable(&host, "app/y.log");
    assert!(why.contains("hard links"), "{why}");
    assert!(host.messages().contains("cannot read log file"), "{}", host.messages());
    // What the user's own server writes is read.
    let own = host.path("own");
    fs::write(&own, SECRET.replace("203.0.113.66", "203.0.113.77")).expect("written");
    chown(&own, Some(USER), Some(USER)).expect("owner");
    fs::rename(&own, logs.join("z.log")).expect("rename");
    let alert = host.wait_for_alert(5716).to_string();
    assert!(alert.contains("203.0.113.77"), "{alert}");
    host.stop();
    assert!(!host.alerts().iter().any(|alert| alert.to_string().contains("203.0.113.66")));
}

// C50: the tail of a log that was rotated and compressed meanwhile is called lost; a file beside it is no log.
#[test]
fn a_log_compressed_while_the_daemon_is_stopped_is_a_problem_in_status() {
    let mut host = Daemon::new("<localfile><log_format>syslog</log_format><location>@LOG@</location></localfile>");
    fs::write(host.log(), "").expect("written");
    host.start();
    host.log_line("Nov 24 10:00:00 web1 sshd[5]: Failed password for root from 203.0.113.5 port 22 ssh2");
    host.wait_for_alert(5716);
    host.stop();
    fs::remove_file(host.log()).expect("remove");
    fs::write(host.log().with_file_name("notes.txt"), SECRET).expect("written");
    append(&host.log(), SECRET.replace("203.0.113.66", "203.0.113.77").as_bytes());
    host.start();
    let status = wait_for("the new log's line", || {
        let status = host.status()?;
        host.alerts().iter().any(|alert| alert.to_string().contains("203.0.113.77")).then_some(status)
    });
    let problems = status["problems"].to_string();
    assert!(problems.contains("1 logs rotated or truncated"), "{problems}");
    assert!(host.messages().contains("delaycompress"), "{}", host.messages());
    host.stop();
    assert!(!host.alerts().iter().any(|alert| alert.to_string().contains("203.0.113.66")));
}

// O-B10: one rotation is one alert, however often the daemon is started while the old file is followed.
#[test]
fn a_rotation_is_alerted_once_over_restarts() {
    let mut host = Daemon::new("<localfile><log_format>syslog</log_format><location>@LOG@</location></localfile>");
    fs::write(host.log(), "").expect("written");
    host.start();
    fs::rename(host.log(), host.log().with_extension("1")).expect("rename");
    host.log_line("Nov 24 10:00:00 web1 sshd[5]: Failed password for root from 203.0.113.5 port 22 ssh2");
    host.wait_for_alert(591);
    host.wait_for_alert(5716);
    for round in 0..3 {
        host.stop();
        host.start();
        let address = format!("203.0.113.1{round}");
        host.log_line(&format!("Nov 24 10:00:00 web1 sshd[5]: Failed password for root from {address} port 22 ssh2"));
        wait_for("the line after a restart", || {
            host.alerts().iter().any(|alert| alert.to_string().contains(&address)).then_some(())
        });
    }
    host.stop();
    assert_eq!(host.alerts().iter().filter(|alert| alert["rule"]["sidid"] == 591).count(), 1);
}

// O-B14: how far a log was read is known before its next line.
#[test]
fn status_shows_the_place_in_a_log_at_once_after_a_restart() {
    let mut host = Daemon::new("<localfile><log_format>syslog</log_format><location>@LOG@</location></localfile>");
    host.start();
    append(&host.log(), SECRET.as_bytes());
    let offset = |host: &Daemon| source(&host.status()?, "auth.log")?["offset"].as_u64();
    let length = SECRET.len() as u64;
    wait_for("the line to be read", || (offset(&host) == Some(length)).then_some(()));
    host.stop();
    host.start();
    wait_for("the log to be followed", || {
        source(&host.status()?, "auth.log").filter(|source| source["state"] == "reading")
    });
    assert_eq!(offset(&host), Some(length));
}
