//! One text for one cause, whatever happens meanwhile; files that a restored state does not know.

use std::fs;

use hids_tests::daemon::{Daemon, append, wait_for};

use crate::common::failed_login;

const LOG: &str = "<localfile><log_format>syslog</log_format><location>@LOG@</location></localfile>";

/// What PAM and sshd log of one wrong password.
fn wrong_password(pid: u32) -> String {
    format!(
        "Nov 24 10:00:00 web1 sshd[{pid}]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 \
         tty=ssh ruser= rhost=203.0.113.7  user=root\n\
         Nov 24 10:00:02 web1 sshd[{pid}]: Failed password for root from 203.0.113.7 port 4711 ssh2\n"
    )
}

fn text(daemon: &Daemon) -> String {
    fs::read_to_string(daemon.path("logs/alerts/alerts.log")).unwrap_or_default()
}

// Item 18: alerts of PAM and sshd about one password.
#[test]
fn one_wrong_password_is_one_text_and_the_records_name_it() {
    let mut daemon = Daemon::new(LOG);
    daemon.start();
    append(&daemon.log(), wrong_password(44).as_bytes());
    append(&daemon.log(), wrong_password(45).as_bytes());
    wait_for("the records", || (daemon.alerts().len() == 4).then_some(()));
    wait_for("the texts", || (text(&daemon).matches("** Alert").count() == 2).then_some(()));
    let text = text(&daemon);
    assert_eq!(text.matches("(2 alerts with the same cause)'").count(), 2, "{text}");
    assert!(text.contains("sshd[44]: pam_unix") && text.contains("sshd[44]: Failed password"), "{text}");
    for alert in daemon.alerts() {
        let group = alert["group_id"].as_str().expect("a group");
        assert!(text.contains(&format!("** Alert {group}:")), "{group}: {text}");
    }
}

// Item 18
#[test]
fn a_text_held_back_at_a_kill_is_written_once() {
    let mut daemon = Daemon::new(LOG);
    daemon.start();
    append(&daemon.log(), wrong_password(44).as_bytes());
    wait_for("the records", || (daemon.alerts().len() == 2).then_some(()));
    assert_eq!(text(&daemon), "", "it is held back");
    daemon.kill();
    daemon.start();
    wait_for("the text", || (!text(&daemon).is_empty()).then_some(()));
    daemon.stop();
    assert_eq!((text(&daemon).matches("** Alert").count(), daemon.alerts().len()), (1, 2));
    daemon.start();
    daemon.log_line(&failed_login(9));
    daemon.wait_for_alert(5716);
    daemon.stop();
    assert_eq!(text(&daemon).matches("(2 alerts with the same cause)").count(), 1);
}

// M9, item 18: the strict mode writes as OSSEC does.
#[test]
fn strict_mode_joins_and_folds_nothing() {
    let mut daemon = Daemon::new(LOG).answering_strictly();
    daemon.start();
    let mut lines = wrong_password(44);
    for number in 100..200 {
        lines.push_str(&format!(
            "Nov 24 10:00:00 web1 sshd[{number}]: Failed password for root from 203.0.113.7 port {number} ssh2\n"
        ));
    }
    append(&daemon.log(), lines.as_bytes());
    wait_for("all records", || (daemon.alerts().len() == 102).then_some(()));
    wait_for("all texts", || (text(&daemon).matches("** Alert").count() == 102).then_some(()));
    assert!(daemon.alerts().iter().all(|alert| alert["group_id"].is_null() && alert["count"].is_null()));
}

// M9
#[test]
fn a_flood_of_one_source_is_counted_and_the_responses_see_all_of_it() {
    let mut daemon = Daemon::new(LOG);
    daemon.start();
    let lines: String = (1..=20_000).map(|number| format!("{}\n", login_of_one_source(number))).collect();
    append(&daemon.log(), lines.as_bytes());
    wait_for("all events", || {
        let status = daemon.status()?;
        (status["record"]["alerts"].as_u64() >= Some(20_000) && status["record"]["aggregated"].as_u64() > Some(19_000))
            .then_some(())
    });
    daemon.stop();
    let count: u64 = daemon.alerts().iter().map(|alert| alert["count"].as_u64().unwrap_or(1)).sum();
    assert_eq!(count, 20_000);
    assert!(daemon.alerts().len() < 400, "{}", daemon.alerts().len());
    assert!(text(&daemon).contains(" equal alerts within "));
}

