//! Finds rotated files again: those of the last run, copies of truncated files, and what came and was rotated away
//! while events were lost.
//!
//! It reads directories and files and keeps the positions of the last run. Which files are tailed its
//! callers say, and what it finds it returns.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use hids_core::model::Timestamp;
use tracing::warn;

use super::directory_cache::DirectoryCache;
use super::ids::SourceId;
use super::initial_offset::{
    Content, beginning, carried_over, has_number_of, identity_of, is_not_there, offset_after_change, still_holds,
};
use super::links::link_hops;
use super::names::{expand_time, has_wildcard, is_rotated_name_of};
use super::open::{LastLink, Opened, open};
use super::position::{FileIdentity, FilePosition, parse_positions, path_of_key, pattern_key};
use super::routes::{Routes, Target};
use crate::collect::report::CollectCounters;

/// How long the listing of a directory may be used when files are truncated.
const LISTING_AGE: Duration = Duration::from_millis(50);
/// How old the copy of a truncated file may be.
const COPY_AGE_MS: i64 = 5 * 60 * 1000;
/// How old the copy of a content may be of which nothing was read: no longer than the reader can be behind, because
/// nothing else tells it from a file that somebody put there.
const UNREAD_COPY_AGE_MS: i64 = 10 * 1000;
/// How many such copies are remembered; with more in ten seconds, further ones are not taken for logs.
const MAX_JUDGED: usize = 65_536;

/// Whether a file is tailed already.
pub(super) type IsTailed<'a> = &'a dyn Fn(FileIdentity) -> bool;

/// What becomes of a file beside a log that holds nothing of what was read of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Unknown {
    /// It is left alone: a copy was looked for.
    #[default]
    LeftAlone,
    /// It came and was rotated away while events were missing.
    FromFirstByte,
}

/// What a file beside a log may be.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rotated<'a> {
    /// What was read of contents that are no longer in the files that are tailed: it goes on from there.
    pub missing: &'a [FilePosition],
    /// What was read of files that are tailed: one that holds that is a copy, which has nothing to add.
    pub followed: &'a [FilePosition],
    /// The owner of the log.
    pub owner: Option<u32>,
    pub unknown: Unknown,
}

/// A rotated file that was found, and where to read it from.
#[derive(Debug)]
pub(super) struct RotatedFile {
    pub opened: Opened,
    pub position: FilePosition,
    /// The missing position that it goes on from.
    continues: Option<FilePosition>,
}

/// The files of a path after a restart.
#[derive(Debug, Default)]
pub(super) struct Recovered {
    /// Oldest first.
    pub rotated: Vec<RotatedFile>,
    /// Positions of which one may be that of the file at the path.
    pub waiting: Vec<FilePosition>,
}

/// The positions of the last run, and the search for the files that they belong to.
#[derive(Debug)]
pub(super) struct Recovery {
    /// Positions of the last run, later also those of files that are not tailed any more.
    positions: HashMap<String, String>,
    is_first_start: bool,
    directories: DirectoryCache,
    /// When the listings in `directories` were made.
    listed_at: Option<Instant>,
    /// Copies that were there when a truncation was noticed, by number and birth, until they are too old to be taken
    /// for one of which nothing was read.
    judged: HashMap<(FileIdentity, i64), i64>,
    counters: Arc<CollectCounters>,
}

impl Recovery {
    pub(super) fn new(
        positions: HashMap<String, String>,
        is_first_start: bool,
        counters: Arc<CollectCounters>,
    ) -> Self {
        Self {
            positions,
            is_first_start,
            directories: DirectoryCache::default(),
            listed_at: None,
            judged: HashMap::new(),
            counters,
        }
    }

    /// Whether the pattern was followed before: a file of it without a position is new.
    pub(super) fn knows_pattern(&self, pattern: &str) -> bool {
        !self.is_first_start && self.positions.contains_key(&pattern_key(pattern))
    }

    /// Notes that these patterns were followed until now.
    pub(super) fn remember_patterns(&mut self, patterns: Vec<String>) {
        self.positions.extend(patterns.iter().map(|pattern| (pattern_key(pattern), "1".to_owned())));
        self.is_first_start = false;
    }

