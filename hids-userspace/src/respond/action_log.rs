//! active-responses.log: one line per action, in the layout that OSSEC's rules 600 to 606 read.
//!
//! `DATE SCRIPT add|delete - ADDRESS ALERT RULE`, the date as `date` prints it in the C locale.
//! Owns nothing but the path: the file is opened for each batch, so that it can be rotated freely.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use hids_core::model::{AlertId, RuleId, Timestamp};
use hids_core::respond::Verb;
use jiff::tz::TimeZone;
use rustix::fs::OFlags;

/// One line to be.
#[derive(Clone, Debug)]
pub(super) struct ActionLine {
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
pub(super) enum Carried {
    /// They were.
    Out,
    /// `--dry-run`: the line begins its script with `dry-run:` so that no rule takes it for a block.
    DryRun,
}

/// Appends lines to the file at `path`.
pub(super) fn append(path: &Path, lines: &[ActionLine], carried: Carried, zone: &TimeZone) -> io::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let mut text = String::new();
    for line in lines {
        write_line(&mut text, line, carried, zone);
    }
    open(path)?.write_all(text.as_bytes())
}

/// Opens the file for appending. Others may own the directory (OSSEC's `logs` does not belong to
/// root): a link is not followed and a FIFO, which would make us wait, is refused.
fn open(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = OpenOptions::new().create(true).append(true).mode(0o640).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    Ok(file)
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

    fn one_line() -> ActionLine {
        ActionLine {
            time: Timestamp::default(),
            script: "firewall-drop".into(),
            verb: Verb::Add,
            ip: "203.0.113.9".into(),
            user: "-".into(),
            alert: None,
            rule: None,
        }
    }

    #[test]
    fn a_link_put_in_the_place_of_the_log_is_not_followed() {
        let directory = tempfile::tempdir().expect("a directory");
        let (log, victim) = (directory.path().join("active-responses.log"), directory.path().join("victim"));
        std::fs::write(&victim, "precious").expect("written");
        std::os::unix::fs::symlink(&victim, &log).expect("a link");
        assert!(append(&log, &[one_line()], Carried::Out, &TimeZone::UTC).is_err());
        assert_eq!(std::fs::read(&victim).expect("readable"), b"precious");
    }

    #[test]
    fn a_fifo_put_in_the_place_of_the_log_makes_nobody_wait() {
        let directory = tempfile::tempdir().expect("a directory");
        let log = directory.path().join("active-responses.log");
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, &log, rustix::fs::FileType::Fifo, mode, 0).expect("a FIFO");
        let (done, ended) = std::sync::mpsc::channel();
        std::thread::spawn(move || done.send(append(&log, &[one_line()], Carried::Out, &TimeZone::UTC).is_err()));
        assert_eq!(ended.recv_timeout(std::time::Duration::from_secs(5)), Ok(true));
    }
}
