//! Where alerts go besides files, and what happens when that place is away: mail, syslog, programs,
//! a full disk. The daemon acts, in a network of its own.

use std::net::UdpSocket;
use std::process::Command;
use std::time::{Duration, Instant};

use hids_tests::daemon::{Daemon, wait_for};
use hids_tests::network::{alone, new_mounts};
use hids_tests::servers::{Mail, Manners, SmtpServer};
use hids_tests::{executable, require, wait};

const WATCH: &str = "<global><alert_fold_above>0</alert_fold_above></global>\
    <localfile><log_format>syslog</log_format><location>@LOG@</location></localfile>";
const PORT: u16 = 2525;

const MAILING: &str = "<global><email_notification>yes</email_notification><email_to>admin@example.com</email_to>
    <email_from>hids@example.com</email_from><smtp_server>127.0.0.1</smtp_server><smtp_port>2525</smtp_port>
    </global><email_alerts><email_to>pager@example.com</email_to><level>7</level><do_not_delay/></email_alerts>";

fn mailing() -> Daemon {
    Daemon::new(&format!("{MAILING}{WATCH}")).acting()
}

/// Eight guesses: the last one is rule 5720, level 10.
fn attack(daemon: &Daemon) {
    for _ in 0..8 {
        daemon.log_line("Nov 24 10:00:00 web1 sshd[5]: Failed password for root from 203.0.113.5 port 22 ssh2");
    }
    daemon.wait_for_alert(5720);
}

fn wait_for_mail(server: &SmtpServer) {
    wait::until("the mail", Duration::from_secs(90), || {
        server.mails().iter().any(|mail| mail.body().contains("203.0.113.5"))
    })
    .expect("the mail arrives");
}

#[test]
fn mail_waits_on_disk_while_the_server_is_down_also_over_a_restart() {
    alone(|| {
        let mut daemon = mailing();
        daemon.start();
        attack(&daemon);
        wait_for("the failure to be told", || {
            let status = daemon.status()?;
            status["problems"].to_string().contains("mail delivery failing").then_some(())
        });
        daemon.kill();
        let server = SmtpServer::start(PORT, Manners::Polite).expect("a mail server");
        daemon.start();
        wait_for_mail(&server);
    });
}

#[test]
fn a_mail_server_that_hangs_holds_up_nothing_and_gets_the_mail_in_the_end() {
    alone(|| {
        let server = SmtpServer::start(PORT, Manners::Hanging).expect("a mail server");
        let mut daemon = mailing();
        daemon.start();
        attack(&daemon);
        // Everything else goes on while it hangs.
        daemon.log_line("Nov 24 10:00:01 web1 sshd[77]: Failed password for root from 203.0.113.8 port 22 ssh2");
        wait_for("the next alert", || {
            daemon.alerts().iter().any(|alert| alert["srcip"] == "203.0.113.8").then_some(())
        });
        let asked = Instant::now();
        assert!(daemon.status().is_some() && asked.elapsed() < Duration::from_secs(5));
        assert!(server.mails().is_empty());
        server.behave();
        wait_for_mail(&server);
    });
}

const RESPONSE: &str =
    "<command><name>firewall-drop</name><executable>firewall-drop.sh</executable><expect>srcip</expect>
    <timeout_allowed>yes</timeout_allowed></command>
    <active-response><command>firewall-drop</command><location>local</location><rules_id>5720</rules_id>
    <timeout>1200</timeout></active-response>";

fn mail_about(server: &SmtpServer, what: &str) -> Mail {
    wait::value("the mail", Duration::from_secs(90), || {
        server.mails().into_iter().find(|mail| mail.text.contains(what))
    })
    .expect("the mail arrives")
}