    /// Whether there is a position under this name.
    pub(super) fn knows(&self, key: &str) -> bool {
        self.positions.contains_key(key)
    }

    /// The positions under this name.
    pub(super) fn positions(&self, key: &str) -> Option<Vec<FilePosition>> {
        self.positions.get(key).and_then(|text| parse_positions(text))
    }

    /// Keeps the position of a path that is not tailed any more.
    pub(super) fn remember(&mut self, key: String, positions: String) {
        self.positions.insert(key, positions);
    }

    /// Forgets a position.
    pub(super) fn forget(&mut self, key: &str) {
        self.positions.remove(key);
    }

    /// Forgets what directories held.
    pub(super) fn forget_listings(&mut self) {
        self.directories = DirectoryCache::default();
    }

    /// After many files have gone, frees the room that they took.
    pub(super) fn shrink(&mut self) {
        self.positions.shrink_to_fit();
    }

    /// Paths with a position that belong to a source with wildcards: their files are known even when nothing is
    /// at the path now.
    pub(super) fn adopted<'a>(&self, patterns: impl Iterator<Item = (SourceId, &'a str)>) -> Vec<(PathBuf, SourceId)> {
        let now = jiff::Zoned::now();
        let with_files = self.positions.iter().filter(|(_, value)| value.contains(';'));
        let paths: Vec<&str> = with_files.filter_map(|(key, _)| path_of_key(key)).collect();
        let mut adopted: Vec<(PathBuf, SourceId)> = Vec::new();
        for (source, pattern) in patterns {
            let Ok(expanded) = expand_time(pattern, &now) else { continue };
            if !has_wildcard(&expanded) {
                continue;
            }
            let mut routes = Routes::default();
            let Some(route) = routes.add_route(Path::new(&expanded), true, Target::Source(source)) else { continue };
            let matching = paths.iter().filter(|path| routes.leads_to(route, Path::new(path)));
            adopted.extend(matching.map(|path| (path.into(), source)));
        }
        adopted
    }

    /// After a restart: the files of `path` that were renamed meanwhile, which are finished first.
    ///
    /// A file is taken for one that was read only if it still holds what was read of it: numbers of files
    /// are used again at once on ext4, and begin again at each boot where logs lie in memory.
    pub(super) fn after_restart(
        &mut self,
        path: &Path,
        positions: Vec<FilePosition>,
        is_tailed: IsTailed<'_>,
    ) -> Recovered {
        let mut recovered = Recovered::default();
        let Some((noticed_at, owner)) = positions.last().map(|last| (last.noticed_at, last.uid)) else {
            return recovered;
        };
        let at_path = open(path, LastLink::Follow);
        let places = places_of(path);
        let is_at_path = |position: &FilePosition| at_path.as_ref().is_ok_and(|file| is_file_of(file, position));
        for position in positions {
            if is_at_path(&position) || !self.find_renamed(&places, &position, &mut recovered.rotated, is_tailed) {
                recovered.waiting.push(position);
            }
        }
        let created_since: Vec<_> =
            places.iter().flat_map(|place| self.directories.created_after(place, noticed_at)).collect();
        let (followed, missing): (Vec<_>, Vec<_>) = recovered.waiting.iter().cloned().partition(is_at_path);
        let kind = Rotated { missing: &missing, followed: &followed, owner, unknown: Unknown::FromFirstByte };
        for created in created_since {
            let is_at_path = at_path.as_ref().is_ok_and(|file| identity_of(&file.meta) == created.identity);
            if !is_at_path && !is_known(created.identity, &recovered.rotated, is_tailed) {
                recovered.rotated.extend(open_rotated(&created.path, kind, is_tailed));
            }
        }
        let found: Vec<FilePosition> =
            recovered.rotated.iter().filter_map(|rotated| rotated.continues.clone()).collect();
        recovered.waiting.retain(|position| !found.contains(position));
        match at_path {
            Ok(file) => {
                let lost = recovered.waiting.iter().filter(|position| !goes_on_in(&file, position, path));
                lost.for_each(|lost| self.note_lost(path, lost));
            }
            Err(error) if is_not_there(&error) => {
                recovered.waiting.drain(..).for_each(|lost| self.note_lost(path, &lost));
            }
            // Once it can be read, it may be the one.
            Err(_) => {}
        }
        recovered
    }

    /// Finds the file that `position` belongs to, under the name that it has now; returns whether it still holds what
    /// was read of it.
    fn find_renamed(
        &mut self,
        places: &[PathBuf],
        position: &FilePosition,
        rotated: &mut Vec<RotatedFile>,
        is_tailed: IsTailed<'_>,
    ) -> bool {
        let inode = position.identity.inode;
        let names: Vec<PathBuf> = places.iter().filter_map(|place| self.directories.find_inode(place, inode)).collect();
        names.into_iter().any(|name| {
            let Some((file, holds)) = open_renamed(&name, places, position) else { return false };
            if !is_known(identity_of(&file.opened.meta), rotated, is_tailed) {
                rotated.push(file);
            }
            holds
        })
    }

    /// What was written to a file after `position` cannot be found any more.
    fn note_lost(&self, path: &Path, position: &FilePosition) {
        // What a truncated file held was looked for when that was noticed.
        if position.finished || position.identity.inode == 0 {
            return;
        }
        self.counters.lost_positions.fetch_add(1, Ordering::Relaxed);
        warn!(path = %path.display(), inode = position.identity.inode, offset = position.offset,
            consequence = "lines written to it after that, if any, are not analysed",
            help = "let logrotate compress later (delaycompress), so that the rest can be read after a restart",
            "log file was rotated and removed, compressed or truncated while it was not watched");
    }

    /// The file at `path` was truncated before any of it had been read: nothing says which file is a copy of it.
    pub(super) fn note_unread(&self, path: &Path) {
        self.counters.lost_positions.fetch_add(1, Ordering::Relaxed);
        warn!(path = %path.display(), consequence = "the lines that were written to it before are not analysed",
            help = "let logrotate rename the log (create) rather than truncate it (copytruncate)",
            "log file was truncated before any of it was read");
    }

    /// The file at `path` was truncated before all of it had been read: the copies that a rotation made of it
    /// (copytruncate) since, which have the rest, and those of contents that were written and cut off between
    /// `intact_at` (milliseconds since 1970) and `noticed_at`.
    pub(super) fn copies(
        &mut self,
        path: &Path,
        cut_off: &FilePosition,
        (intact_at, noticed_at): (i64, Timestamp),
        is_tailed: IsTailed<'_>,
    ) -> Vec<RotatedFile> {
        // Many files may be rotated at once: one listing serves them all.
        let now = Instant::now();
        if self.listed_at.is_none_or(|at| now.saturating_duration_since(at) > LISTING_AGE) {
            self.forget_listings();
            self.listed_at = Some(now);
        }
        let now = noticed_at.unix_nanos() / 1_000_000;
        let (missing, owner) = (std::slice::from_ref(cut_off), cut_off.uid);
        let rest = Rotated { missing, owner, ..Rotated::default() };
        let mut copies = self.rotated_since(path, now - COPY_AGE_MS, rest, is_tailed);
        let unread = Rotated { followed: missing, owner, unknown: Unknown::FromFirstByte, ..Rotated::default() };
        let oldest = now - UNREAD_COPY_AGE_MS;
        self.judged.retain(|_, at| *at >= oldest);
        for place in places_of(path) {
            for created in self.directories.created_after(&place, intact_at.max(oldest)) {
                let has_room = self.judged.len() < MAX_JUDGED;
                let is_new = has_room && self.judged.insert((created.identity, created.born), now).is_none();
                if is_new && !is_known(created.identity, &copies, is_tailed) {
                    copies.extend(open_rotated(&created.path, unread, is_tailed));
                }
            }
        }
        copies
    }

    /// Rotated files of `path` that were made after `moment` (milliseconds since 1970) and are not tailed.
    pub(super) fn rotated_since(
        &mut self,
        path: &Path,
        moment: i64,
        kind: Rotated<'_>,
        is_tailed: IsTailed<'_>,
    ) -> Vec<RotatedFile> {
        let places = places_of(path);
        let created: Vec<_> = places.iter().flat_map(|place| self.directories.created_after(place, moment)).collect();
        let mut rotated: Vec<RotatedFile> = Vec::new();
        for created in created {
            if !is_known(created.identity, &rotated, is_tailed) {
                rotated.extend(open_rotated(&created.path, kind, is_tailed));
            }
        }
        rotated
    }
}

