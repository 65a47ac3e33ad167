//! active-responses.log: one line per action, in the layout that OSSEC's rules 600 to 606 read.
//!
//! `DATE SCRIPT add|delete - ADDRESS ALERT RULE`, the date as `date` prints it in the C locale.
//! Owns nothing but the path: the file is opened for each batch, so that it can be rotated freely.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use hids_core::model::{AlertId, RuleId, Timestamp};
use hids_core::respond::Verb;
use jiff::tz::TimeZone;

/// One line to be.
#[derive(Clone, Debug)]
pub struct ActionLine {
    /// When.
    pub time: Timestamp,
    /// Name of the executable as configured.
    pub script: PathBuf,
    /// Done or undone.
    pub verb: Verb,
    /// Address, or `-`.
    pub ip: String,
    /// User, or `-`.
    pub user: String,
    /// The alert, if one caused it.
    pub alert: Option<AlertId>,
    /// The rule, if one caused it.
    pub rule: Option<RuleId>,
}

/// Whether the actions were carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    /// They were.
    Out,
    /// `--dry-run`: the line begins its script with `dry-run:` so that no rule takes it for a block.
    DryRun,
}

/// Appends lines to the file at `path`.
pub fn append(path: &Path, lines: &[ActionLine], carried: Carried, zone: &TimeZone) -> io::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let mut text = String::new();
    for line in lines {
        write_line(&mut text, line, carried, zone);
    }
    let mut file = OpenOptions::new().create(true).append(true).mode(0o640).open(path)?;
    file.write_all(text.as_bytes())
}

fn write_line(text: &mut String, line: &ActionLine, carried: Carried, zone: &TimeZone) {
    let date = line.time.in_zone(zone).strftime("%a %b %e %H:%M:%S %Z %Y");
    let mark = if carried == Carried::DryRun { "dry-run:" } else { "" };
    let _ = write!(text, "{date} {mark}{} {} {} {}", line.script.display(), line.verb.as_str(), line.user, line.ip);
    match line.alert {
        Some(alert) => _ = write!(text, " {alert}"),
        None => text.push_str(" -"),
    }
    match line.rule {
        Some(rule) => _ = writeln!(text, " {rule}"),
        None => text.push_str(" -\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_ossecs_layout() {
        let line = ActionLine {
            time: Timestamp::from_unix_seconds(1_795_558_168),
            script: "/var/ossec/active-response/bin/firewall-drop.sh".into(),
            verb: Verb::Add,
            ip: "203.0.113.9".into(),
            user: "-".into(),
            alert: "1795558167.15".parse().ok(),
            rule: Some(RuleId(5712)),
        };
        let mut text = String::new();
        write_line(&mut text, &line, Carried::Out, &TimeZone::UTC);
        let expected = "Tue Nov 24 22:09:28 UTC 2026 /var/ossec/active-response/bin/firewall-drop.sh add - 203.0.113.9 1795558167.15 5712\n";
        assert_eq!(text, expected);
    }
}
