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
