//! Detects a configuration that does not monitor logins.
//!
//! Looks at the sources as configured and at what is there now. A source counts when it is the journal, or a file
//! that can be read and bears a usual name or holds lines of programs that log people in. It is better to miss
//! the odd unwatched machine than to warn where an administrator has seen to it.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use hids_core::diag::Diagnostic;
use hids_core::pattern::Pattern;

use crate::config::{FieldCondition, FieldTest, JournalSelection, LogInput, LogSourceConfig};

/// File names under which syslog daemons and auditd record logins.
const FILES: [&str; 8] = ["auth.log", "secure", "syslog", "messages", "authlog", "auth", "security", "audit.log"];
/// Identifiers, units, and the beginnings of the lines that tell of logins.
const IDENTIFIERS: [&str; 7] = ["sshd", "sshd-session", "dropbear", "login", "systemd-logind", "sudo", "su"];
const UNITS: [&str; 4] = ["ssh.service", "sshd.service", "dropbear.service", "systemd-logind.service"];
const LINES: [&str; 7] =
    ["sshd[", "sshd-session[", "dropbear[", "login[", "systemd-logind[", "pam_unix(", "type=USER_LOGIN"];
/// How much of the end of a file is looked at.
const TAIL_BYTES: i64 = 64 * 1024;
/// Files of one pattern that are looked at, at most.
const MAX_FILES: usize = 100;
/// Where journald keeps its files, each machine in a directory of its own.
const JOURNALS: [&str; 2] = ["/run/log/journal", "/var/log/journal"];

/// The remedy.
const READ_THE_JOURNAL: &str = "add \
                                <localfile><log_format>journald</log_format><location>all</location></localfile>; \
                                lines also present in log files are counted once";

/// What `hidsctl check` says of logins: that nobody watches them, or that files alone do.
pub(crate) fn check(sources: &[LogSourceConfig]) -> Option<Diagnostic> {
    check_of(sources, has_journal(&JOURNALS))
}

fn check_of(sources: &[LogSourceConfig], has_journal: bool) -> Option<Diagnostic> {
    if let Some(why) = unwatched_of(sources, has_journal) {
        return Some(
            Diagnostic::warning("C117", format!("logins are not monitored: {why}")).help(remedy_with(has_journal)),
        );
    }
    let reads_journal = sources.iter().any(|source| match &source.input {
        LogInput::Journal { selections, .. } => selections.iter().any(may_tell_of_logins),
        LogInput::File { .. } | LogInput::Command { .. } => false,
    });
    (!reads_journal && has_journal).then(|| {
        let message = "logins are read from syslog files: any local user can forge lines of any program through the syslog socket and cause an address to be blocked; the journal records the sender of each line";
        Diagnostic::note("C136", message).help(READ_THE_JOURNAL)
    })
}

/// Why logins are not monitored; `None` when they are, or when this machine records none.
pub(crate) fn unwatched(sources: &[LogSourceConfig]) -> Option<String> {
    unwatched_of(sources, has_journal(&JOURNALS))
}

/// What to do when logins are not monitored.
pub(super) fn remedy() -> &'static str {
    remedy_with(has_journal(&JOURNALS))
}

fn remedy_with(has_journal: bool) -> &'static str {
    if has_journal {
        READ_THE_JOURNAL
    } else {
        "add the file to which the syslog daemon writes the facilities auth and authpriv"
    }
}

fn unwatched_of(sources: &[LogSourceConfig], has_journal: bool) -> Option<String> {
    let mut reasons = Vec::new();
    let (mut has_logs, mut names_logins) = (false, false);
    let mut journal = if has_journal { "the journal is not monitored" } else { "no journal available" };
    for source in sources {
        match &source.input {
            LogInput::Journal { selections, .. } => {
                (has_logs, names_logins) = (true, true);
                if !selections.iter().any(may_tell_of_logins) {
                    journal = "the journal is monitored without login programs";
                } else if has_journal {
                    return None;
                }
            }
            LogInput::File { pattern } => {
                has_logs = true;
                let is_usual = is_usual(Path::new(pattern));
                match look_at(pattern, is_usual) {
                    Ok(()) => return None,
                    Err(why) if is_usual => {
                        names_logins = true;
                        reasons.push(why);
                    }
                    Err(_) => {}
                }
            }
            LogInput::Command { .. } => {}
        }
    }
    // A machine, or a container, that has neither a journal nor a log by a usual name may have no logins.
    if has_logs && !names_logins && !has_journal {
        return None;
    }
    reasons.push(journal.to_owned());
    Some(reasons.join(", "))
}

