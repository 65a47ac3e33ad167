//! The guide's whole path with real servers: log line, rule, kernel block, mail, explanation.

use std::path::Path;
use std::time::Duration;

use hids_tests::attack::{self, Session};
use hids_tests::hids::GUIDE;
use hids_tests::lab::{ATTACKER, ATTACKER_WEB, FRIEND, SERVER_INSIDE, SERVER_OUTSIDE};
use hids_tests::servers::{Apache, MailSink, Sshd, Syslog};
use hids_tests::wait::{PATIENCE, until, value};
use hids_tests::{Hids, Lab, nft, programs, require};

const PROGRAMS: &[&str] = &["sshd", "sshpass", "rsyslogd", "curl", "nft", "ip", "unshare", "nsenter"];
const SET: &str = "blocked4";

fn start<'lab>(lab: &'lab Lab, programs: &'lab Path) -> Hids<'lab> {
    Hids::start(&lab.server, programs, GUIDE).expect("hidsd starts")
}

fn wait_until_blocked(lab: &Lab, address: &str) -> nft::Element {
    value("the block", PATIENCE, || nft::find(&lab.server, SET, address)).expect("the address is in the set")
}

fn dropped_packets(hids: &Hids<'_>, address: &str) -> u64 {
    let list = hids.ctl_json(&["blocks", "list"]).unwrap_or_default();
    let blocks = list["blocks"].as_array().cloned().unwrap_or_default();
    blocks.iter().find(|block| block["address"] == address).and_then(|block| block["packets"].as_u64()).unwrap_or(0)
}

#[test]
fn password_guesser_is_blocked_cut_off_mailed_and_explained_while_the_white_listed_host_goes_on() {
    if !require::root() || !require::programs("root", PROGRAMS) || !require::programs("smtp", &["python3"]) {
        return;
    }
    let lab = Lab::new().expect("a lab");
    let _syslog = Syslog::start(&lab.server).expect("syslog");
    let _sshd = Sshd::start(&lab.server).expect("sshd");
    let sink = MailSink::start(&lab.server).expect("a mail server");
    let hids = start(&lab, programs::directory());
    let mut open_before = Session::open(&lab.attacker, SERVER_OUTSIDE).expect("a session before the attack");

    attack::guess_passwords(&lab.friend, SERVER_INSIDE, "root", 16).expect("the friend guesses too");
    attack::guess_passwords(&lab.attacker, SERVER_OUTSIDE, "root", 24).expect("guesses");
    let element = wait_until_blocked(&lab, ATTACKER);

    assert_eq!(element.timeout, Some(Duration::from_secs(1200)));
    assert_eq!(nft::find(&lab.server, SET, FRIEND), None, "the white-listed host is blocked");
    assert!(!attack::can_connect(&lab.attacker, SERVER_OUTSIDE, 22), "a blocked host still connects");
    assert!(!open_before.echoes("still there?", Duration::from_secs(3)), "the open connection lives on");
    assert!(attack::can_connect(&lab.friend, SERVER_INSIDE, 22), "the white-listed host is cut off");
    assert!(dropped_packets(&hids, ATTACKER) > 0, "the kernel counted no dropped packet");

    let mails = value("a mail about the attacker", Duration::from_secs(60), || {
        sink.mails().into_iter().find(|mail| mail.body().contains(ATTACKER))
    });
    let mail = mails.expect("a mail");
    assert!(mail.header("X-RcptTo").contains("admin2@example.com"), "{mail:?}");

    let why = hids.ctl_json(&["why", ATTACKER]).expect("an explanation").to_string();
    assert!(why.contains("Failed password for root from 203.0.113.66"), "the log lines are missing: {why}");
}

#[test]
fn web_scanner_is_blocked() {
    if !require::root() || !require::programs("root", PROGRAMS) {
        return;
    }
    let lab = Lab::new().expect("a lab");
    let _apache = Apache::start(&lab.server).expect("apache");
    let _hids = start(&lab, programs::directory());
    attack::scan_web(&lab.friend, FRIEND, SERVER_INSIDE).expect("the friend scans too");
    attack::scan_web(&lab.attacker, ATTACKER_WEB, SERVER_OUTSIDE).expect("a scan");
    wait_until_blocked(&lab, ATTACKER_WEB);
    assert_eq!(nft::find(&lab.server, SET, FRIEND), None, "the white-listed host is blocked");
    assert_eq!(attack::scan_web(&lab.attacker, ATTACKER_WEB, SERVER_OUTSIDE).expect("a scan"), 0);
    assert!(attack::can_connect(&lab.friend, SERVER_INSIDE, 80), "the white-listed host is cut off");
}

#[test]
fn blocks_outlive_a_kill_and_a_flush_and_end_on_request() {
    if !require::root() || !require::programs("root", PROGRAMS) {
        return;
    }
    let lab = Lab::new().expect("a lab");
    let _apache = Apache::start(&lab.server).expect("apache");
    let mut hids = start(&lab, programs::directory());
    hids.ctl_json(&["blocks", "add", ATTACKER, "--timeout", "900"]).expect("a block by hand");
    assert!(!attack::can_connect(&lab.attacker, SERVER_OUTSIDE, 80));

    lab.server.output("nft", ["flush", "ruleset"]).expect("the ruleset is flushed");
    wait_until_blocked(&lab, ATTACKER);
    assert!(!attack::can_connect(&lab.attacker, SERVER_OUTSIDE, 80), "a flush lifted the block");

    hids.process().kill().expect("hidsd is killed");
    lab.server.output("nft", ["flush", "ruleset"]).expect("the ruleset is flushed");
    let hids = start(&lab, programs::directory());
    wait_until_blocked(&lab, ATTACKER);
    let list = hids.ctl_json(&["blocks", "list"]).expect("a list");
    let remaining = list["blocks"][0]["remaining_seconds"].as_u64().expect("a remaining time");
    assert!((800..900).contains(&remaining), "the remaining time was not kept: {list}");

    hids.ctl_json(&["blocks", "remove", ATTACKER]).expect("the block is lifted");
    until("the end of the block", PATIENCE, || attack::can_connect(&lab.attacker, SERVER_OUTSIDE, 80))
        .expect("a lifted block lets packets through");
}

#[test]
fn a_firewall_table_that_somebody_flushes_is_restored_and_alerted_once() {
    if !require::root() || !require::programs("root", PROGRAMS) {
        return;
    }
    let lab = Lab::new().expect("a lab");
    let hids = start(&lab, programs::directory());
    hids.ctl_json(&["blocks", "add", ATTACKER]).expect("blocked");
    for _ in 0..10 {
        lab.server.output("nft", ["flush", "ruleset"]).expect("flushed");
    }
    value("the block", PATIENCE, || nft::find(&lab.server, SET, ATTACKER)).expect("restored");
    let alerts = || -> Vec<String> {
        let all = hids.ctl(&["--json", "alerts"]).unwrap_or_default();
        all.lines().filter(|line| line.contains("99108")).map(str::to_owned).collect()
    };
    until("the alert", Duration::from_secs(30), || !alerts().is_empty()).expect("an alert");
    let found = alerts();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("'table missing'"), "{found:?}");
}
