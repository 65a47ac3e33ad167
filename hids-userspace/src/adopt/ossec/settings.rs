//! An ossec.conf to another one: what holds for the machine, not for the program.

use crate::adopt::draft::{Draft, DraftError};
use crate::adopt::findings;
use crate::adopt::logs::Log;
use crate::adopt::translated::Translated;
use crate::config::is_mail_address;

/// Formats of logs that one file or pattern has; the others need more options.
const PLAIN: [&str; 10] = [
    "syslog",
    "apache",
    "squid",
    "generic",
    "snort-fast",
    "snort-full",
    "mysql_log",
    "postgresql_log",
    "audit",
    "modsec-audit",
];

/// Sections that are not translated.
const OTHERS: [&str; 8] =
    ["rules", "syscheck", "rootcheck", "command", "active-response", "email_alerts", "syslog_output", "reports"];

/// Adds what `from` says of addresses, logs and mail.
///
/// # Errors
/// When the text cannot be changed.
pub(crate) fn translate(from: &Draft, draft: &mut Draft, report: &mut Translated) -> Result<(), DraftError> {
    for entry in from.values("global", "white_list").into_iter().chain(from.values("global", "allow_list")) {
        if entry.starts_with(['!', '^']) || entry == "any" {
            report.not(format!("white_list {entry}"), "exceptions and patterns depend on their place in the list");
        } else if findings::never_block(draft, &entry)? {
            report.done(format!("never block {entry} (white_list)"));
        }
    }
    let formats = from.of_each("localfile", "log_format");
    let locations = from.of_each("localfile", "location");
    let mut logs = Vec::new();
    for (format, location) in formats.into_iter().zip(locations) {
        let format = format.unwrap_or_default();
        match (PLAIN.iter().find(|plain| **plain == format), location) {
            (Some(format), Some(path)) if path.starts_with('/') => {
                logs.push(Log { path, format, found_in: "localfile".to_owned() });
            }
            (_, location) => {
                let what = location.unwrap_or_default();
                report.not(format!("localfile {format} {what}"), "copy the section");
            }
        }
    }
    for change in findings::read_logs(&logs, draft)? {
        report.done(change);
    }
    let to = from.values("global", "email_to");
    let is_on = from.values("global", "email_notification").last().is_some_and(|value| value == "yes");
    if let Some(to) = to.first().filter(|to| is_on && is_mail_address(to))
        && findings::wants_mail(draft)
    {
        findings::mail_to(draft, to, None)?;
        report.done(format!("send mail to {to} (email_to)"));
    }
    for section in OTHERS.iter().filter(|section| from.has_section(section)) {
        report.not(format!("<{section}>"), "use OSSEC's ossec.conf itself (-c FILE), or copy the section");
    }
    Ok(())
}