/// Where files of the log at `path` are rotated: what a symbolic link leads to is rotated in its own directory.
fn places_of(path: &Path) -> Vec<PathBuf> {
    std::iter::once(path.to_owned()).chain(link_hops(path)).collect()
}

fn is_known(identity: FileIdentity, rotated: &[RotatedFile], is_tailed: IsTailed<'_>) -> bool {
    is_tailed(identity) || rotated.iter().any(|file| identity_of(&file.opened.meta) == identity)
}

/// The file at `name`, if `position` belongs to it, and whether it still holds what was read of it.
fn open_renamed(name: &Path, places: &[PathBuf], position: &FilePosition) -> Option<(RotatedFile, bool)> {
    let opened = open(name, LastLink::Refuse).ok()?;
    if !has_number_of(&opened.meta, position) || !may_be_of(&opened, position.uid) {
        return None;
    }
    let holds = still_holds(&opened.file, position);
    // Number and time of birth are those of the file itself: if the content is another one, it was
    // truncated, and then rotated. Without the time, only the content counts, and for a file that was
    // empty its name.
    let is_certain = position.born.is_some();
    let is_likely = holds && (position.offset > 0 || is_rotated_name_of(name, places));
    if !is_certain && !is_likely {
        return None;
    }
    let position = if holds {
        carried_over(position, &opened.meta)
    } else {
        let (offset, _) = offset_after_change(&opened.file, position, &[], name);
        FilePosition { offset, ..beginning(&opened.meta) }
    };
    Some((RotatedFile { opened, position, continues: None }, holds))
}

