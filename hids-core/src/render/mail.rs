//! Subject and text of alert mails.

use std::fmt::Write as _;

use jiff::tz::TimeZone;

use super::alert_log::{local_time, push_origin, shown_fields};
use super::text::{LINE_LIMIT_BYTES, cut, header_text, own_lines, visible, visible_string};
use crate::model::Alert;

/// Longest subject in bytes (`src/os_maild/maild.h`).
const SUBJECT_LIMIT_BYTES: usize = 127;

/// Subject of a mail about `alert`: one line without control characters, at most 127 bytes.
///
/// `full` is `maild.full_subject`, which despite its name gives the shorter form.
pub fn mail_subject(alert: &Alert, full: bool) -> String {
    let host = header_text(&visible_string(&alert.hostname));
    let level = alert.rule.level;
    let text = if full {
        format!("OSSEC Notification - {host} - Alert level {level}")
    } else {
        format!("OSSEC Alert - {host} - Level {level} - {}", header_text(&alert.rule.description))
    };
    cut(&text, SUBJECT_LIMIT_BYTES).trim_end().to_owned()
}

/// The text of one alert in a mail, with plain newlines (the sender makes them CR LF).
///
/// Lines of a log that holds several (command output) are kept apart by a newline and four blanks,
/// so that no log can start a line of its own in the mail.
pub fn mail_body(alert: &Alert, zone: &TimeZone) -> String {
    let mut origin = Vec::new();
    push_origin(&mut origin, &alert.hostname, &alert.source);
    let mut out = format!("\nOSSEC HIDS Notification.\n{}\n\n", local_time(alert.time, zone));
    let _ = writeln!(out, "Received From: {}", String::from_utf8_lossy(&origin));
    let description = visible_string(alert.rule.description.as_bytes());
    let _ = writeln!(out, "Rule: {} fired (level {}) -> \"{description}\"", alert.rule.id, alert.rule.level);
    if !alert.rule.mitre.is_empty() {
        let _ = writeln!(out, "ATT&CK: {}", alert.rule.mitre.join(", "));
    }
    for (label, value) in shown_fields(alert) {
        let _ = writeln!(out, "{label}: {}", cut(&visible_string(value), LINE_LIMIT_BYTES));
    }
    out.push_str("Portion of the log(s):\n\n");
    match &alert.notice {
        Some(_) => push_own(&mut out, &alert.full_log),
        None => push_log(&mut out, &alert.full_log),
    }
    for line in &alert.evidence {
        push_log(&mut out, &line.full_log);
    }
    if let Some(target) = &alert.target {
        push_log(&mut out, target.to_string().as_bytes());
    }
    if let Some(previous) = &alert.previous_output {
        out.push_str("Previous output:\n");
        push_log(&mut out, previous);
    }
    out.push_str("\n\n --END OF NOTIFICATION\n\n\n\n");
    out
}

/// A text of file integrity: lines of our own, a diff's lines marked as such.
fn push_own(out: &mut String, text: &[u8]) {
    for line in own_lines(text) {
        out.push_str(cut(&visible_string(line), LINE_LIMIT_BYTES));
        out.push('\n');
    }
}

fn push_log(out: &mut String, log: &[u8]) {
    let mut left = LINE_LIMIT_BYTES;
    for (number, line) in log.split(|&byte| byte == b'\n').enumerate() {
        let mut text = Vec::new();
        visible(&mut text, line, left);
        left -= text.len();
        if number > 0 {
            out.push_str("    ");
        }
        out.push_str(&String::from_utf8_lossy(&text));
        out.push('\n');
        if left == 0 {
            return;
        }
    }
}
