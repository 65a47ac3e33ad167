//! An ossec.conf to another one: what holds for the machine, not for the program.

use crate::adopt::draft::{Draft, DraftError, UNWRITABLE, writable};
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
        } else if writable(&entry).is_err() {
            report.not(format!("white_list {entry}"), UNWRITABLE);
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
    findings::read_reported(&logs, draft, report)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_for_the_machine_is_added_and_the_rest_is_listed() {
        let from = "<ossec_config><global><white_list>192.0.2.0/24</white_list><white_list>!192.0.2.9</white_list>\
                    <white_list>a\\<b</white_list><email_notification>yes</email_notification>\
                    <email_to>ops@example.com</email_to></global><rules><include>x.xml</include></rules>\
                    <localfile><log_format>syslog</log_format><location>/var/log/a</location></localfile>\
                    <localfile><log_format>command</log_format><command>df -P</command></localfile>\
                    <localfile><log_format>syslog</log_format><location>/b\\<c</location></localfile></ossec_config>";
        let from = Draft::new(from.into()).expect("well-formed");
        let mut draft = Draft::new(b"<ossec_config></ossec_config>".to_vec()).expect("well-formed");
        let mut report = Translated::default();
        translate(&from, &mut draft, &mut report).expect("translated");
        assert_eq!(draft.values("global", "white_list"), ["192.0.2.0/24"]);
        assert_eq!(draft.values("localfile", "location"), ["/var/log/a"]);
        assert_eq!(draft.values("global", "email_to"), ["ops@example.com"]);
        let not: Vec<&str> = report.not.iter().map(|(what, _)| what.as_str()).collect();
        let expected =
            ["white_list !192.0.2.9", "white_list a\\<b", "localfile command ", "log /b\\<c (localfile)", "<rules>"];
        assert_eq!(not, expected);
    }
}