/// Opens a file that was at the path of a log before, or a copy of it, and is at `path` now.
pub(super) fn open_rotated(path: &Path, kind: Rotated<'_>, is_tailed: IsTailed<'_>) -> Option<RotatedFile> {
    let opened = open(path, LastLink::Refuse).ok()?;
    if is_tailed(identity_of(&opened.meta)) {
        return None;
    }
    if !may_be_of(&opened, kind.owner) {
        warn!(path = %path.display(), owner = opened.meta.uid(), consequence = "if it is a rotated log, its lines are not analysed",
            help = "rotated logs must belong to the owner of the log or to root",
            "file beside a log ignored: another user owns it");
        return None;
    }
    let holds = |position: &&FilePosition| position.head.length > 0 && still_holds(&opened.file, position);
    // A copy (copytruncate) that begins like the file that was read holds what came after.
    let known = kind.missing.iter().filter(holds).max_by_key(|position| position.offset);
    let position = match known {
        Some(known) if kind.unknown == Unknown::LeftAlone && opened.meta.len() <= known.offset => return None,
        Some(known) => carried_over(known, &opened.meta),
        None if kind.unknown == Unknown::LeftAlone || kind.followed.iter().any(|position| holds(&position)) => {
            return None;
        }
        None => beginning(&opened.meta),
    };
    let continues = known.cloned();
    Some(RotatedFile { opened, position, continues })
}

/// Whether this is the file that was read up to `position`.
fn is_file_of(opened: &Opened, position: &FilePosition) -> bool {
    has_number_of(&opened.meta, position) && still_holds(&opened.file, position)
}

/// Whether a file that no path of a log names can be a rotated one of a log that belonged to `owner`: another
/// user who may write to the directory can make a file with any content.
fn may_be_of(opened: &Opened, owner: Option<u32>) -> bool {
    let uid = opened.meta.uid();
    opened.in_roots_directory || uid == 0 || owner.is_none_or(|owner| owner == uid)
}