/// Whether entries of programs that log people in are among those selected.
fn may_tell_of_logins(selection: &JournalSelection) -> bool {
    let identifier = selection.identifier.as_deref();
    identifier.is_none_or(|name| IDENTIFIERS.contains(&name)) && selection.conditions.iter().all(may_fit)
}

fn may_fit(condition: &FieldCondition) -> bool {
    let names: &[&str] = match condition.field.as_str() {
        "_SYSTEMD_UNIT" => &UNITS,
        "SYSLOG_IDENTIFIER" => &IDENTIFIERS,
        _ => return true,
    };
    match &condition.test {
        FieldTest::OneOf(values) => values.iter().any(|value| names.contains(&value.as_str())),
        FieldTest::Pattern(text) => {
            Pattern::pcre2(text).is_ok_and(|pattern| names.iter().any(|name| pattern.is_match(name.as_bytes())))
        }
    }
}

fn is_usual(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| FILES.contains(&name))
}

/// Whether a file of the pattern can be read and tells of logins; if not, why.
fn look_at(pattern: &str, is_usual: bool) -> Result<(), String> {
    let pattern = match pattern.contains('%') {
        true => jiff::fmt::strtime::format(pattern, &jiff::Zoned::now()).unwrap_or_else(|_| pattern.to_owned()),
        false => pattern.to_owned(),
    };
    let files: Vec<PathBuf> = match pattern.contains(['*', '?', '[']) {
        true => glob::glob(&pattern).into_iter().flatten().filter_map(Result::ok).take(MAX_FILES).collect(),
        false => vec![PathBuf::from(&pattern)],
    };
    let mut why = format!("{pattern} is missing");
    for path in files {
        match tail(&path) {
            Ok(tail) if is_usual || self::is_usual(&path) || tells_of_logins(&tail) => return Ok(()),
            Ok(_) => why = format!("{} contains no login messages", path.display()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => why = format!("cannot read {} ({error})", path.display()),
        }
    }
    Err(why)
}

/// The end of a regular file. Pipes are not opened: their lines would be lost.
fn tail(path: &Path) -> std::io::Result<Vec<u8>> {
    if !std::fs::metadata(path)?.is_file() {
        return Ok(Vec::new());
    }
    let mut file = File::open(path)?;
    if file.metadata()?.len() > TAIL_BYTES.unsigned_abs() {
        file.seek(SeekFrom::End(-TAIL_BYTES))?;
    }
    let mut tail = Vec::new();
    file.take(TAIL_BYTES.unsigned_abs()).read_to_end(&mut tail)?;
    Ok(tail)
}

fn tells_of_logins(tail: &[u8]) -> bool {
    LINES.iter().any(|start| memchr::memmem::find(tail, start.as_bytes()).is_some())
}

/// Whether journald has written anything on this machine.
fn has_journal(directories: &[&str]) -> bool {
    let entries = |path: &Path| std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_journal = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "journal");
    directories
        .iter()
        .any(|directory| entries(Path::new(directory)).any(|machine| entries(&machine).any(|file| is_journal(&file))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::LogFormat;

    fn file(pattern: impl Into<String>) -> LogSourceConfig {
        LogSourceConfig { input: LogInput::File { pattern: pattern.into() }, format: LogFormat::Line }
    }

    fn journal(selection: JournalSelection) -> LogSourceConfig {
        let input = LogInput::Journal { selections: vec![selection], trusted: Vec::new() };
        LogSourceConfig { input, format: LogFormat::Journald }
    }

    // O-B1
    #[test]
    fn a_stock_debian_without_files_and_without_the_journal_source_is_unwatched() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("auth.log");
        let sources = [file(path.to_str().expect("UTF-8")), file("/nowhere/access.log")];
        let missing = format!("{} is missing", path.display());
        assert_eq!(unwatched_of(&sources, true), Some(format!("{missing}, the journal is not monitored")));
        assert_eq!(unwatched_of(&sources, false), Some(format!("{missing}, no journal available")));
        assert_eq!(unwatched_of(&[], true).as_deref(), Some("the journal is not monitored"));
        assert_eq!(unwatched_of(&[], false).as_deref(), Some("no journal available"));
        std::fs::write(&path, "").expect("written");
        assert_eq!(unwatched_of(&sources, true), None);
    }

    // O-B1
    #[test]
    fn logins_in_a_file_of_another_name_or_below_a_wildcard_are_watched() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = |name: &str| directory.path().join(name).to_str().expect("UTF-8").to_owned();
        std::fs::write(path("all-hosts"), "Nov 29 19:00:00 h sshd[1]: Accepted\n").expect("written");
        assert_eq!(unwatched_of(&[file(path("all-hosts"))], true), None);
        assert_eq!(unwatched_of(&[file(path("a*-hosts"))], true), None);
        std::fs::write(path("all-hosts"), "Nov 29 19:00:00 h app[1]: hello\n").expect("written");
        assert!(unwatched_of(&[file(path("a*-hosts"))], true).is_some());
        // Nothing here records logins at all.
        assert_eq!(unwatched_of(&[file(path("all-hosts"))], false), None);
    }

    // H5: files alone are open to every local user; without a journal there is nothing better.
    #[test]
    fn logins_read_from_files_alone_are_noted_where_there_is_a_journal() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("auth.log");
        std::fs::write(&path, "").expect("written");
        let files = file(path.to_str().expect("UTF-8"));
        let code = |sources: &[LogSourceConfig], has_journal| check_of(sources, has_journal).map(|found| found.code);
        assert_eq!(code(std::slice::from_ref(&files), true), Some("C136"));
        assert_eq!(code(std::slice::from_ref(&files), false), None);
        assert_eq!(code(&[files, journal(JournalSelection::default())], true), None);
        assert_eq!(code(&[], true), Some("C117"));
        let note = check_of(&[file(path.to_str().expect("UTF-8"))], true).expect("a note");
        assert!(note.message.contains("through the syslog socket"), "{}", note.message);
        assert!(note.help.is_some_and(|help| help.contains("<log_format>journald</log_format>")));
    }

    // H5: entries of a unit alone leave sshd to the file, which anybody can write to through syslog.
    #[test]
    fn a_journal_source_without_logins_does_not_silence_the_note() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("auth.log");
        std::fs::write(&path, "").expect("written");
        let nginx = JournalSelection { identifier: Some("nginx".into()), conditions: Vec::new() };
        let sources = [file(path.to_str().expect("UTF-8")), journal(nginx)];
        assert_eq!(check_of(&sources, true).map(|found| found.code), Some("C136"));
    }

    // O-B1, C19
    #[test]
    fn the_journal_counts_when_what_is_selected_of_it_can_tell_of_logins() {
        let everything = JournalSelection::default();
        assert_eq!(unwatched_of(&[journal(everything.clone())], true), None);
        assert_eq!(unwatched_of(&[journal(everything)], false).as_deref(), Some("no journal available"));
        let of = |identifier: &str| JournalSelection { identifier: Some(identifier.into()), conditions: Vec::new() };
        assert_eq!(unwatched_of(&[journal(of("sshd"))], true), None);
        assert!(unwatched_of(&[journal(of("nginx"))], true).is_some_and(|why| why.contains("without login programs")));
        let unit = |test| {
            let condition = FieldCondition { field: "_SYSTEMD_UNIT".into(), ignore_if_missing: false, test };
            journal(JournalSelection { identifier: None, conditions: vec![condition] })
        };
        assert_eq!(unwatched_of(&[unit(FieldTest::Pattern("^ssh".into()))], true), None);
        assert!(unwatched_of(&[unit(FieldTest::OneOf(vec!["nginx.service".into()]))], true).is_some());
    }
}
