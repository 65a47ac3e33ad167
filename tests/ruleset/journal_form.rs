//! A line gets the same answer in the form of the journal, of today's syslog daemons and of RFC 5424 as in the old one.

use std::sync::LazyLock;

use regex::bytes::{Captures, Regex};

use crate::cases;
use crate::shipped::Shipped;

/// Date, host and tag as syslogd has written them since BSD.
static OLD: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?-u)^[A-Z][a-z]{2} [ \d]\d (\d\d:\d\d:\d\d) ([\w.-]+) ([\w./-]+)(?:\[(\d+)\])?: ").expect("a pattern")
});

/// Forms of the header, each from time, host, tag and process number.
type Form = fn(time: &str, host: &str, tag: &str, pid: Option<&str>) -> String;

const FORMS: [(&str, Form); 3] = [
    ("journal", |time, host, tag, pid| {
        let pid = pid.map(|pid| format!("[{pid}]")).unwrap_or_default();
        format!("2026-11-25T{time}.123456+00:00 {host} {tag}{pid}: ")
    }),
    ("journalctl", |time, host, tag, pid| {
        let pid = pid.map(|pid| format!("[{pid}]")).unwrap_or_default();
        format!("2026-11-25T{time}+0000 {host} {tag}{pid}: ")
    }),
    ("RFC 5424", |time, host, tag, pid| {
        format!("<38>1 2026-11-25T{time}.123456Z {host} {tag} {} - - ", pid.unwrap_or("-"))
    }),
];

fn rewritten(line: &[u8], form: Form) -> Vec<u8> {
    let text = |found: &Captures<'_>, group: usize| {
        found.get(group).map(|found| String::from_utf8_lossy(found.as_bytes()).into_owned())
    };
    let header = |found: &Captures<'_>| {
        let part = |group| text(found, group).unwrap_or_default();
        form(&part(1), &part(2), &part(3), text(found, 4).as_deref()).into_bytes()
    };
    OLD.replace(line, header).into_owned()
}

#[test]
fn every_case_with_a_syslog_header_gets_the_same_answer_in_todays_forms() {
    let mut engine = Shipped::new();
    let cases: Vec<_> =
        cases::all().into_iter().filter(|case| case.lines.iter().any(|line| OLD.is_match(line))).collect();
    assert!(cases.len() > 100, "only {} cases have such a header", cases.len());
    let mut wrong = Vec::new();
    for case in cases {
        for (name, form) in FORMS {
            let mut case = case.clone();
            case.lines = case.lines.iter().map(|line| rewritten(line, form)).collect();
            let verdict = engine.run(&case);
            if !verdict.passed {
                let line = case.lines.last().map(|line| String::from_utf8_lossy(line).into_owned());
                wrong.push(format!("{} ({name})\n    {:?}\n    {line:?}", case.place(), verdict.differences));
            }
        }
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}