#[test]
fn mail_says_first_who_is_blocked_and_how_to_lift_it_and_claims_no_block_of_the_white_list() {
    alone(|| {
        let server = SmtpServer::start(PORT, Manners::Polite).expect("a mail server");
        let mut daemon = mailing();
        let white = "<global><white_list>198.51.100.9</white_list></global>";
        daemon.configure(&format!("{MAILING}{RESPONSE}{white}{WATCH}"));
        daemon.start();
        attack(&daemon);
        let mail = mail_about(&server, "Rule: 5720 fired");
        let subject = mail.header("subject").to_owned();
        assert!(subject.starts_with("[hids] ") && subject.contains("level 10: sshd: "), "{subject}");
        assert!(subject.ends_with(" from 203.0.113.5") && !subject.contains("same source"), "{subject}");
        let text = mail.body();
        assert!(text.starts_with("What was done\n\n  203.0.113.5 is blocked for 20 min until "), "{text}");
        assert!(text.contains("\n    hidsctl unblock 203.0.113.5\n\nWhat happened\n"), "{text}");
        // The same in the answer of hidsctl, with the offset of its times.
        let why = daemon.hidsctl(&["why", "203.0.113.5"]);
        let why = String::from_utf8_lossy(&why.stdout).into_owned();
        let until = why.split_once("(until ").and_then(|(_, rest)| rest.split_once(')')).map_or("", |(time, _)| time);
        let shape: String = until.chars().map(|char| if char.is_ascii_digit() { '0' } else { char }).collect();
        assert_eq!(shape.replace('-', "+"), "0000+00+00 00:00:00 +00:00", "{why}");
        assert!(!why.contains("T00") && !why.contains("Z blocked"), "{why}");
        // What it says is what the daemon does.
        let lifted = daemon.hidsctl(&["unblock", "203.0.113.5"]);
        assert!(lifted.status.success(), "{lifted:?}");
        for _ in 0..8 {
            daemon.log_line("Nov 24 10:01:00 web1 sshd[6]: Failed password for root from 198.51.100.9 port 22 ssh2");
        }
        let text = wait::value("the mail", Duration::from_secs(90), || {
            let mails = server.mails();
            let is_it = |mail: &&Mail| mail.text.contains("Rule: 5720 fired") && mail.text.contains("198.51.100.9");
            mails.iter().find(is_it).map(|mail| mail.body().to_owned())
        });
        let text = text.expect("the mail arrives");
        assert!(text.starts_with("What was done\n\n  198.51.100.9 is never blocked: "), "{text}");
    });
}

#[test]
fn strict_mail_is_ossecs() {
    alone(|| {
        let server = SmtpServer::start(PORT, Manners::Polite).expect("a mail server");
        let mut daemon = mailing().answering_strictly();
        daemon.start();
        // The strict mode drops lines that are repeated word by word.
        for port in 20..36 {
            daemon.log_line(&format!(
                "Nov 24 10:00:00 web1 sshd[{port}]: Failed password for root from 203.0.113.5 port {port} ssh2"
            ));
        }
        let mail = mail_about(&server, "Rule: 5720 fired");
        let subject = mail.header("subject");
        assert!(subject.starts_with("OSSEC Alert - ") && subject.contains(" - Level 10 - "), "{subject}");
        assert!(mail.body().trim_start().starts_with("OSSEC HIDS Notification."), "{}", mail.body());
    });
}

#[test]
fn a_program_of_a_response_gets_ossecs_arguments_and_an_empty_environment() {
    alone(|| {
        let mut daemon = Daemon::new(&format!(
            "<command><name>tell</name><executable>tell.sh</executable><expect>srcip,user</expect></command>
             <active-response><command>tell</command><location>local</location><rules_id>5720</rules_id>
             </active-response>{WATCH}"
        ))
        .acting();
        let folder = daemon.path("active-response/bin");
        std::fs::create_dir_all(&folder).expect("a folder");
        let (program, out) = (folder.join("tell.sh"), daemon.path("out"));
        let text = format!("#!/bin/sh\n{{ echo \"$@\"; /usr/bin/env; echo end; }} > {}\n", out.display());
        executable::script(&program, &text);
        daemon.start();
        attack(&daemon);
        let id = daemon.wait_for_alert(5720)["id"].as_str().expect("an id").to_owned();
        let told =
            wait_for("the program", || std::fs::read_to_string(&out).ok().filter(|text| text.ends_with("end\n")));
        let lines: Vec<&str> = told.lines().collect();
        let log = daemon.log();
        assert!(lines[0].starts_with(&format!("add root 203.0.113.5 {id} 5720 ")), "{told}");
        assert!(lines[0].contains(&*log.to_string_lossy()), "{told}");
        // The shell sets these itself.
        let rest: Vec<_> = lines[1..].iter().filter(|line| !line.starts_with("PWD=")).collect();
        assert_eq!(rest, [&"end"], "the environment is not empty: {told}");
    });
}

