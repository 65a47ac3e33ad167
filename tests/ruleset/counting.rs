//! Shipped composite rules: one source across services, and mistyped passwords.

use crate::shipped::{Answer, Shipped};

const SOURCE: &str = "198.51.100.7";

/// A failure of each of five services, of the same source, with few names.
fn failures(number: u32) -> [String; 5] {
    [
        format!("Nov 25 10:00:00 web1 sshd[{number}]: Failed password for root from {SOURCE} port 50022 ssh2"),
        format!("Nov 25 10:00:00 web1 sshd[{number}]: Invalid user admin from {SOURCE} port 50022"),
        format!(
            "Nov 25 10:00:00 web1 dovecot: imap-login: Disconnected (auth failed, 1 attempts in 2 secs): user=<ann@example.org>, method=PLAIN, rip={SOURCE}, lip=192.0.2.1, TLS, session=<AbCdEf>"
        ),
        format!(
            "Nov 25 10:00:00 web1 postfix/smtpd[{number}]: warning: unknown[{SOURCE}]: SASL LOGIN authentication failed: UGFzc3dvcmQ6"
        ),
        format!("Wed Nov 25 10:00:00 2026 [pid {number}] [ann] FAIL LOGIN: Client \"{SOURCE}\""),
    ]
}

// M2
#[test]
fn failures_of_one_source_are_added_up_over_services() {
    let mut engine = Shipped::new();
    let mut answers: Vec<Answer> = Vec::new();
    // Seven of one service, then of the next.
    for service in 0..5 {
        answers.extend((0..7).map(|number| engine.answer(&failures(number)[service], 0)));
    }
    let first: Vec<u16> = answers.iter().take(7).map(|answer| answer.level).collect();
    assert!(first.iter().all(|level| *level == 5), "seven tries on one service are no attack yet: {first:?}");
    let found = answers.iter().find(|answer| answer.level >= 10).expect("35 failures in a second are an attack");
    assert_eq!((found.rule, found.blocks), (Some(99001), true));
    assert_eq!(found.srcip.as_deref(), Some(SOURCE));
}

// M2: as many of as many sources block nobody, but are reported.
#[test]
fn failures_of_many_sources_raise_40111_and_block_nobody() {
    let mut engine = Shipped::new();
    let answers = (0..200).map(|number| {
        let line =
            format!("Nov 25 10:00:00 web1 sshd[1]: Failed password for root from 198.18.0.{number} port 50022 ssh2");
        engine.answer(&line, 0)
    });
    let answers: Vec<Answer> = answers.collect();
    assert!(answers.iter().any(|answer| answer.rule == Some(40111) && answer.level == 10));
    assert!(answers.iter().all(|answer| !answer.blocks));
}

// K27: PAM and sshd both report a wrong password; that makes no second one.
#[test]
fn who_mistypes_six_times_is_not_blocked() {
    let mut engine = Shipped::new();
    for second in 0..6 {
        let lines = [
            format!(
                "Nov 25 10:00:00 web1 sshd[811]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost={SOURCE}  user=ann"
            ),
            format!("Nov 25 10:00:00 web1 sshd[811]: Failed password for ann from {SOURCE} port 50022 ssh2"),
        ];
        for line in lines {
            let answer = engine.answer(&line, second);
            assert!(answer.level < 7 && !answer.blocks, "{answer:?}");
        }
    }
    let line = format!("Nov 25 10:00:00 web1 sshd[811]: Accepted password for ann from {SOURCE} port 50022 ssh2");
    assert!(engine.answer(&line, 7).level < 7);
}

// H1: 288 tries of 24 addresses in turn, and 40 of each of 5,000.
#[test]
fn sources_that_take_turns_are_blocked() {
    for sources in [19, 24, 40, 250, 5000] {
        let mut engine = Shipped::new();
        let mut blocked = std::collections::BTreeSet::new();
        for number in 0..sources * 12 {
            let source = std::net::Ipv4Addr::from(0xc612_0000 + number % sources);
            let line = format!("Nov 25 10:00:00 web1 sshd[1]: Failed password for root from {source} port 50022 ssh2");
            let answer = engine.answer(&line, i64::from(number / 1000));
            if answer.blocks {
                blocked.insert(source);
            }
        }
        assert_eq!(blocked.len() as u32, sources, "of {sources} sources");
    }
}
