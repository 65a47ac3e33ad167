//! What another program knew of files before the first scan: entries of the baseline for those that differ, so that
//! the first scan reports them as changed.
//!
//! A file that is as it was known gets none: the first scan records more of it than others did.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::Path;

use hids_core::fim::{Checks, PathKind, Policy, compare};
use hids_core::model::{FileKind, FileState, Timestamp};

use super::examine::{ExamineOptions, examine};
use super::monitor::{BASELINE, KEY};
use super::store::{Durability, StoreKey, StoreLimits};
use super::{Entry, Store, StoreError};
use crate::adopt::ossec::KnownFile;

/// A file that is not as it was known.
#[derive(Debug)]
pub(crate) struct Differing {
    /// Its path without links on the way.
    pub path: Vec<u8>,
    /// What differs, in words.
    pub what: Vec<&'static str>,
    /// Whether the configuration has it compared, so that the first scan reports it.
    pub is_reported: bool,
    entry: Entry,
}

/// What a comparison found.
#[derive(Debug, Default)]
pub(crate) struct Compared {
    /// Files that differ, in the order of their paths.
    pub differing: Vec<Differing>,
    /// Files that do not.
    pub same: u64,
    /// Files that no `<directories>` holds.
    pub unmonitored: u64,
    /// Files that could not be looked at.
    pub unreadable: u64,
}

/// Compares files with what was known of them.
pub(crate) fn compare_with(known: &BTreeMap<Vec<u8>, KnownFile>, policy: &Policy) -> Compared {
    let mut compared = Compared::default();
    let checks = Checks { extended: true, ..Checks::all(true) };
    let options = ExamineOptions::default();
    for (path, known) in known {
        let path = without_links(path);
        let Some(watch) = policy.watch_of(&path, PathKind::Other) else {
            compared.unmonitored += 1;
            continue;
        };
        let now = match examine(&path, checks, &options) {
            Ok(found) => found.map(|found| found.state),
            Err(_) => {
                compared.unreadable += 1;
                continue;
            }
        };
        let before = state(known, now.as_ref());
        let what = match &now {
            None => vec!["deleted"],
            Some(now) => differences(&before, now, checks),
        };
        if what.is_empty() {
            compared.same += 1;
            continue;
        }
        let is_reported = now.as_ref().is_none_or(|now| !compare(&before, now, watch.checks).is_empty());
        let entry = Entry { state: Some(before), read: Timestamp::from_unix_seconds(known.seen), ..Entry::default() };
        compared.differing.push(Differing { path, what, is_reported, entry });
    }
    compared
}

/// Puts the files that differ into the baseline in `state`, except for those that it has already; returns how many.
///
/// # Errors
/// When the baseline cannot be used, also because a daemon holds it.
pub(crate) fn keep(state: &Path, compared: &Compared) -> Result<u64, StoreError> {
    let key = StoreKey::load_or_create(&state.join(KEY))?;
    let (store, _) = Store::open_without_repair(&state.join(BASELINE), &key, StoreLimits::default())?;
    let mut update = store.begin()?;
    let mut kept = 0;
    for file in &compared.differing {
        if update.entry(&file.path)?.is_none() {
            update.put(&file.path, &file.entry)?;
            kept += 1;
        }
    }
    update.commit(Durability::Synced)?;
    Ok(kept)
}

/// The path that the kernel names: a directory that is a link is watched as what it leads to.
fn without_links(path: &[u8]) -> Vec<u8> {
    let path = Path::new(OsStr::from_bytes(path));
    let resolved = || -> io::Result<Vec<u8>> {
        let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        Ok(directory.canonicalize()?.join(name).into_os_string().into_vec())
    };
    resolved().unwrap_or_else(|_| path.as_os_str().as_bytes().to_vec())
}

/// What was known as a state; what was not recorded is as it is now.
fn state(known: &KnownFile, now: Option<&FileState>) -> FileState {
    let mut state = now.cloned().unwrap_or_default();
    state.kind = known.mode.and_then(FileKind::from_mode).unwrap_or(state.kind);
    state.size_bytes = known.size.unwrap_or(state.size_bytes);
    state.mode = known.mode.unwrap_or(state.mode);
    state.uid = known.uid.unwrap_or(state.uid);
    state.gid = known.gid.unwrap_or(state.gid);
    // Neither time was recorded: the content is read.
    state.modified = Timestamp::default();
    state.changed = Timestamp::default();
    state.digests = known.digests;
    state
}

fn differences(before: &FileState, now: &FileState, checks: Checks) -> Vec<&'static str> {
    let found = compare(before, now, checks);
    let all = [
        (found.kind, "kind"),
        (found.size, "size"),
        (found.permissions, "permissions"),
        (found.owner, "owner"),
        (found.group, "group"),
        (found.md5 || found.sha1 || found.sha256, "content"),
    ];
    all.into_iter().filter(|(differs, _)| *differs).map(|(_, what)| what).collect()
}