fn login_of_one_source(number: u32) -> String {
    format!(
        "Nov 24 10:00:00 web1 sshd[{number}]: Failed password for root from 203.0.113.7 port {} ssh2",
        1024 + number % 60_000
    )
}

/// Copies the plain files of a directory.
fn copy(from: &std::path::Path, to: &std::path::Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("readable") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            fs::copy(&path, to.join(path.file_name().expect("a name"))).expect("copied");
        }
    }
}

// M7: the state of an hour ago is put back, the log was rotated away meanwhile.
#[test]
fn a_restored_state_directory_cuts_no_alerts_and_is_reported() {
    let mut daemon = Daemon::new(&format!("<global><alert_grouping>no</alert_grouping></global>{LOG}"));
    daemon.start();
    for number in 1..=5 {
        daemon.log_line(&failed_login(number));
    }
    wait_for("five records", || (daemon.alerts().len() == 5).then_some(()));
    daemon.stop();
    copy(&daemon.path("state"), &daemon.path("backup"));
    daemon.start();
    let more: String = (6..=55).map(|number| format!("{}\n", failed_login(number))).collect();
    append(&daemon.log(), more.as_bytes());
    wait_for("all records", || (daemon.alerts().len() == 55).then_some(()));
    daemon.stop();
    fs::remove_file(daemon.log()).expect("rotated away");
    append(&daemon.log(), b"");
    copy(&daemon.path("backup"), &daemon.path("state"));
    daemon.start();
    daemon.wait_for_alert(99111);
    assert!(daemon.alerts().len() >= 56, "{}", daemon.alerts().len());
    assert!(text(&daemon).matches("** Alert").count() >= 55);
    let problems = daemon.status().expect("an answer")["problems"].to_string();
    assert!(problems.contains("older state directory"), "{problems}");
    assert!(daemon.messages().contains("alert file longer than recorded in the state directory"));
}

// M9: a reserve of the disk is kept; nothing is lost meanwhile.
#[test]
fn recording_waits_where_only_the_reserve_is_free() {
    // 1 PiB: no disk here has that much.
    let mut daemon = Daemon::new(&format!("<global><disk_reserve_mb>1073741824</disk_reserve_mb></global>{LOG}"));
    daemon.start();
    daemon.log_line(&failed_login(1));
    let problems = wait_for("the problem", || {
        let problems = daemon.status()?["problems"].to_string();
        problems.contains("disk_reserve_mb").then_some(problems)
    });
    assert!(problems.contains("(<disk_reserve_mb>) free"), "{problems}");
    assert!(daemon.alerts().is_empty());
    daemon.stop();
    daemon.configure(&format!("<global><disk_reserve_mb>0</disk_reserve_mb></global>{LOG}"));
    daemon.start();
    daemon.wait_for_alert(5716);
}

// O-B12: rule 2902 again for each trigger, and before each removal.
#[test]
fn a_package_is_installed_once_and_the_transaction_is_one_text() {
    let mut daemon = Daemon::new(LOG);
    daemon.start();
    let lines = [
        "2026-11-29 16:00:00 install big:all <none> 2",
        "2026-11-29 16:00:01 status installed big:all 2",
        "2026-11-29 16:00:02 status installed man-db:amd64 2.11.2-2",
        "2026-11-29 16:00:03 status installed man-db:amd64 2.11.2-2",
        "2026-11-29 16:00:03 status installed big:all 2",
        "2026-11-29 16:00:03 remove big:all 2 <none>",
    ];
    append(&daemon.log(), (lines.join("\n") + "\n").as_bytes());
    wait_for("the records", || (daemon.alerts().len() == 6).then_some(()));
    let rules: Vec<u64> = daemon.alerts().iter().filter_map(|alert| alert["rule"]["sidid"].as_u64()).collect();
    assert_eq!(rules, [2901, 2902, 2902, 99112, 99112, 2903]);
    wait_for("the text", || text(&daemon).contains("** Alert").then_some(()));
    let text = text(&daemon);
    assert_eq!(text.matches("** Alert").count(), 1, "{text}");
    assert!(text.contains("Rule: 2902 (level 7)") && text.contains("(6 alerts with the same cause)"), "{text}");
}
