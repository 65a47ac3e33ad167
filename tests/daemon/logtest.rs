//! `hidsctl logtest`: OSSEC's phases for people, one object a line for programs.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use hids_tests::daemon::Daemon;
use hids_tests::programs::hidsctl;
use serde_json::Value;

use crate::common::{WATCH_ONE_LOG, failed_login, logtest, with_input};

#[test]
fn text_shows_the_three_phases_in_order() {
    let host = Daemon::new(WATCH_ONE_LOG);
    let config = host.path("ossec.conf");
    let line = format!("{}\n", failed_login(7));
    let output = with_input(host.path(""), &["-c", &config.to_string_lossy(), "logtest"], line.as_bytes());
    let text = String::from_utf8_lossy(&output.stdout);
    let mut rest = &*text;
    for part in [
        "**Phase 1: Completed pre-decoding.\n",
        "       full event: 'Nov 24 10:00:00 web1 sshd[7]: Failed password for root from 203.0.113.7 port 1031 ssh2'\n",
        "       hostname: 'web1'\n",
        "       program_name: 'sshd'\n",
        "       log: 'Failed password for root from 203.0.113.7 port 1031 ssh2'\n",
        "**Phase 2: Completed decoding.\n",
        "       srcip: '203.0.113.7'\n",
        "       decoder: 'sshd'\n",
        "**Phase 3: Completed filtering (rules).\n",
        "       Rule id: '5716'\n",
        "       Level: '5'\n",
        "       Description: '",
        "**Alert to be generated.\n",
    ] {
        let at = rest.find(part).unwrap_or_else(|| panic!("{part:?} is missing or out of order in\n{text}"));
        rest = &rest[at + part.len()..];
    }
}

#[test]
fn json_has_the_promised_keys() {
    let host = Daemon::new(WATCH_ONE_LOG);
    let answers = logtest(&host, &[], format!("{}\nno decoder knows this\n", failed_login(7)).as_bytes());
    let [known, unknown] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!(known["decoder"]["name"], "sshd");
    assert!(known["decoder"].get("parent").is_some());
    assert_eq!(known["rule"]["id"], 5716);
    assert_eq!(known["rule"]["level"], 5);
    assert!(known["rule"]["description"].is_string() && known["rule"]["groups"].is_array(), "{known}");
    assert_eq!(known["alert"], true);
    assert_eq!(known["srcip"], "203.0.113.7");
    assert_eq!(known["user"], "root");
    assert_eq!((&unknown["decoder"], &unknown["rule"], &unknown["alert"]), (&Value::Null, &Value::Null, &false.into()));
}

