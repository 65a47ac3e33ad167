//! Names of a directory against what the baseline knows there.

use std::ffi::CStr;
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::Duration;

use hids_core::fim::Checks;
use hids_core::model::{Digests, FileKind, FileState};

use super::known_range::KnownRange;
use super::listing::Listed as Hint;
use super::plan::join;
use super::worker::{Listed, Task, Worker};
use super::{Difference, NotScanned, ScanDepth, deleted};
use crate::fim::Entry;
use crate::fim::examine::{self, Examined, Look, Name, Stat, stat_at, stat_behind};

/// Names in one task.
const RANGE: usize = 256;

/// Timestamps of files are this coarse at worst (FAT: two seconds): a file that was read so soon after its
/// last change may have been changed again without another time.
const COARSEST_TIME: Duration = Duration::from_secs(2);

/// An entry that is there, or is thought to be.
pub(super) struct Item<'a> {
    pub directory: BorrowedFd<'a>,
    pub name: &'a CStr,
    pub hint: Hint,
    pub old: Option<Entry>,
}

/// Looks at a range of names, and for known names between them that are gone.
pub(super) fn names(worker: &mut Worker<'_>, directory: Arc<Listed>, from: usize) {
    let to = (from + RANGE).min(directory.names.len());
    let last = to == directory.names.len();
    if !last {
        // For whichever thread is free; below the directories that this range may find.
        worker.scan.pool.push(&mut vec![Task::Names { directory: Arc::clone(&directory), from: to }]);
    }
    let after = from.checked_sub(1).and_then(|before| directory.names.item(before)).map(|(name, _)| name);
    let end = if last { None } else { to.checked_sub(1).and_then(|at| directory.names.item(at)) };
    let mut known = KnownRange::new(&*worker.scan.known, &directory.task.path, after, end.map(|(name, _)| name));
    for index in from..to {
        let Some((name, hint)) = directory.names.item(index) else { continue };
        if !pass_missing(worker, &directory, &mut known, Some(name)) {
            return;
        }
        let old = match known.next_if(|known| known == name.to_bytes()) {
            Ok(old) => old.map(|(_, entry)| entry),
            Err(error) => return worker.not_scanned(directory.task.path.clone(), NotScanned::Baseline(error)),
        };
        take_entry(worker, &directory, name, hint, old);
    }
    pass_missing(worker, &directory, &mut known, None);
}

/// Known names before `name` are not listed any more. `false` = go on no further.
fn pass_missing(worker: &mut Worker<'_>, directory: &Listed, known: &mut KnownRange<'_>, name: Option<&CStr>) -> bool {
    loop {
        if !worker.pacer.may_continue() {
            return false;
        }
        match known.next_if(|known| name.is_none_or(|name| known < name.to_bytes())) {
            Ok(None) => return true,
            Ok(Some((missing, entry))) => {
                let Some(name) = Name::new(&missing) else { continue };
                // Looked at all the same: it may have come after the directory was listed.
                take_entry(worker, directory, name.as_c_str(), Hint::Unknown, Some(entry));
                worker.send_if_many();
            }
            Err(error) => {
                worker.not_scanned(directory.task.path.clone(), NotScanned::Baseline(error));
                return false;
            }
        }
    }
}

/// One entry of a directory, and the directory that it may be.
fn take_entry(worker: &mut Worker<'_>, directory: &Listed, name: &CStr, hint: Hint, old: Option<Entry>) {
    join(&directory.task.path, name.to_bytes(), &mut worker.path);
    if worker.scan.policy.is_root(&worker.path) {
        return;
    }
    let item = Item { directory: directory.names.directory(), name, hint, old };
    if inspect(worker, item) == Some(FileKind::Directory)
        && worker.scan.policy.enters(&worker.path)
        && let Some(task) = worker.below(directory, &worker.path)
    {
        worker.tasks.push(task);
    }
}

