//! The laboratory itself: real servers write real log lines, and nothing outlives its guard.

use std::path::Path;
use std::time::Duration;

use hids_tests::attack::{self, Session};
use hids_tests::lab::{ATTACKER, FRIEND, SERVER_INSIDE, SERVER_OUTSIDE};
use hids_tests::servers::{Apache, MailSink, Sshd, Syslog};
use hids_tests::{Lab, require, wait};

const PROGRAMS: &[&str] = &["sshd", "sshpass", "rsyslogd", "curl", "nft", "ip", "unshare", "nsenter"];

#[test]
fn wrong_password_is_logged_by_sshd_with_the_address_of_the_guesser() {
    if !require::root() || !require::programs("root", PROGRAMS) {
        return;
    }
    let lab = Lab::new().expect("a lab");
    let _syslog = Syslog::start(&lab.server).expect("syslog");
    let _sshd = Sshd::start(&lab.server).expect("sshd");
    assert_eq!(attack::guess_passwords(&lab.attacker, SERVER_OUTSIDE, "root", 2).expect("guesses"), 2);
    assert_eq!(attack::guess_passwords(&lab.friend, SERVER_INSIDE, "nobody-here", 1).expect("guesses"), 1);
    let logged = |text: &str| lab.server.read("/var/log/secure").contains(text);
    wait::until("sshd's lines", wait::PATIENCE, || {
        logged(&format!("Failed password for root from {ATTACKER} port"))
            && logged(&format!("Failed password for invalid user nobody-here from {FRIEND} port"))
    })
    .expect("sshd's lines");
    let mut session = Session::open(&lab.attacker, SERVER_OUTSIDE).expect("the right password opens a session");
    assert!(session.echoes("still here", Duration::from_secs(5)));
}

#[test]
fn web_scan_is_logged_by_apache_with_the_address_of_the_scanner() {
    if !require::root() || !require::programs("root", PROGRAMS) {
        return;
    }
    let lab = Lab::new().expect("a lab");
    let _apache = Apache::start(&lab.server).expect("apache");
    assert_eq!(attack::scan_web(&lab.attacker, ATTACKER, SERVER_OUTSIDE).expect("a scan"), attack::WEB_HOLES.len());
    wait::until("apache's lines", wait::PATIENCE, || {
        let access = lab.server.read("/var/log/httpd/access_log");
        let error = lab.server.read("/var/log/httpd/error_log");
        access.lines().filter(|line| line.starts_with(ATTACKER)).count() == attack::WEB_HOLES.len()
            && error.contains(&format!("[client {ATTACKER}:"))
    })
    .expect("apache's lines");
}

#[test]
fn mail_is_kept_by_the_mail_server() {
    if !require::root() || !require::programs("smtp", &["python3"]) {
        return;
    }
    let lab = Lab::new().expect("a lab");
    let sink = MailSink::start(&lab.server).expect("a mail server");
    lab.server.write("/run/mail.txt", "Subject: try\r\n\r\nbody\r\n").expect("a mail");
    let arguments =
        ["--silent", "smtp://127.0.0.1/x", "--mail-from", "a@b.example", "--mail-rcpt", "c@d.example", "-T"];
    lab.server.output("curl", arguments.into_iter().chain(["/run/mail.txt"])).expect("curl sends it");
    let mails = sink.wait_for(1).expect("a mail");
    assert_eq!(mails[0].header("subject"), "try");
    assert_eq!(mails[0].header("X-RcptTo"), "c@d.example");
    assert_eq!(mails[0].body(), "body\n");
}

#[test]
fn nothing_of_a_lab_outlives_it() {
    if !require::root() || !require::programs("root", PROGRAMS) {
        return;
    }
    let lab = Lab::new().expect("a lab");
    let syslog = Syslog::start(&lab.server).expect("syslog");
    // Not ended by its own guard: only the end of the machine can end it.
    std::mem::forget(syslog);
    let network = lab.server.network_id().expect("a network");
    assert!(is_used(&network));
    drop(lab);
    wait::until("the end of the machine", wait::PATIENCE, || !is_used(&network))
        .expect("rsyslogd ends with its machine");
}

fn is_used(network: &Path) -> bool {
    let processes = std::fs::read_dir("/proc").expect("/proc").flatten();
    let mut networks = processes.filter_map(|process| std::fs::read_link(process.path().join("ns/net")).ok());
    networks.any(|other| other == network)
}
