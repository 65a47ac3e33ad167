//! A stock Debian 12 or 13, which has the journal and no syslog file, as the archive leaves it: the shipped
//! configuration and unit see who guesses passwords, and count each guess once (O-B1).

use hids_tests::lab::{ATTACKER, FRIEND};
use hids_tests::machine::{self, Machine, Release};
use hids_tests::wait;

use crate::support::{blocked, guess_from_both_sides, lab, short, start, until};

/// As many as the shipped rules want.
const GUESSES: usize = 8;

#[test]
fn debian_12_blocks_who_guesses_passwords() {
    guesses_are_alerted_once_and_blocked(Release::Debian12);
}

#[test]
fn debian_13_blocks_who_guesses_passwords() {
    guesses_are_alerted_once_and_blocked(Release::Debian13);
}

fn guesses_are_alerted_once_and_blocked(release: Release) {
    let Some(lab) = lab() else { return };
    let Some(machine) = machine::installed(&lab.server, release) else { return };
    start(&machine);
    let problems = machine.hidsctl(&["status"]).expect("the status")["problems"].to_string();
    assert!(!problems.contains("logins are not monitored"), "{problems}");
    assert!(!machine.tree().path("/var/log/auth.log").exists(), "a stock machine has only the journal");

    guess_from_both_sides(&lab, &machine);
    until(&machine, "the block of the attacker", || blocked(&machine).contains(&ATTACKER.to_owned()));
    for address in [ATTACKER, FRIEND] {
        each_line_alerts_once(&machine, address);
    }
    let doubted: Vec<_> = machine.alerts().into_iter().filter(|alert| !alert["untrusted_sender"].is_null()).collect();
    assert!(doubted.is_empty(), "a service of the stock system is not confirmed:\n{doubted:#?}");
    // The friend is the gateway: alerted about, and never blocked.
    assert_eq!(blocked(&machine), [ATTACKER]);
}

// O-B1: rsyslog writes the same lines into auth.log.
#[test]
fn lines_in_journal_and_auth_log_count_once() {
    let Some(lab) = lab() else { return };
    let Some(machine) = machine::installed(&lab.server, Release::Debian12) else { return };
    machine.output("systemctl", ["enable", "--now", "--quiet", "rsyslog"]).expect("rsyslog starts");
    start(&machine);
    guess_from_both_sides(&lab, &machine);
    for address in [ATTACKER, FRIEND] {
        each_line_alerts_once(&machine, address);
    }
    // That is so because the copies in the file were left out, and not because there were none.
    until(&machine, "the copies being left out", || {
        let status = machine.hidsctl(&["status"]).unwrap_or_default();
        status["collect"]["duplicates_skipped"].as_u64().is_some_and(|count| count >= 2 * GUESSES as u64)
    });
    let file = std::fs::read_to_string(machine.tree().path("/var/log/auth.log")).expect("rsyslog writes it");
    assert!(file.matches("Failed password for root").count() >= 2 * GUESSES, "{file}");
}

/// Each line about a refused password of `address`, by sshd and by PAM, is in exactly one alert.
fn each_line_alerts_once(machine: &Machine<'_>, address: &str) {
    let counts = || counts(machine, address);
    wait::until("one alert for each line", wait::PATIENCE, || {
        let (by_sshd, by_pam, alerts_by_pam) = counts();
        by_sshd.len() >= GUESSES && by_sshd.iter().all(|(_, count)| *count == 1) && by_pam == alerts_by_pam
    })
    .unwrap_or_else(|error| panic!("{error:#}: {:#?}; the alerts:\n{}", counts(), short(&machine.alerts())));
}

/// The lines of sshd about an address with the number of their alerts, the number of PAM's lines, which are all alike,
/// and that of their alerts.
fn counts(machine: &Machine<'_>, address: &str) -> (Vec<(String, usize)>, usize, usize) {
    let lines = machine.journal(&["sshd", "sshd-session"]).expect("the journal");
    let logs: Vec<String> =
        machine.alerts().iter().filter_map(|alert| alert["full_log"].as_str().map(str::to_owned)).collect();
    let is_of_sshd =
        |line: &str| line.starts_with("Failed password for root from ") && line.contains(&format!(" {address} "));
    let pam = "pam_unix(sshd:auth): authentication failure;";
    let is_of_pam = |line: &str| line.contains(pam) && line.contains(&format!("rhost={address} "));
    let alerts = |line: &str| logs.iter().filter(|log| log.trim_end().ends_with(line)).count();
    let by_sshd = lines.iter().filter(|line| is_of_sshd(line)).map(|line| (line.clone(), alerts(line))).collect();
    let count = |texts: &[String]| texts.iter().filter(|text| is_of_pam(text)).count();
    (by_sshd, count(&lines), count(&logs))
}