/// Looks at what is at the path of `worker` and reports a difference. What it is now; `None`: nothing, or nothing
/// that is watched.
pub(super) fn inspect(worker: &mut Worker<'_>, item: Item<'_>) -> Option<FileKind> {
    let (kind, stat) = match kind(worker, &item) {
        Ok(Some(known)) => known,
        Ok(None) => {
            nothing(worker, item.old);
            return None;
        }
        Err(source) => {
            worker.refused(worker.path.clone(), "inspect", source);
            return None;
        }
    };
    let watch = worker.scan.policy.watch_of(&worker.path, kind.into())?;
    if kind != FileKind::Directory {
        worker.scan.control.count_files(1);
    }
    let checks = watch.checks;
    if is_unchanged(worker, &item, stat, checks) {
        return Some(kind);
    }
    let hint = if item.hint == Hint::Regular { examine::Hint::Regular } else { examine::Hint::Unknown };
    match worker.examiner.examine(item.directory, item.name, &worker.path, hint, checks) {
        Ok(Look::Seen(examined)) => Some(seen(worker, item.old, *examined)),
        Ok(Look::Nothing) => {
            nothing(worker, item.old);
            None
        }
        Ok(Look::Stopped) => None,
        Err(source) => {
            worker.refused(worker.path.clone(), "inspect", source);
            None
        }
    }
}

/// What an entry is: as the directory says, or as `statx` says where that is asked anyway.
fn kind(worker: &Worker<'_>, item: &Item<'_>) -> io::Result<Option<(FileKind, Option<Stat>)>> {
    let by_time = worker.scan.request.depth == ScanDepth::Changed && item.old.is_some();
    match item.hint {
        Hint::Regular if !by_time => return Ok(Some((FileKind::Regular, None))),
        Hint::Directory if !by_time => return Ok(Some((FileKind::Directory, None))),
        _ => {}
    }
    Ok(stat_at(item.directory, item.name)?.map(|stat| (stat.0.kind, Some(stat))))
}

/// Whether a [`ScanDepth::Changed`] scan may pass by what is there.
fn is_unchanged(worker: &Worker<'_>, item: &Item<'_>, stat: Option<Stat>, checks: Checks) -> bool {
    let (ScanDepth::Changed, Some(stat), Some(old)) = (worker.scan.request.depth, stat, &item.old) else {
        return false;
    };
    let Some(state) = &old.state else { return false };
    stat.agrees_with(state)
        && state.changed.plus(COARSEST_TIME) < old.read
        && match state.kind {
            FileKind::Regular => has_all_sums(state, checks),
            FileKind::Symlink if checks.reads_content() => leads_to_the_same(item, old, checks),
            _ => true,
        }
}

/// Reports a state that is not the baseline's.
fn seen(worker: &mut Worker<'_>, old: Option<Entry>, examined: Examined) -> FileKind {
    let Examined { state, began, unread } = examined;
    let kind = state.kind;
    let before = old.as_ref().and_then(|old| old.state.as_ref());
    let was_directory = before.is_some_and(|before| before.kind == FileKind::Directory);
    // The same state read later: with the later time the next scan need not read it again.
    let renews = worker.scan.request.depth == ScanDepth::Changed
        && kind == FileKind::Regular
        && old.as_ref().is_some_and(|old| state.changed.plus(COARSEST_TIME) >= old.read);
    // What cannot be read is reported each time: nothing else knows that it still is so.
    if before != Some(&state) || renews || unread.is_some() {
        let path = worker.path.clone();
        worker.differences.push(Difference { path, old, new: Some(state), read: began, unread });
    }
    if was_directory && kind != FileKind::Directory {
        let path = worker.path.clone();
        deleted::below(worker, path);
    }
    kind
}

/// Nothing is there.
fn nothing(worker: &mut Worker<'_>, old: Option<Entry>) {
    let path = worker.path.clone();
    deleted::deleted(worker, &path, old);
}

/// Whether the baseline has every sum that is asked for.
fn has_all_sums(state: &FileState, checks: Checks) -> bool {
    let sums = &state.digests;
    (!checks.md5 || sums.md5.is_some())
        && (!checks.sha1 || sums.sha1.is_some())
        && (!checks.sha256 || sums.sha256.is_some())
        && (!checks.blake3 || sums.blake3.is_some())
}

/// Whether what a link leads to has not changed since it was read. Only a full scan sees that a link further
/// on leads to another old file now.
fn leads_to_the_same(item: &Item<'_>, old: &Entry, checks: Checks) -> bool {
    let Some(state) = &old.state else { return false };
    match stat_behind(item.directory, item.name) {
        Ok(Some(stat)) if stat.0.kind == FileKind::Regular => {
            has_all_sums(state, checks) && stat.0.changed.plus(COARSEST_TIME) < old.read
        }
        Ok(_) => state.digests == Digests::default(),
        Err(_) => false,
    }
}
