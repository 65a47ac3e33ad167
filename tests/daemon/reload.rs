//! A reload applies changes or reports that they require a restart.

use std::net::UdpSocket;
use std::time::Duration;

use hids_tests::daemon::{Daemon, wait_for};
use hids_tests::network::alone;
use hids_tests::require;
use hids_tests::servers::{Manners, SmtpServer};

use crate::common::{WATCH_ONE_LOG, failed_login, recorded_numbers};

fn watching(daemon: &Daemon, attributes: &str) -> String {
    let tree = daemon.path("tree");
    std::fs::create_dir_all(&tree).expect("a directory");
    format!("<syscheck><directories check_all=\"yes\" {attributes}>{}</directories></syscheck>", tree.display())
}

/// Reloads; what waits for a restart.
fn reload(daemon: &Daemon) -> Vec<String> {
    let output = daemon.hidsctl(&["reload", "--json"]);
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    let waiting: Vec<String> = serde_json::from_value(answer["restart_required"].clone()).expect("a list");
    let code = if waiting.is_empty() { 0 } else { 5 };
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    waiting
}

// O-B4: alert files are taken up while it runs.
#[test]
fn archives_and_alerts_json_are_switched_by_a_reload() {
    let mut daemon = Daemon::new(WATCH_ONE_LOG);
    daemon.start();
    daemon.log_line(&failed_login(1));
    wait_for("the first alert", || (recorded_numbers(&daemon) == [1]).then_some(()));
    daemon.configure(&format!("<global><logall>yes</logall><logall_json>yes</logall_json></global>{WATCH_ONE_LOG}"));
    assert!(reload(&daemon).is_empty());
    daemon.log_line(&failed_login(2));
    for file in ["logs/archives/archives.log", "logs/archives/archives.json"] {
        wait_for("the archive", || {
            std::fs::read_to_string(daemon.path(file)).ok().filter(|text| text.contains("sshd[2]"))
        });
        assert!(!std::fs::read_to_string(daemon.path(file)).unwrap_or_default().contains("sshd[1]"));
    }
    wait_for("the second alert", || (recorded_numbers(&daemon) == [1, 2]).then_some(()));
    daemon.configure(&format!("<global><jsonout_output>no</jsonout_output></global>{WATCH_ONE_LOG}"));
    assert!(reload(&daemon).is_empty());
    daemon.log_line(&failed_login(3));
    let log = || std::fs::read_to_string(daemon.path("logs/alerts/alerts.log")).unwrap_or_default();
    wait_for("the third alert", || log().contains("sshd[3]").then_some(()));
    assert_eq!(recorded_numbers(&daemon), [1, 2], "alerts.json is off");
    daemon.stop();
}

// O-B4: file integrity is switched on, to realtime and off by reloads.
#[test]
fn file_integrity_is_switched_on_and_off_by_a_reload() {
    if !require::root() {
        return;
    }
    let mut daemon = Daemon::new(WATCH_ONE_LOG);
    daemon.start();
    let file = daemon.path("tree/file");
    let section = watching(&daemon, "");
    std::fs::write(&file, "one").expect("a file");
    daemon.configure(&format!("{WATCH_ONE_LOG}{section}"));
    assert!(reload(&daemon).is_empty());
    let entries = || daemon.hidsctl_json(&["fim", "status"]).and_then(|status| status["entries"].as_u64());
    wait_for("a baseline", || entries().filter(|&count| count >= 2));
    let calm = || {
        wait_for("rest", || {
            let status = daemon.hidsctl_json(&["fim", "status"])?;
            let none = |key: &str| status[key].as_array().is_none_or(Vec::is_empty);
            (none("scans") && none("gaps") && status["unreported"] == 0).then_some(())
        });
    };
    calm();
    daemon.configure(&format!("{WATCH_ONE_LOG}{}", watching(&daemon, "realtime=\"yes\"")));
    assert!(reload(&daemon).is_empty());
    calm();
    std::fs::write(&file, "two, and longer").expect("written");
    let of_file = |alert: &serde_json::Value| alert["SyscheckFile"]["path"] == file.to_string_lossy().into_owned();
    let alerts = || daemon.alerts().iter().filter(|alert| of_file(alert)).count();
    wait_for("the change", || (alerts() == 1).then_some(()));
    daemon.configure(WATCH_ONE_LOG);
    assert!(reload(&daemon).is_empty());
    assert!(daemon.status().expect("it answers")["fim"].is_null());
    // What happened while it was off is found when it is on again, once.
    std::fs::write(&file, "three").expect("written");
    daemon.configure(&format!("{WATCH_ONE_LOG}{}", watching(&daemon, "realtime=\"yes\"")));
    assert!(reload(&daemon).is_empty());
    wait_for("the change in between", || (alerts() == 2).then_some(()));
    calm();
    assert_eq!(alerts(), 2);
    daemon.stop();
}