#[test]
fn every_line_is_answered_before_the_next_is_written_and_counts_are_kept() {
    let host = Daemon::new(WATCH_ONE_LOG);
    let mut child = Command::new(hidsctl())
        .args(["logtest", "--json", "-c"])
        .arg(host.path("ossec.conf"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("hidsctl can be run");
    let mut input = child.stdin.take().expect("a pipe");
    let mut answers = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut fired = Vec::new();
    for _ in 0..8 {
        writeln!(input, "{}", failed_login(7)).expect("written");
        // Hangs if the answer is kept in a buffer.
        let answer: Value = serde_json::from_str(&answers.next().expect("an answer").expect("text")).expect("JSON");
        fired.push(answer["rule"]["id"].as_u64().unwrap_or(0));
    }
    drop(input);
    assert!(child.wait().expect("it ends").success());
    assert_eq!(fired.iter().filter(|&&rule| rule == 5720).count(), 1, "{fired:?}");
    assert_eq!(fired.last(), Some(&5720), "{fired:?}");
}

#[test]
fn lines_of_any_bytes_and_length_get_one_answer_each() {
    let host = Daemon::new(WATCH_ONE_LOG);
    for more in [&[][..], &["--strict-ossec"]] {
        let mut lines = b"Nov 24 10:00:00 web1 sshd[5]: \xff\xfe from \x1b[2J\n\0\0\0\n\n".to_vec();
        lines.extend(std::iter::repeat_n(b'A', 1 << 20));
        lines.extend(format!("\n{}", failed_login(7)).bytes());
        let answers = logtest(&host, more, &lines);
        // The last line has no end.
        assert_eq!(answers.len(), 5, "{more:?}");
        assert_eq!(answers[4]["rule"]["id"], 5716, "{more:?}");
    }
}

#[test]
fn terminal_controls_are_shown_not_sent() {
    let host = Daemon::new(WATCH_ONE_LOG);
    let config = host.path("ossec.conf");
    let input = b"Nov 24 10:00:00 web1 sshd[5]: \x1b]0;owned\x07\xff\n";
    let output = with_input(host.path(""), &["-c", &config.to_string_lossy(), "logtest"], input);
    assert!(output.stdout.iter().all(|&byte| byte == b'\n' || (b' '..0x7f).contains(&byte)), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("\\x1b]0;owned\\x07\\xff"), "{output:?}");
}

const BLOCKING: &str = "<global><white_list>203.0.113.200</white_list></global>\
    <alerts><log_alert_level>4</log_alert_level></alerts>\
    <command><name>firewall-drop</name><executable>firewall-drop.sh</executable><expect>srcip</expect></command>\
    <active-response><command>firewall-drop</command><location>local</location><level>7</level>\
    <timeout>1200</timeout></active-response>";

/// What is printed of each line about what follows.
fn next_of(host: &Daemon, more: &[&str], lines: &str) -> Vec<String> {
    let output = host.hidsctl_input(&[&["logtest"], more].concat(), lines.as_bytes());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().filter_map(|line| line.strip_prefix("**Next: ")).map(str::to_owned).collect()
}

#[test]
fn it_says_after_how_many_more_lines_the_source_would_be_blocked_and_that_comes_true() {
    let host = Daemon::new(BLOCKING);
    let line = "Nov 24 10:00:00 web1 sshd[5]: Failed password for root from 203.0.113.5 port 22 ssh2\n";
    let block = |lines: &str| {
        format!("would block 203.0.113.5 for 20m 0s{lines} (response firewall-drop, rule 5720, level 10)")
    };
    let mut expected: Vec<String> =
        (2..=7).rev().map(|more| block(&format!(" after {more} more such lines within 360 s"))).collect();
    expected.push(block(" after 1 more such line within 360 s"));
    expected.push(block(""));
    assert_eq!(next_of(&host, &[], &line.repeat(8)), expected);
    assert_eq!(next_of(&host, &["--strict-ossec"], &line.repeat(8)), [] as [&str; 0], "OSSEC's output alone");
    let answers = crate::common::logtest(&host, &[], line.as_bytes());
    let next = &answers[0]["next"][0];
    assert_eq!(
        (&next["kind"], &next["lines_more"], &next["rule"]),
        (&"block".into(), &7.into(), &5720.into()),
        "{next}"
    );
    assert_eq!((&next["seconds"], &next["within_seconds"]), (&1200.into(), &360.into()), "{next}");
    assert!(crate::common::logtest(&host, &["--strict-ossec"], line.as_bytes())[0]["next"].is_null());
}

#[test]
fn it_says_why_there_is_no_alert_and_who_is_never_blocked() {
    let host = Daemon::new(BLOCKING);
    let ssh = |text: &str| format!("Nov 24 10:00:00 web1 sshd[5]: {text}\n");
    for (line, expected) in [
        (
            ssh("Failed password for root from 203.0.113.200 port 22 ssh2"),
            "203.0.113.200 is never blocked: listed in <white_list>",
        ),
        (ssh("Failed password for root from 127.0.0.1 port 22 ssh2"), "127.0.0.1 is never blocked: loopback address"),
        (
            ssh("pam_unix(sshd:session): session opened for user root by (uid=0)"),
            "no alert: level 3 is below <log_alert_level> 4",
        ),
        ("nothing that any rule knows\n".to_owned(), "no alert: no rule matches"),
    ] {
        assert_eq!(next_of(&host, &[], &line), [expected], "{line}");
    }
}
