//! `hidsctl alerts`: lines, filters, colours, counts. Records are written as the daemon writes them, or by it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use hids_tests::daemon::{Daemon, wait_for};
use hids_tests::programs::hidsctl;
use serde_json::{Value, json};

use crate::common::{WATCH_ONE_LOG, failed_login, on_terminal};

/// 2026-11-24 10:00:00 UTC.
const MORNING: i64 = 1_795_514_400;

/// An alert of level `level`, `seconds` after [`MORNING`].
fn record(seconds: i64, level: u16, rule: u32, more: &Value) -> Value {
    let mut alert = json!({
        "rule": { "level": level, "comment": format!("rule {rule}"), "sidid": rule, "group": "local,test," },
        "id": format!("{}.{seconds}", MORNING + seconds), "TimeStamp": (MORNING + seconds) * 1000,
        "location": "/var/log/auth.log", "full_log": "a line",
    });
    let all = alert.as_object_mut().expect("an object");
    all.extend(more.as_object().expect("an object").clone());
    alert
}

/// A host without a daemon that has these records of one day.
fn recorded(alerts: &[Value]) -> Daemon {
    let host = Daemon::new(WATCH_ONE_LOG);
    let directory = host.path("logs/alerts/2026/Nov");
    fs::create_dir_all(&directory).expect("a directory");
    let text: String = alerts.iter().map(|alert| format!("{alert}\n")).collect();
    fs::write(directory.join("ossec-alerts-24.json"), text).expect("written");
    host
}