// O-B4: what waits for a restart is named until it is done, by a second reload as well.
#[test]
fn what_waits_for_a_restart_is_named_until_it_is_done() {
    let mut daemon = Daemon::new(WATCH_ONE_LOG);
    std::fs::create_dir(daemon.path("etc")).expect("a directory");
    std::os::unix::fs::symlink(daemon.path("ruleset"), daemon.path("etc/ruleset")).expect("a link");
    daemon.configured_at("etc/ossec.conf");
    daemon.configure(WATCH_ONE_LOG);
    daemon.start();
    assert!(reload(&daemon).is_empty());
    // With such a directory beside `etc`, the configuration is that of an OSSEC installation: other paths.
    std::fs::create_dir(daemon.path("queue")).expect("a directory");
    for _ in 0..2 {
        assert_eq!(reload(&daemon), ["paths"]);
        let problems = daemon.status().expect("it answers")["problems"].to_string();
        assert!(problems.contains("restart required for changes to: paths"), "{problems}");
    }
    let text = daemon.hidsctl(&["reload"]);
    assert!(String::from_utf8_lossy(&text.stderr).contains("restart required for changes to: paths"), "{text:?}");
    std::fs::remove_dir(daemon.path("queue")).expect("removed");
    assert!(reload(&daemon).is_empty(), "taken back");
    daemon.stop();
}

fn attack(daemon: &Daemon, host: u8) {
    for _ in 0..8 {
        daemon.log_line(&format!(
            "Nov 24 10:00:00 web1 sshd[5]: Failed password for root from 203.0.113.{host} port 22 ssh2"
        ));
    }
    wait_for("the alert", || {
        let source = format!("203.0.113.{host}");
        daemon.alerts().iter().any(|alert| alert["rule"]["sidid"] == 5720 && alert["srcip"] == *source).then_some(())
    });
}

// O-B4: mail is switched on and off by reloads.
#[test]
fn mail_is_switched_on_and_off_by_a_reload() {
    alone(|| {
        let server = SmtpServer::start(2525, Manners::Polite).expect("a mail server");
        let mailing = format!(
            "<global><email_notification>yes</email_notification><email_to>admin@example.com</email_to>
             <email_from>hids@example.com</email_from><smtp_server>127.0.0.1</smtp_server><smtp_port>2525</smtp_port>
             </global><email_alerts><email_to>pager@example.com</email_to><level>7</level><do_not_delay/>
             </email_alerts>{WATCH_ONE_LOG}"
        );
        let mut daemon = Daemon::new(WATCH_ONE_LOG).acting();
        daemon.start();
        attack(&daemon, 1);
        daemon.configure(&mailing);
        assert!(reload(&daemon).is_empty());
        attack(&daemon, 2);
        let told = |host: &str| server.mails().iter().any(|mail| mail.body().contains(host));
        wait_for("the mail", || told("203.0.113.2").then_some(()));
        assert!(!told("203.0.113.1"), "mail was off");
        daemon.configure(WATCH_ONE_LOG);
        assert!(reload(&daemon).is_empty());
        attack(&daemon, 3);
        daemon.configure(&mailing);
        assert!(reload(&daemon).is_empty());
        attack(&daemon, 4);
        wait_for("the second mail", || told("203.0.113.4").then_some(()));
        assert!(!told("203.0.113.3"), "mail was off again");
        daemon.stop();
    });
}

