//! Process lookup in `/proc`, after the event.
//!
//! A process that has ended meanwhile is not found, and one that has replaced its program is found
//! with the new one: [`WhoSource::Procfs`] says so.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fs;
use std::io::Read as _;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use hids_core::model::{Ancestor, ExecutableNotes, Who, WhoSource};

use super::{MOST_ANCESTORS, WhoLookup};

/// Processes remembered; all are forgotten when there are more.
const REMEMBERED: usize = 4096;

/// More than any of the files has that are read here (a control group's path is the longest).
const LONGEST_FILE_BYTES: u64 = 64 * 1024;

/// What the kernel writes for "nobody logged in" and "no session".
const NONE: u32 = u32::MAX;

/// Looks into `/proc`; remembers a process as long as it runs the same program.
#[derive(Debug, Default)]
pub struct Procfs {
    known: Mutex<HashMap<u32, Known>>,
}

#[derive(Debug)]
struct Known {
    identity: Identity,
    who: Arc<Who>,
}

/// What changes when the number is given to another process, or the process replaces its program or
/// becomes another user.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Identity {
    /// Since the machine was started, in clock ticks.
    start_ticks: u64,
    parent: u32,
    /// Owner of the process' directory: its effective user, or root after it changed users.
    owner: u32,
    command: Vec<u8>,
    executable: Vec<u8>,
}

impl WhoLookup for Procfs {
    fn who(&self, pid: u32) -> Option<Arc<Who>> {
        let identity = Identity::read(pid)?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(&pid).filter(|known| known.identity == identity) {
            return Some(Arc::clone(&known.who));
        }
        let who = Arc::new(read(pid, &identity)?);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(pid, Known { identity, who: Arc::clone(&who) });
        Some(who)
    }
}

impl Identity {
    fn read(pid: u32) -> Option<Self> {
        let stat = file(pid, "stat")?;
        let (command, parent, start_ticks) = parse_stat(&stat)?;
        let owner = fs::metadata(format!("/proc/{pid}")).ok()?.uid();
        Some(Self { start_ticks, parent, owner, command: command.to_vec(), executable: executable(pid) })
    }
}

/// Everything about a living process; `None` when it ended while it was looked at.
fn read(pid: u32, identity: &Identity) -> Option<Who> {
    let status = file(pid, "status")?;
    let ids = |field: &[u8]| parse_ids(&status, field);
    let (uid, euid) = ids(b"Uid:").unzip();
    let (gid, _) = ids(b"Gid:").unzip();
    let number = |name| file(pid, name).and_then(|text| parse_number(&text)).filter(|number| *number != NONE);
    let cgroup = file(pid, "cgroup").map(|text| parse_cgroup(&text)).unwrap_or_default();
    let container = container(&cgroup);
    let login_uid = number("loginuid");
    let session = number("sessionid");
    let parents = ancestors(identity.parent);
    // A number that was given away meanwhile would mix two processes.
    let unchanged = file(pid, "stat").and_then(|stat| parse_stat(&stat).map(|(_, _, start)| start));
    if unchanged != Some(identity.start_ticks) {
        return None;
    }
    Some(Who {
        pid,
        executable: identity.executable.clone(),
        executable_notes: ExecutableNotes::NONE,
        command: identity.command.clone(),
        uid,
        euid,
        gid,
        login_uid,
        session,
        cgroup,
        container,
        parents,
        source: WhoSource::Procfs,
    })
}

fn ancestors(mut pid: u32) -> Vec<Ancestor> {
    let mut found = Vec::new();
    while pid != 0 && found.len() < MOST_ANCESTORS {
        let Some(stat) = file(pid, "stat") else { break };
        let Some((command, parent, _)) = parse_stat(&stat) else { break };
        found.push(Ancestor { pid, executable: executable(pid), command: command.to_vec() });
        pid = parent;
    }
    found
}

/// Path of the program; empty for kernel threads and processes that have ended.
pub(super) fn executable(pid: u32) -> Vec<u8> {
    fs::read_link(format!("/proc/{pid}/exe")).map(|path| path.into_os_string().into_vec()).unwrap_or_default()
}

pub(super) fn file(pid: u32, name: &str) -> Option<Vec<u8>> {
    let file = fs::File::open(Path::new("/proc").join(pid.to_string()).join(name)).ok()?;
    let mut text = Vec::new();
    file.take(LONGEST_FILE_BYTES).read_to_end(&mut text).ok()?;
    Some(text)
}

/// Command name, parent and start time from `/proc/PID/stat` (proc_pid_stat(5): fields 2, 4 and 22).
///
/// The command name may hold spaces, parentheses and line ends; the last parenthesis ends it.
pub(super) fn parse_stat(stat: &[u8]) -> Option<(&[u8], u32, u64)> {
    let start = stat.iter().position(|&byte| byte == b'(')? + 1;
    let end = stat.iter().rposition(|&byte| byte == b')')?;
    let command = stat.get(start..end)?;
    let rest = std::str::from_utf8(stat.get(end + 1..)?).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let parent = fields.nth(1)?.parse().ok()?;
    let start_ticks = fields.nth(17)?.parse().ok()?;
    Some((command, parent, start_ticks))
}

/// Real and effective number of `field` in `/proc/PID/status`.
pub(super) fn parse_ids(status: &[u8], field: &[u8]) -> Option<(u32, u32)> {
    // The name, on a line before, is escaped by the kernel: no line can be forged.
    let line = status.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(field))?;
    let mut numbers = std::str::from_utf8(line).ok()?.split_ascii_whitespace().map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

pub(super) fn parse_number(text: &[u8]) -> Option<u32> {
    std::str::from_utf8(text).ok()?.trim().parse().ok()
}

/// The control group in `/proc/PID/cgroup`: that of version 2, else the deepest of version 1.
pub(super) fn parse_cgroup(text: &[u8]) -> Vec<u8> {
    let lines = text.split(|&byte| byte == b'\n');
    let paths = lines.filter_map(|line| {
        let mut parts = line.splitn(3, |&byte| byte == b':');
        let is_v2 = parts.next()? == b"0";
        Some((is_v2, parts.nth(1)?))
    });
    let best = paths.max_by_key(|(is_v2, path)| (*path != b"/", *is_v2, path.len()));
    best.map(|(_, path)| path.to_vec()).unwrap_or_default()
}

/// The container's identifier in a control group's path: the last run of 64 hexadecimal digits
/// (Docker, Podman, containerd and CRI-O all name their groups so, with a prefix or suffix).
pub(super) fn container(cgroup: &[u8]) -> Option<String> {
    let mut runs = cgroup.split(|byte| !byte.is_ascii_hexdigit() || byte.is_ascii_uppercase());
    let identifier = runs.rfind(|run| run.len() == 64)?;
    String::from_utf8(identifier.to_vec()).ok()
}
