//! An alert as one line: time, level, rule, source, user or file, description.

use anstyle::Style;
use jiff::tz::TimeZone;

use crate::cli::{color, screen};
use crate::record::RecordedAlert;

/// Widths that keep most lines in columns; longer values move the rest of their line.
const RULE: usize = 6;
const SOURCE: usize = 15;
const SUBJECT: usize = 8;
/// What of a source a terminal shows at most: an IPv6 address is whole.
const MOST_SOURCE: usize = 39;

/// How alerts are shown on one line each.
#[derive(Debug)]
pub(super) struct Line {
    zone: TimeZone,
    is_coloured: bool,
    /// Of the terminal, if there is one; nothing is cut elsewhere.
    width: Option<usize>,
}

impl Line {
    /// As standard output wants it.
    pub(super) fn on_screen(zone: TimeZone) -> Self {
        Self { zone, is_coloured: color::is_wanted(), width: screen::width() }
    }

    /// Without a line's end; safe for a terminal.
    pub(super) fn text(&self, alert: &RecordedAlert) -> String {
        let level = format!("{:>2}", alert.level.0);
        let style = if self.is_coloured { color::of_level(alert.level) } else { Style::new() };
        let before = format!("{} ", self.time(alert));
        let source = self.source(alert);
        let behind = format!(" {} {} ", screen::pad(&alert.rule.to_string(), RULE), screen::pad(&source, SOURCE));
        let used: usize = [&before, &level, &behind].map(|part| screen::columns(part)).into_iter().sum();
        format!("{before}{style}{level}{style:#}{behind}{}", self.rest(alert, used))
    }

    /// User or file, and the description, in what is left of the line: at least half of it is the description's.
    fn rest(&self, alert: &RecordedAlert, used: usize) -> String {
        let (subject, is_file) = subject(alert);
        let description = description(alert);
        let room = self.width.map_or(0, |width| width.saturating_sub(used + 1));
        if room < SUBJECT + screen::LEAST {
            return format!("{} {description}", screen::pad(&subject, SUBJECT));
        }
        let room_of_subject = room.saturating_sub(screen::columns(&description).min((room / 2).max(screen::LEAST)));
        // Of a long path the end says more.
        let subject =
            if is_file { screen::cut_start(&subject, room_of_subject) } else { screen::cut(&subject, room_of_subject) };
        let subject = screen::pad(&subject, SUBJECT);
        let description = screen::cut(&description, room.saturating_sub(screen::columns(&subject)));
        format!("{subject} {description}")
    }

    fn time(&self, alert: &RecordedAlert) -> String {
        alert.time.in_zone(&self.zone).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    fn source(&self, alert: &RecordedAlert) -> String {
        let source = screen::cell(alert.subject.srcip.as_deref().unwrap_or("-"));
        if self.width.is_some() { screen::cut(&source, MOST_SOURCE).into_owned() } else { source }
    }
}

/// The file, else the user; and whether it is a file.
pub(in crate::cli) fn subject(alert: &RecordedAlert) -> (String, bool) {
    let subject = &alert.subject;
    let text = subject.file.as_deref().or_else(|| subject.user()).unwrap_or("-");
    (screen::cell(text), subject.file.is_some())
}

/// The description, with the number of equal alerts.
pub(in crate::cli) fn description(alert: &RecordedAlert) -> String {
    let text = screen::cell(&alert.description);
    if alert.count > 1 { format!("({}x) {text}", alert.count) } else { text }
}

#[cfg(test)]
mod tests {
    use hids_core::escape::is_dangerous;
    use serde_json::json;

    use super::*;

    fn alert(fields: &serde_json::Value) -> RecordedAlert {
        let mut alert = json!({
            "rule": { "level": 5, "comment": "sshd: authentication failed.", "sidid": 5716, "group": "sshd," },
            "id": "1795558167.1", "TimeStamp": 1_795_558_167_000_i64, "location": "/var/log/auth.log",
        });
        let (all, more) = (alert.as_object_mut().expect("an object"), fields.as_object().expect("an object"));
        all.extend(more.clone());
        RecordedAlert::from_json(&alert.to_string()).expect("an alert")
    }