// O-B4: syslog outputs are taken up by reloads.
#[test]
fn syslog_outputs_are_exchanged_by_a_reload() {
    alone(|| {
        let server = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        server.set_read_timeout(Some(Duration::from_secs(30))).expect("a time-out");
        let port = server.local_addr().expect("an address").port();
        let mut daemon = Daemon::new(WATCH_ONE_LOG).acting();
        daemon.start();
        attack(&daemon, 1);
        daemon.configure(&format!(
            "<syslog_output><server>127.0.0.1</server><port>{port}</port><level>10</level></syslog_output>{WATCH_ONE_LOG}"
        ));
        assert!(reload(&daemon).is_empty());
        attack(&daemon, 2);
        let mut packet = [0; 4096];
        let length = server.recv(&mut packet).expect("a message");
        let text = String::from_utf8_lossy(&packet[..length]).into_owned();
        assert!(text.contains("203.0.113.2"), "{text}");
        daemon.configure(WATCH_ONE_LOG);
        assert!(reload(&daemon).is_empty());
        attack(&daemon, 3);
        assert!(daemon.status().expect("it answers")["syslog"].is_null());
        assert_eq!(daemon.status().expect("it answers")["record"]["syslog_dropped"], 0);
        daemon.stop();
    });
}

// B6: `restart-ossec` reloads this daemon.
#[test]
fn restart_ossec_reloads_the_daemon_and_runs_nothing() {
    alone(restart_ossec);
}

fn restart_ossec() {
    let section = "<command><name>restart-ossec</name><executable>restart-ossec.sh</executable><expect></expect></command>
        <active-response><command>restart-ossec</command><location>local</location><rules_id>5716</rules_id></active-response>";
    let mut daemon = Daemon::new(&format!("{WATCH_ONE_LOG}{section}")).acting();
    let program = daemon.path("active-response/bin/restart-ossec.sh");
    std::fs::create_dir_all(program.parent().expect("a parent")).expect("a directory");
    std::fs::write(&program, format!("#!/bin/sh\ntouch {}\n", daemon.path("it-ran").display())).expect("a program");
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("chmod");
    daemon.start();
    daemon.log_line(&failed_login(1));
    wait_for("a reload", || daemon.messages().contains("configuration reloaded").then_some(()));
    assert!(!daemon.path("it-ran").exists());
    daemon.stop();
}

// B6: what a program appends to ../../logs as OSSEC's do is not lost.
#[test]
fn a_response_program_finds_the_log_where_ossecs_expect_it() {
    alone(|| {
        let section = "<command><name>tell</name><executable>tell.sh</executable><expect></expect></command>
            <active-response><command>tell</command><location>local</location><rules_id>5716</rules_id></active-response>";
        let mut daemon = Daemon::new(WATCH_ONE_LOG).acting();
        std::fs::create_dir(daemon.path("native")).expect("a directory");
        std::os::unix::fs::symlink(daemon.path("ruleset"), daemon.path("native/ruleset")).expect("a link");
        daemon.configured_at("native/ossec.conf");
        daemon.configure(&format!("{WATCH_ONE_LOG}{section}"));
        let program = daemon.path("native/active-response/bin/tell.sh");
        std::fs::create_dir_all(program.parent().expect("a parent")).expect("a directory");
        let text =
            "#!/bin/sh\ncd \"$(dirname \"$0\")\" && cd ../ && echo \"a line of $1\" >> ../logs/active-responses.log\n";
        std::fs::write(&program, text).expect("a program");
        std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("chmod");
        daemon.start();
        daemon.log_line(&failed_login(1));
        let log = daemon.path("logs/active-responses.log");
        wait_for("the program's line", || {
            std::fs::read_to_string(&log).ok().filter(|text| text.contains("a line of add"))
        });
        daemon.stop();
    });
}
