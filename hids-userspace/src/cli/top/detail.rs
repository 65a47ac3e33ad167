//! An alert with everything that is known of it, as a text for people.

use std::fmt::Write as _;

use jiff::tz::TimeZone;
use serde_json::Value;

use crate::cli::output;
use crate::record::RecordedAlert;

/// The alert as a text that is safe for a terminal.
pub(super) fn text(alert: &RecordedAlert, zone: &TimeZone) -> String {
    let record: Value = serde_json::from_str(&alert.json).unwrap_or_default();
    let visible = |text: &str| output::visible(text.as_bytes());
    let mut out = format!("rule {} (level {}): {}\n\n", alert.rule, alert.level, visible(&alert.description));
    let mut row = |name: &str, value: Option<&str>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            let _ = writeln!(out, "{name:<10} {}", visible(value));
        }
    };
    let text_of = |key: &str| record[key].as_str();
    row("time", Some(&alert.time.in_zone(zone).strftime("%F %T %:z").to_string()));
    row("alert", alert.id.map(|id| id.to_string()).as_deref());
    row("count", (alert.count > 1).then(|| format!("{} equal alerts", alert.count)).as_deref());
    row("groups", Some(alert.group.trim_end_matches(',')));
    row("decoder", text_of("decoder"));
    row("program", text_of("program_name"));
    row("host", Some(&alert.hostname));
    row("location", Some(&alert.location));
    row("source", alert.subject.srcip.as_deref());
    row("user", alert.subject.user());
    row("file", alert.subject.file.as_deref());
    row("url", text_of("url"));
    row("who", who(&record["SyscheckFile"]["who"]).as_deref());
    row("target", target(&record["target"]).as_deref());
    row("unverified", record["untrusted_sender"]["reason"].as_str());
    out.push_str("\nlog\n");
    for line in alert.full_log.lines().filter(|line| !line.is_empty()) {
        let _ = writeln!(out, "  {}", visible(line));
    }
    if !alert.evidence.is_empty() {
        out.push_str("\nearlier lines\n");
    }
    for line in &alert.evidence {
        let _ = writeln!(out, "  {}", visible(line));
    }
    out
}

/// What many sources are directed at.
fn target(target: &Value) -> Option<String> {
    let (kind, name) = (target["kind"].as_str()?, target["name"].as_str()?);
    Some(format!("{kind} {name}, {} networks", target["networks"]))
}

/// The process that changed a file.
fn who(who: &Value) -> Option<String> {
    let process = who["command"].as_str().or_else(|| who["executable"].as_str())?;
    let number = |name: &str, key: &str| who[key].as_u64().map(|id| format!(", {name} {id}")).unwrap_or_default();
    Some(format!("{process}{}{}{}", number("pid", "pid"), number("uid", "uid"), number("login", "login_uid")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn everything_that_is_known_is_shown_and_safe() {
        let alert = json!({
            "rule": { "level": 7, "comment": "File modified\u{1b}[2J", "sidid": 550, "group": "ossec,syscheck," },
            "id": "1795608000.7", "TimeStamp": 1_795_608_000_000_i64, "decoder": "syscheck_integrity_changed",
            "location": "syscheck", "full_log": "Size changed\nfrom 1", "evidence": ["an earlier\u{202e} line"],
            "SyscheckFile": { "path": "/etc/passwd", "event": "modified",
                "who": { "command": "vim /etc/passwd", "pid": 12, "uid": 0, "login_uid": 1000 } },
        });
        let text = text(&RecordedAlert::from_json(&alert.to_string()).expect("an alert"), &TimeZone::UTC);
        for part in [
            "rule 550 (level 7): File modified\\x1b[2J\n",
            "time       2026-11-25 12:00:00 +00:00\n",
            "alert      1795608000.7\n",
            "decoder    syscheck_integrity_changed\n",
            "file       /etc/passwd\n",
            "who        vim /etc/passwd, pid 12, uid 0, login 1000\n",
            "log\n  Size changed\n  from 1\n",
            "earlier lines\n  an earlier\\u{202e} line\n",
        ] {
            assert!(text.contains(part), "{part:?} is missing in\n{text}");
        }
    }
}