/// All on 2026-11-24, and whatever more is asked for.
fn alerts(host: &Daemon, more: &[&str]) -> Command {
    let mut command = Command::new(hidsctl());
    command.arg("-c").arg(host.path("ossec.conf")).arg("--root").arg(host.path("")).arg("alerts").args(more);
    if !more.contains(&"--limit") {
        // Without them, the newest of all days are shown.
        command.args(["--since", "2026-11-24", "--until", "2026-11-25"]);
    }
    // A pager would add controls of its own; tests of the pager are in terminal.rs.
    command.env("TZ", "UTC").env("TERM", "xterm").env("HIDS_PAGER", "");
    for name in ["NO_COLOR", "CI", "CLICOLOR", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    command
}

fn text(host: &Daemon, more: &[&str]) -> String {
    let output = alerts(host, more).output().expect("hidsctl can be run");
    assert!(output.status.success() && output.stderr.is_empty(), "{more:?}: {output:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// The rules of the alerts that are shown, in their order.
fn rules(host: &Daemon, more: &[&str]) -> Vec<u32> {
    let rule = |line: &str| line.split_whitespace().nth(3)?.parse().ok();
    text(host, more).lines().map(|line| rule(line).expect("a rule")).collect()
}

fn mixed() -> Daemon {
    recorded(&[
        record(0, 5, 5716, &json!({ "srcip": "203.0.113.5", "dstuser": "root" })),
        record(60, 10, 5720, &json!({ "srcip": "203.0.113.5", "dstuser": "root", "count": 3 })),
        record(120, 3, 5501, &json!({ "srcuser": "alice", "location": "/var/log/secure" })),
        record(180, 7, 550, &json!({ "SyscheckFile": { "path": "/etc/ssh/sshd_config", "event": "modified" } })),
        record(240, 12, 100_001, &json!({ "srcip": "2001:db8::5" })),
    ])
}

#[test]
fn each_alert_is_one_line_and_nothing_is_cut_in_a_pipe() {
    let host = mixed();
    let expected = "\
2026-11-24 10:00:00  5 5716   203.0.113.5     root     rule 5716
2026-11-24 10:01:00 10 5720   203.0.113.5     root     (3x) rule 5720
2026-11-24 10:02:00  3 5501   -               alice    rule 5501
2026-11-24 10:03:00  7 550    -               /etc/ssh/sshd_config rule 550
2026-11-24 10:04:00 12 100001 2001:db8::5     -        rule 100001
";
    assert_eq!(text(&host, &[]), expected);
    assert!(text(&host, &["--full"]).contains("\nRule: 5720 (level 10) -> 'rule 5720'\n"));
    let json = text(&host, &["--json"]);
    assert_eq!(json, fs::read_to_string(host.path("logs/alerts/2026/Nov/ossec-alerts-24.json")).expect("the records"));
}

#[test]
fn filters_are_combined() {
    let host = mixed();
    for (more, expected) in [
        (&["--ip", "203.0.113.0/24"][..], &[5716, 5720][..]),
        (&["--ip", "203.0.113.5", "--ip", "2001:db8::/32", "--level", "7"], &[5720, 100_001]),
        (&["--rule", "5716,550", "--rule", "5501"], &[5716, 5501, 550]),
        (&["--group", "test", "--user", "alice"], &[5501]),
        (&["--group", "tes"], &[]),
        (&["--user", "root", "--level", "10"], &[5720]),
        (&["--file", "/etc/ssh"], &[550]),
        (&["--file", "/etc/ss"], &[]),
        (&["--location", "secure"], &[5501]),
        (&["--limit", "2"], &[550, 100_001]),
        (&["--limit", "2", "--reverse"], &[100_001, 550]),
        (&["--limit", "1", "--user", "root"], &[5720]),
        (&["--reverse", "--level", "7"], &[100_001, 550, 5720]),
    ] {
        assert_eq!(rules(&host, more), expected, "{more:?}");
    }
    let until = |time: &str| {
        let output = host.hidsctl(&["alerts", "--json", "--since", "2026-11-24T10:01:00Z", "--until", time]);
        String::from_utf8_lossy(&output.stdout).lines().count()
    };
    assert_eq!((until("2026-11-24T10:03:00Z"), until("@1795514460"), until("2026-11-24T09:00:00Z")), (3, 1, 0));
}

#[test]
fn top_counts_rules_sources_files_and_users() {
    let host = mixed();
    let expected = "\
7 alerts since 2026-11-24 00:00:00 until 2026-11-25 00:00:00

ALERTS    RULE  LEVEL  DESCRIPTION
     3    5720     10  rule 5720
     1  100001     12  rule 100001
     1     550      7  rule 550
     1    5501      3  rule 5501
     1    5716      5  rule 5716

ALERTS  SOURCE
     4  203.0.113.5
     1  2001:db8::5

ALERTS  FILE
     1  /etc/ssh/sshd_config

ALERTS  USER
     4  root
     1  alice
";
    assert_eq!(text(&host, &["top"]), expected);
    let answer = text(&host, &["top", "--json", "--by", "source", "--limit", "1", "--since", "2026-11-24"]);
    let answer: Value = serde_json::from_str(&answer).expect("one object");
    assert_eq!(answer["alerts"], 7, "{answer}");
    assert_eq!(answer["sources"], json!([{ "source": "203.0.113.5", "count": 4 }]));
    assert!(answer.get("rules").is_none(), "{answer}");
}

// Log lines and file names are written by attackers.
#[test]
fn hostile_bytes_in_description_user_and_file_do_not_reach_the_terminal() {
    let hostile = "x\u{1b}[2J\u{1b}]0;t\u{7}\r\n\u{9b}1m\u{202e}\u{2066}\u{200b}y";
    let rule = json!({ "level": 5, "comment": hostile, "sidid": 1, "group": hostile });
    let host = recorded(&[
        record(0, 5, 1, &json!({ "rule": rule, "srcip": hostile, "dstuser": hostile, "location": hostile })),
        record(1, 5, 1, &json!({ "rule": rule, "SyscheckFile": { "path": format!("/tmp/{hostile}") } })),
    ]);
    for more in [&[][..], &["--full"], &["top"], &["--limit", "9", "--reverse"]] {
        for (columns, width) in [("a pipe", None), ("20", Some(20)), ("200", Some(200))] {
            let more = [&["--color", "never"][..], more].concat();
            let shown = match width {
                Some(width) => on_terminal(alerts(&host, &more), width),
                None => text(&host, &more),
            };
            let bad = |char: char| char != '\n' && hids_core::escape::is_dangerous(char);
            assert!(shown.contains("\\x1b[2J") && !shown.contains(bad), "{more:?} {columns}: {shown:?}");
        }
    }
    assert_eq!(text(&host, &[]).lines().count(), 2);
}

#[test]
fn a_terminal_has_colours_and_lines_that_fit() {
    let mut alert = record(0, 12, 100_001, &json!({ "srcip": "203.0.113.5", "dstuser": "root" }));
    alert["rule"]["comment"] = "word ".repeat(100).into();
    let host = recorded(&[alert]);
    let shown = on_terminal(alerts(&host, &[]), 100);
    assert!(shown.contains(" \u{1b}[1m\u{1b}[31m12\u{1b}[0m 100001 ") && shown.ends_with("…\n"), "{shown:?}");
    let plain = on_terminal(alerts(&host, &["--color", "never"]), 100);
    assert_eq!(plain.trim_end().chars().count(), 100, "{plain}");
    let mut without = alerts(&host, &[]);
    without.env("NO_COLOR", "1");
    assert_eq!(on_terminal(without, 100), plain);
    assert!(text(&host, &["--color", "always"]).contains("\u{1b}[31m12"));
    assert!(!text(&host, &[]).contains('\u{1b}'));
    // Narrow or unknown width.
    for columns in [0, 1, 20] {
        assert!(on_terminal(alerts(&host, &[]), columns).contains("203.0.113.5"));
        assert!(on_terminal(alerts(&host, &["top"]), columns).contains("203.0.113.5"));
    }
}

#[test]
fn a_closed_pipe_ends_it_without_a_word() {
    let alert = record(0, 5, 1, &json!({}));
    let host = recorded(&vec![alert; 20_000]);
    for more in [&[][..], &["--full"], &["--json"], &["--reverse"], &["--limit", "20000"]] {
        let mut command = alerts(&host, more);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("hidsctl can be run");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        let output = child.wait_with_output().expect("it ends");
        assert!(!line.is_empty() && output.status.success() && output.stderr.is_empty(), "{more:?}: {output:?}");
    }
}

// Whatever stands in the file, memory is that of the alerts that are shown.
#[test]
fn memory_is_bounded_by_the_limit() {
    let alert = record(0, 5, 1, &json!({ "full_log": "x".repeat(8000) }));
    let host = recorded(&vec![alert; 10_000]);
    for more in [&["--limit", "10"][..], &["--reverse"], &["top"]] {
        let peak = peak_kib(alerts(&host, more), &host.path(""));
        assert!(peak < 64 << 10, "{more:?}: {peak} KiB");
    }
}

/// The largest memory of a command that must succeed, in KiB.
fn peak_kib(mut command: Command, directory: &Path) -> u64 {
    let out = fs::File::create(directory.join("out")).expect("a file");
    let mut child = command.stdout(out).spawn().expect("hidsctl can be run");
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().expect("its state").is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let now = text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        peak = peak.max(now.unwrap_or(0));
        std::thread::yield_now();
    }
    assert!(child.wait().expect("it ends").success());
    peak
}

#[test]
fn alerts_of_a_running_daemon_are_shown_and_followed_through_filters() {
    let mut daemon = Daemon::new(WATCH_ONE_LOG);
    daemon.start();
    let mut child = daemon.hidsctl_piped(&["alerts", "--follow", "--ip", "203.0.113.2"]);
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    let reader = std::thread::spawn(move || {
        let mut line = String::new();
        output.read_line(&mut line).map(|_| line)
    });
    // It may begin to follow after the first of them.
    wait_for("an alert that is followed", || {
        [1, 2].into_iter().for_each(|number| daemon.log_line(&failed_login(number)));
        reader.is_finished().then_some(())
    });
    let line = reader.join().expect("it ends").expect("a line");
    assert!(line.contains(" 5716   203.0.113.2     root     sshd: "), "{line}");
    child.kill().expect("ended");
    child.wait().expect("ended");
    let shown =
        daemon.hidsctl(&["alerts", "--since", "1h", "--ip", "203.0.113.1", "--rule", "5716", "--group", "sshd"]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(!shown.is_empty() && shown.lines().all(|line| line.contains(" 5716   203.0.113.1     root ")), "{shown}");
    let top = daemon.hidsctl_json(&["alerts", "top", "--since", "1h"]).expect("JSON");
    assert_eq!(top["users"][0]["user"], "root", "{top}");
    daemon.stop();
}
