//! CVE-2021-32749: fail2ban before 0.10.7 and 0.11.3 mailed what whois said of the attacker through mailutils, whose
//! `~!` runs a command.
//!
//! Here no shell is started and no program of mail; this is what is left of it: text of an attacker stays within one
//! line of each output, whatever it begins with.

use hids_core::render::{alert_log, mail_body, mail_subject};

use crate::shipped::Shipped;

const COMMANDS: [&str; 4] = ["~! touch /tmp/x", "x\n~! touch /tmp/x", "`touch /tmp/x`", "x\r\n.\r\n~!id"];

#[test]
fn an_escape_of_a_mail_program_never_begins_a_line() {
    let mut engine = Shipped::new();
    for command in COMMANDS {
        let line = format!("Nov 30 10:00:00 web1 sshd[7]: Invalid user {command} from 198.51.100.7 port 4711");
        engine.reset();
        let alert = engine.alert(&line).unwrap_or_else(|| panic!("no alert: {line}"));
        let mut log = Vec::new();
        alert_log(&mut log, &alert, &jiff::tz::TimeZone::UTC);
        let body = mail_body(&alert, &jiff::tz::TimeZone::UTC);
        let texts = [String::from_utf8_lossy(&log).into_owned(), body, mail_subject(&alert, false)];
        for text in texts {
            let begins = text.lines().any(|line| line.starts_with('~') || line == ".");
            assert!(!begins, "{command}: {text}");
        }
    }
}
