//! Lines about the process behind a change.

use std::fmt::Write as _;

use super::{Text, quoted};
use crate::model::{ExecutableNote, Operations, Who};

/// Most processes that a text shows, the last ones.
const SHOWN: usize = 4;

/// Those who changed a file and what they did; or that nobody was seen.
pub(super) fn all(text: &mut Text, who: &[std::sync::Arc<Who>], operations: Operations) {
    if who.is_empty() && operations.is_empty() {
        text.line(format_args!("Detected by a scan; user and time unknown."));
    }
    let hidden = who.len().saturating_sub(SHOWN);
    if hidden > 0 {
        text.line(format_args!("Changed by {} processes; the last {SHOWN} of them:", who.len()));
    }
    who.iter().skip(hidden).for_each(|one| self::who(text, one, "Changed by"));
    if !operations.is_empty() {
        let names: Vec<&str> = operations.iter().map(|operation| operation.name()).collect();
        text.line(format_args!("Operations: {}", names.join(", ")));
    }
}

/// One process. `label` says what it did.
pub(super) fn who(text: &mut Text, who: &Who, label: &str) {
    let command = quoted(&who.command);
    match (who.executable.is_empty(), who.command.is_empty()) {
        (false, _) => {
            text.line(format_args!(
                "{label}: '{}' (process {}, command '{command}')",
                quoted(&who.executable),
                who.pid
            ));
        }
        (true, false) => text.line(format_args!("{label}: process {}, command '{command}'", who.pid)),
        (true, true) if who.pid == 0 => text.line(format_args!("{label}: a process not identified by the kernel")),
        (true, true) => {
            text.line(format_args!("{label}: process {}, which exited before it could be inspected", who.pid));
        }
    }
    if !who.executable_notes.is_empty() {
        let notes: Vec<&str> = who.executable_notes.iter().map(describe).collect();
        text.line(format_args!("Executable path note: {}", notes.join("; ")));
    }
    let mut ids = String::new();
    for (name, id) in [
        ("user", who.uid),
        ("effective user", who.euid),
        ("group", who.gid),
        ("login user", who.login_uid),
        ("session", who.session),
    ] {
        if let Some(id) = id {
            let comma = if ids.is_empty() { "" } else { ", " };
            let _ = write!(ids, "{comma}{name} '{id}'");
        }
    }
    if !ids.is_empty() {
        text.line(format_args!("As: {ids}"));
    }
    if !who.parents.is_empty() {
        let name = |bytes: &[u8], other: &[u8]| quoted(if bytes.is_empty() { other } else { bytes });
        let parents: Vec<String> = who
            .parents
            .iter()
            .map(|parent| format!("'{}' ({})", name(&parent.executable, &parent.command), parent.pid))
            .collect();
        text.line(format_args!("Started by: {}", parents.join(" < ")));
    }
    if let Some(container) = &who.container {
        text.line(format_args!("Container: '{}'", quoted(container.as_bytes())));
    } else if !who.cgroup.is_empty() {
        text.line(format_args!("Control group: '{}'", quoted(&who.cgroup)));
    }
}

fn describe(note: ExecutableNote) -> &'static str {
    match note {
        ExecutableNote::OtherMounts => "path in another mount namespace",
        ExecutableNote::Chroot => "the process has a different root directory",
        ExecutableNote::Nameless => "the file was already unlinked when it was executed",
        ExecutableNote::CutOff => "path truncated at the beginning",
    }
}
