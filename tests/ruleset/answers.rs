//! Every case of `config/ruleset/tests` gets the expected answer.

use crate::cases;
use crate::shipped::Shipped;

#[test]
fn every_case_gets_the_expected_answer() {
    let mut engine = Shipped::new();
    let mut wrong = Vec::new();
    for case in cases::all() {
        let verdict = engine.run(&case);
        if !verdict.passed {
            wrong.push(format!("{}\n    {:?}", case.place(), verdict.differences));
        }
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

/// 30 users mistype once each within a minute: nobody is blamed for the others.
#[test]
fn many_people_who_mistype_once_are_not_blocked() {
    let mut engine = Shipped::new();
    let lines = [
        "Nov 25 10:00:00 web1 sshd[811]: Failed password for ann from ADDRESS port 40022 ssh2",
        "Nov 25 10:00:00 web1 sshd[811]: Accepted password for ann from ADDRESS port 40022 ssh2",
        "[Wed Nov 25 10:00:00.1 2026] [auth_basic:error] [pid 7] [client ADDRESS:4] AH01617: user ann: authentication failure for \"/\": Password Mismatch",
        "Nov 25 10:00:00 mx1 dovecot: auth: passwd-file(ann,ADDRESS,<AbCd>): Password mismatch",
        "Nov 25 10:00:00 mx1 dovecot: imap-login: Login: user=<ann>, method=PLAIN, rip=ADDRESS, lip=192.0.2.1, mpid=9, TLS, session=<AbC>",
        "Nov 25 10:00:00 ftp1 proftpd[811]: ftp1 (host.example.com[ADDRESS]) - USER ann (Login failed): Incorrect password",
    ];
    for second in 0..60 {
        for line in lines {
            let answer = engine.answer(&line.replace("ADDRESS", &format!("198.51.100.{}", 10 + second)), second);
            assert!(!answer.blocks, "rule {:?} blocks {:?}: {line}", answer.rule, answer.srcip);
        }
    }
}

/// Ten machines guess in turns: each of them is caught.
#[test]
fn attackers_who_take_turns_are_all_caught() {
    let mut engine = Shipped::new();
    let mut caught = std::collections::BTreeSet::new();
    for second in 0..100 {
        for host in 0..10 {
            let line = format!(
                "Nov 25 10:00:00 web1 sshd[811]: Failed password for root from 198.51.100.{host} port 40022 ssh2"
            );
            let answer = engine.answer(&line, second);
            if answer.blocks {
                caught.extend(answer.srcip);
            }
        }
    }
    assert_eq!(caught.len(), 10, "{caught:?}");
}