    fn line(width: Option<usize>) -> Line {
        Line { zone: TimeZone::UTC, is_coloured: false, width }
    }

    #[test]
    fn a_line_has_time_level_rule_source_subject_and_description() {
        let login = alert(&json!({ "srcip": "203.0.113.5", "dstuser": "root" }));
        assert_eq!(
            line(None).text(&login),
            "2026-11-24 22:09:27  5 5716   203.0.113.5     root     sshd: authentication failed."
        );
        let file = alert(&json!({ "SyscheckFile": { "path": "/etc/passwd" }, "dstuser": "root", "count": 60 }));
        assert_eq!(
            line(None).text(&file),
            "2026-11-24 22:09:27  5 5716   -               /etc/passwd (60x) sshd: authentication failed."
        );
        assert!(line(None).text(&alert(&json!({}))).contains(" -               -        sshd"));
    }

    #[test]
    fn only_the_level_is_coloured() {
        let severe = alert(&json!({ "rule": { "level": 12, "comment": "c", "sidid": 1 } }));
        let text = Line { is_coloured: true, ..line(None) }.text(&severe);
        assert!(text.contains(" \u{1b}[1m\u{1b}[31m12\u{1b}[0m 1 "), "{text}");
    }

    #[test]
    fn hostile_bytes_in_every_part_are_escaped() {
        let hostile = "a\u{1b}[2J\tb\n\r\u{7f}\u{9b}\u{202e}\u{2028}\u{200b}\u{e0001}";
        for file in [json!({ "path": hostile }), json!({})] {
            let alert = alert(&json!({
                "rule": { "level": 5, "comment": hostile, "sidid": 1, "group": hostile },
                "srcip": hostile, "dstuser": hostile, "srcuser": hostile, "SyscheckFile": file,
                "location": hostile, "full_log": hostile,
            }));
            for width in [None, Some(0), Some(1), Some(20), Some(80), Some(400)] {
                let text = line(width).text(&alert);
                assert!(!text.contains(is_dangerous), "{text:?}");
                assert!(!text.contains('\t'), "{text:?}");
                assert!(text.contains("a\\x1b[2J b"), "{text:?}");
            }
            assert!(!alert.text().lines().any(|line| line.contains(|char| char != '\t' && is_dangerous(char))));
        }
    }

    #[test]
    fn lines_fit_a_terminal_and_are_whole_on_a_narrow_one() {
        let long = "日本語 ".repeat(100);
        let alert = alert(&json!({
            "rule": { "level": 5, "comment": long, "sidid": 1 }, "srcip": "2001:db8:1234:5678:9abc:def0:1234:5678",
            "SyscheckFile": { "path": format!("/srv/{long}/sshd_config") },
        }));
        for width in [100, 120, 150, 300] {
            let text = line(Some(width)).text(&alert);
            assert!(screen::columns(&text) <= width && text.ends_with('…'), "{text}");
            assert!(text.contains("_config "), "{text}");
        }
        for width in [0, 20, 80] {
            assert!(line(Some(width)).text(&alert).contains(long.trim_end()));
        }
    }

    #[test]
    fn a_short_description_leaves_its_room_to_the_path() {
        let file = alert(&json!({
            "rule": { "level": 7, "comment": "File modified.", "sidid": 550 },
            "SyscheckFile": { "path": "/usr/lib/x86_64-linux-gnu/security/pam_unix.so" },
        }));
        let text = line(Some(80)).text(&file);
        assert!(text.ends_with(" …curity/pam_unix.so File modified."), "{text}");
        let text = line(Some(120)).text(&file);
        assert!(text.ends_with(" /usr/lib/x86_64-linux-gnu/security/pam_unix.so File modified."), "{text}");
    }
}
