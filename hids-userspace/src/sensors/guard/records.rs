//! From the kernel's records to refusals that can be alerted.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hids_common::guard::{FileKey, GuardOperation, GuardRecord, REFUSED};
use hids_core::model::{Operation, Refusal, Who, WhoSource};
use zerocopy::FromBytes as _;

use super::mounts::Mounts;
use crate::sensors::WhoLookup;

/// What is needed to give names to a record.
pub(super) struct Names<'a> {
    /// What is mounted where.
    pub mounts: &'a Mounts,
    /// The path of a protected file or directory by its key.
    pub path_of: &'a dyn Fn(FileKey) -> Option<PathBuf>,
    /// Who a process is, for what the kernel does not tell: ancestors, the control group's path.
    pub processes: &'a dyn WhoLookup,
}

/// Reads a record; `None` if it is not one that this program knows.
pub(super) fn parse(bytes: &[u8]) -> Option<(Box<GuardRecord>, GuardOperation)> {
    let (record, _) = GuardRecord::read_from_prefix(bytes).ok()?;
    let operation = *GuardOperation::ALL.get(record.operation as usize)?;
    Some((Box::new(record), operation))
}

/// The refusal that a record tells of.
pub(super) fn refusal(record: &GuardRecord, operation: GuardOperation, names: &Names<'_>) -> Refusal {
    Refusal {
        path: path(record, names).into_os_string().into_vec(),
        operation: described(operation),
        refused: record.flags & REFUSED != 0,
        who: Arc::new(who(record, names)),
        count: 1,
    }
}

/// The operation in the words of alerts.
pub(super) const fn described(operation: GuardOperation) -> Operation {
    use GuardOperation as G;
    match operation {
        G::Open | G::Write | G::Truncate => Operation::Write,
        G::Create | G::MakeDirectory | G::MakeNode | G::Symlink | G::Link => Operation::Create,
        G::Unlink | G::RemoveDirectory => Operation::Delete,
        G::RenameFrom => Operation::RenamedFrom,
        G::RenameTo => Operation::RenamedTo,
        G::SetAttributes | G::SetXattr | G::SetAcl | G::SetFlags => Operation::Attributes,
        G::Map => Operation::Map,
        G::Mount | G::Unmount => Operation::Mount,
    }
}

fn path(record: &GuardRecord, names: &Names<'_>) -> PathBuf {
    let below = joined(&record.path, record.path_bytes);
    match (names.path_of)(record.protected).filter(|_| record.protected.inode != 0) {
        Some(protected) if below.as_os_str().is_empty() => protected,
        Some(protected) => protected.join(below),
        None => names.mounts.path_of(record.protected.device, &below),
    }
}

fn who(record: &GuardRecord, names: &Names<'_>) -> Who {
    // A process that has ended, or whose number is another's by now, adds nothing.
    let looked_up = names
        .processes
        .who(record.pid)
        .filter(|who| who.parents.first().is_none_or(|parent| parent.pid == record.parent));
    let known = looked_up.as_deref().cloned().unwrap_or_default();
    let executable = joined(&record.executable_path, record.executable_bytes);
    let executable = match executable.as_os_str().is_empty() {
        true => Vec::new(),
        false => names.mounts.path_of(record.executable.device, &executable).into_os_string().into_vec(),
    };
    let command = record.command.split(|byte| *byte == 0).next().unwrap_or_default();
    let set = |number: u32| Some(number).filter(|number| *number != u32::MAX);
    Who {
        pid: record.pid,
        executable,
        command: command.to_vec(),
        uid: Some(record.uid),
        euid: Some(record.euid),
        gid: Some(record.gid),
        login_uid: set(record.login_uid),
        session: set(record.session),
        source: WhoSource::Lsm,
        ..known
    }
}

/// Names that were written one after the other from the innermost outwards.
fn joined(names: &[u8], length: u32) -> PathBuf {
    let used = names.get(..length as usize).unwrap_or(names);
    let mut parts: Vec<&[u8]> = used.split(|byte| *byte == 0).filter(|part| !part.is_empty()).collect();
    parts.reverse();
    // A name that looks like a root cannot come from the kernel; it must not become one here.
    let parts = parts.iter().map(|part| Path::new(std::ffi::OsStr::from_bytes(part)));
    parts.filter(|part| !part.has_root()).fold(PathBuf::from(OsString::new()), |path, part| path.join(part))
}

/// Folds equal refusals into one that counts them.
pub(super) fn fold(refusals: &mut Vec<Refusal>, new: Refusal) {
    let same = |old: &&mut Refusal| {
        let key = |refusal: &Refusal| (refusal.operation, refusal.refused, refusal.who.pid);
        key(old) == key(&new) && old.path == new.path && old.who.command == new.who.command
    };
    match refusals.iter_mut().rev().take(64).find(same) {
        Some(old) => old.count = old.count.saturating_add(1),
        None => refusals.push(new),
    }
}

#[cfg(test)]
mod tests;
