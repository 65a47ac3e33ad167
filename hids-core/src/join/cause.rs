//! Cause of an alert, by which alerts are grouped.

use serde::{Deserialize, Serialize};

use crate::fim::is_package_manager;
use crate::model::{Alert, FieldName, FimEvent, Level, Who};

/// From this level on an alert is written and mailed at once: the mail about an attack does not wait.
pub(super) const AT_ONCE: Level = Level(10);

/// Longer texts (large diffs) are not held back: what is held is written with every commit.
const LONGEST_TEXT_BYTES: usize = 16 << 10;

/// Programs below which people's commands and services begin: they are no cause themselves.
const HOLDERS: [&str; 26] = [
    "systemd",
    "init",
    "sshd",
    "sshd-session",
    "sshd-auth",
    "dropbear",
    "login",
    "agetty",
    "getty",
    "su",
    "sudo",
    "doas",
    "pkexec",
    "cron",
    "crond",
    "atd",
    "anacron",
    "tmux",
    "tmux: server",
    "screen",
    "containerd-shim",
    "containerd-shim-runc-v2",
    "runc",
    "conmon",
    "dumb-init",
    "tini",
];
const SHELLS: [&str; 10] = ["sh", "bash", "dash", "zsh", "ksh", "mksh", "fish", "csh", "tcsh", "ash"];

/// Why several alerts are there: the part that must be equal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Cause {
    /// One command or service, with all that it started.
    Process {
        /// Number of its topmost process.
        pid: u32,
        /// Name of that process, hostile.
        name: Vec<u8>,
        /// Whose it is.
        owner: Owner,
    },
    /// A package manager at work. There is only one at a time: its database is locked.
    Packages,
    /// One connection to a login service: several programs log the same attempt.
    Login {
        /// The host's name from the line.
        hostname: Vec<u8>,
        /// The peer, as it was decoded.
        address: Vec<u8>,
        /// Number of the process that talks to it.
        pid: u32,
    },
}

/// Whose processes: alerts are never joined across any of these.
///
/// Not the control group: the kernel moves a process that ends to the topmost one, which is what is
/// read of it then.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Owner {
    /// Real and effective user.
    pub users: (Option<u32>, Option<u32>),
    /// Who logged in, and the audit session.
    pub login: (Option<u32>, Option<u32>),
    /// The container.
    pub container: Option<String>,
}

/// What must not differ where both alerts say it: a line of dpkg's log names no user, one of sshd's
/// may name none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Mark {
    Owner(Owner),
    User(Vec<u8>),
}

/// The cause of `alert`; `None` when it stands for itself and is written at once.
pub(super) fn cause(alert: &Alert) -> Option<(Cause, Option<Mark>)> {
    let is_single = alert.rule.level >= AT_ONCE
        || alert.full_log.len() > LONGEST_TEXT_BYTES
        || !alert.evidence.is_empty()
        || alert.target.is_some()
        || alert.previous_output.is_some()
        // Who forges a line must not put it beside, or in place of, a genuine one.
        || alert.untrusted.is_some();
    if is_single {
        return None;
    }
    match alert.notice.as_deref().map(|notice| &notice.news) {
        Some(FimEvent::Change(change)) => {
            let mut causes = change.who.iter().map(|who| cause_of(who));
            let first = causes.next()?;
            // Two different causes of one change: neither may hide in the other.
            causes.all(|other| other == first).then_some(first)
        }
        Some(_) => None,
        None if alert.rule.groups().any(|group| matches!(group, "dpkg" | "yum")) => Some((Cause::Packages, None)),
        None => login(alert),
    }
}

fn cause_of(who: &Who) -> (Cause, Option<Mark>) {
    let owner =
        Owner { users: (who.uid, who.euid), login: (who.login_uid, who.session), container: who.container.clone() };
    let by_manager = |executable: &[u8], command: &[u8]| is_package_manager(executable, command);
    let is_update = by_manager(&who.executable, &who.command)
        || who.parents.iter().any(|parent| by_manager(&parent.executable, &parent.command));
    if is_update && who.container.is_none() && who.euid == Some(0) {
        return (Cause::Packages, Some(Mark::Owner(owner)));
    }
    let (pid, name) = topmost(who);
    (Cause::Process { pid, name: name.to_vec(), owner }, None)
}

/// The highest process above (or at) `who` that is neither a shell nor what shells and services are
/// started by: the command that was given, or the service.
fn topmost(who: &Who) -> (u32, &[u8]) {
    let line = who.parents.iter().rev().map(|parent| (parent.pid, name_of(&parent.executable, &parent.command)));
    line.skip_while(|(pid, name)| *pid <= 1 || is_start(name))
        .find(|(pid, _)| *pid > 1)
        .unwrap_or((who.pid, name_of(&who.executable, &who.command)))
}

fn is_start(name: &[u8]) -> bool {
    HOLDERS.iter().chain(&SHELLS).any(|known| known.as_bytes() == name)
}

fn name_of<'a>(executable: &'a [u8], command: &'a [u8]) -> &'a [u8] {
    match executable.rsplit(|&byte| byte == b'/').next() {
        Some(name) if !name.is_empty() => name,
        _ => command,
    }
}

/// A refused login, as PAM and the service log it one after the other.
fn login(alert: &Alert) -> Option<(Cause, Option<Mark>)> {
    let is_refusal = |group| matches!(group, "authentication_failed" | "invalid_login" | "authentication_failures");
    if !alert.rule.groups().any(is_refusal) {
        return None;
    }
    let address = alert.fields.value(&FieldName::SrcIp).filter(|address| !address.is_empty())?;
    let pid = process_in(alert.full_log.get(..alert.log_offset)?)?;
    let user = [FieldName::DstUser, FieldName::SrcUser].iter().find_map(|name| alert.fields.value(name));
    let mark = user.filter(|user| !user.is_empty()).map(|user| Mark::User(user.to_vec()));
    Some((Cause::Login { hostname: alert.hostname.clone(), address: address.to_vec(), pid }, mark))
}

/// The process number in `… sshd[4711]: `.
fn process_in(header: &[u8]) -> Option<u32> {
    let header = header.trim_ascii_end().strip_suffix(b":")?.strip_suffix(b"]")?;
    let start = header.iter().rposition(|&byte| byte == b'[')?;
    std::str::from_utf8(&header[start + 1..]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn process_number_is_the_one_at_the_end_of_the_header() {
        assert_eq!(process_in(b"Nov 29 16:00:00 h sshd[4711]: "), Some(4711));
        assert_eq!(process_in(b"Nov 29 16:00:00 h[1] sshd: "), None);
        assert_eq!(process_in(b""), None);
        assert_eq!(process_in(b"sshd[99999999999]: "), None);
    }
}