/// Whether the file at the path holds what was read up to `position`, edited perhaps.
fn goes_on_in(file: &Opened, position: &FilePosition, path: &Path) -> bool {
    still_holds(&file.file, position) && position.head.length > 0
        || is_file_of(file, position)
        || offset_after_change(&file.file, position, &[], path).1 != Content::New
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::collect::tailer::position::{Fingerprint, position_key, render_positions};

    struct Place {
        _directory: tempfile::TempDir,
        log: PathBuf,
    }

    fn place() -> Place {
        let directory = tempfile::tempdir().expect("directory");
        let log = fs::canonicalize(directory.path()).expect("it exists").join("a.log");
        Place { _directory: directory, log }
    }

    /// The position after `read`, the first bytes of the file at `path`.
    fn position_after(path: &Path, read: &str) -> FilePosition {
        let meta = fs::metadata(path).expect("metadata");
        let print = Fingerprint::of(read.as_bytes());
        FilePosition { offset: read.len() as u64, head: print, tail: print, ..beginning(&meta) }
    }

    fn recovery() -> (Recovery, Arc<CollectCounters>) {
        let counters: Arc<CollectCounters> = Arc::default();
        (Recovery::new(HashMap::new(), false, Arc::clone(&counters)), counters)
    }

    fn lost(counters: &CollectCounters) -> u64 {
        counters.lost_positions.load(Ordering::Relaxed)
    }

    #[test]
    fn a_renamed_file_is_read_on_under_its_new_name() {
        let place = place();
        fs::write(&place.log, "1\n2\n").expect("written");
        let position = position_after(&place.log, "1\n");
        let rotated = place.log.with_extension("log.1");
        fs::rename(&place.log, &rotated).expect("renamed");
        fs::write(&place.log, "3\n").expect("written");
        let (mut recovery, counters) = recovery();
        let recovered = recovery.after_restart(&place.log, vec![position.clone()], &|_| false);
        assert_eq!(recovered.rotated.iter().map(|file| file.position.offset).collect::<Vec<_>>(), [2]);
        assert_eq!((recovered.waiting, lost(&counters)), (Vec::new(), 0));
        // One that is tailed already is not found a second time.
        recovery.forget_listings();
        let again = recovery.after_restart(&place.log, vec![position], &|_| true);
        assert!(again.rotated.is_empty());
    }

    #[test]
    fn a_position_whose_file_is_gone_is_counted_as_lost() {
        let place = place();
        fs::write(&place.log, "1\n").expect("written");
        let position = position_after(&place.log, "1\n");
        fs::remove_file(&place.log).expect("removed");
        let (mut recovery, counters) = recovery();
        let recovered = recovery.after_restart(&place.log, vec![position.clone()], &|_| false);
        assert!(recovered.rotated.is_empty() && recovered.waiting.is_empty());
        assert_eq!(lost(&counters), 1);
        let finished = FilePosition { finished: true, ..position };
        recovery.after_restart(&place.log, vec![finished], &|_| false);
        assert_eq!(lost(&counters), 1, "everything had been read of it");
    }

    #[test]
    fn the_copy_of_a_truncated_file_has_the_lines_that_were_not_read() {
        let place = place();
        fs::write(&place.log, "1\n2\n").expect("written");
        let cut_off = position_after(&place.log, "1\n");
        fs::copy(&place.log, place.log.with_extension("log.1")).expect("copied");
        fs::write(place.log.with_extension("log.2"), "another\n").expect("written");
        fs::write(&place.log, "").expect("truncated");
        let (mut recovery, _) = recovery();
        let copies = recovery.copies(&place.log, &cut_off, (i64::MAX, crate::platform::clock::now()), &|_| false);
        assert_eq!(copies.iter().map(|file| file.position.offset).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn paths_with_a_position_belong_to_the_wildcard_that_names_them() {
        let place = place();
        fs::write(&place.log, "1\n").expect("written");
        let position = position_after(&place.log, "1\n");
        let text = render_positions(std::iter::once(&position), Timestamp::from_unix_nanos(0));
        let positions = HashMap::from([
            (position_key("/l/a.log"), text.clone()),
            (position_key("/l/sub/b.log"), text),
            (position_key("/l/c.log"), "2".to_owned()),
        ]);
        let recovery = Recovery::new(positions, false, Arc::default());
        let adopted = recovery.adopted([(SourceId(1), "/l/*.log"), (SourceId(2), "/l/sub/b.log")].into_iter());
        assert_eq!(adopted, [(PathBuf::from("/l/a.log"), SourceId(1))]);
    }
}