#[test]
fn alerts_are_sent_to_a_syslog_server() {
    alone(|| {
        let server = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        server.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out");
        let port = server.local_addr().expect("an address").port();
        let mut daemon = Daemon::new(&format!(
            "<syslog_output><server>127.0.0.1</server><port>{port}</port><level>10</level></syslog_output>{WATCH}"
        ))
        .acting();
        daemon.start();
        attack(&daemon);
        let mut packet = [0; 4096];
        let length = server.recv(&mut packet).expect("a message");
        let text = String::from_utf8_lossy(&packet[..length]).into_owned();
        assert!(text.contains("Alert Level: 10; Rule: 5720 - "), "{text}");
    });
}

#[test]
fn a_full_disk_is_told_of_waited_for_and_costs_no_alert() {
    alone(|| {
        new_mounts();
        // The disk is to be full, not only down to the reserve.
        let mut daemon = Daemon::new(&format!("<global><disk_reserve_mb>0</disk_reserve_mb></global>{WATCH}"));
        let logs = daemon.path("logs");
        std::fs::create_dir_all(&logs).expect("a folder");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).arg(&logs).status();
        assert!(mounted.is_ok_and(|status| status.success()), "cannot mount a small disk");
        daemon.start();
        daemon.log_line("Nov 24 10:00:00 web1 sshd[1]: Failed password for root from 203.0.113.1 port 22 ssh2");
        daemon.wait_for_alert(5716);
        // `cp` ends when the disk is full.
        let filler = logs.join("filler");
        let filled = Command::new("cp").arg("/dev/zero").arg(&filler).stderr(std::process::Stdio::null()).status();
        assert!(filled.is_ok_and(|status| !status.success()));
        for number in 2..=300 {
            let address = number % 200 + 1;
            daemon.log_line(&format!(
                "Nov 24 10:00:00 web1 sshd[{number}]: Failed password for root from 203.0.113.{address} port 22 ssh2"
            ));
        }
        wait_for("the full disk to be told", || {
            let status = daemon.status()?;
            status["problems"].to_string().contains("alerts cannot be recorded, analysis paused").then_some(())
        });
        assert!(daemon.messages().contains("No space left on device"), "{}", daemon.messages());
        std::fs::remove_file(&filler).expect("removed");
        let numbers = |daemon: &Daemon| -> Vec<u32> {
            let number = |log: &str| log.split("sshd[").nth(1)?.split(']').next()?.parse().ok();
            daemon.alerts().iter().filter_map(|alert| number(alert["full_log"].as_str()?)).collect()
        };
        wait_for("every alert", || (numbers(&daemon).len() >= 300).then_some(()));
        assert_eq!(numbers(&daemon), (1..=300).collect::<Vec<_>>());
        wait_for("the all-clear", || {
            (!daemon.status()?["problems"].to_string().contains("cannot be recorded")).then_some(())
        });
    });
}

#[test]
fn the_journal_is_read_entry_by_entry() {
    if !require::programs("journalctl", &["journalctl"]) {
        return;
    }
    alone(|| {
        new_mounts();
        let mut daemon =
            Daemon::new("<localfile><log_format>journald</log_format><location>all</location></localfile>");
        // The machine of the test may have no journal: its reader is replaced by one that tells of a login.
        let reader = daemon.path("journalctl");
        let entry = |cursor: u32, address: &str| {
            format!(
                r#"{{"__CURSOR":"s=1;i={cursor}","__REALTIME_TIMESTAMP":"1795558167000000","_HOSTNAME":"web1","SYSLOG_IDENTIFIER":"sshd","_PID":"9","MESSAGE":"Failed password for root from {address} port 22 ssh2"}}"#
            )
        };
        // What is there at the first start is old.
        let text = format!(
            "#!/bin/sh\ncase \"$*\" in *--lines=1*) echo '{}';; *) echo '{}'; exec sleep 600;; esac\n",
            entry(1, "203.0.113.1"),
            entry(2, "203.0.113.9")
        );
        executable::script(&reader, &text);
        let covered = Command::new("mount").arg("--bind").arg(&reader).arg("/usr/bin/journalctl").status();
        assert!(covered.is_ok_and(|status| status.success()), "cannot cover journalctl");
        daemon.start();
        assert_eq!(daemon.wait_for_alert(5716)["srcip"], "203.0.113.9");
    });
}
