//! After a restart: which files the positions of the last run belong to.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tracing::warn;

use super::directory_cache::DirectoryCache;
use super::entry::Start;
use super::event_loop::FileTailer;
use super::initial_offset::{
    Content, beginning, carried_over, has_number_of, identity_of, is_not_there, offset_after_change, still_holds,
};
use super::links::link_hops;
use super::names::{expand_time, has_wildcard, is_rotated_name_of};
use super::open::{LastLink, Opened, open};
use super::position::FilePosition;
use super::routes::{Routes, Target};

/// How long the listing of a directory may be used when files are truncated.
const LISTING_AGE: Duration = Duration::from_millis(50);
/// How old the copy of a truncated file may be.
const COPY_AGE_MS: i64 = 5 * 60 * 1000;

/// What becomes of a file beside a log that holds nothing of what was read of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Unknown {
    /// It is left alone: a copy was looked for.
    #[default]
    LeftAlone,
    /// It came and was rotated away while nobody looked.
    FromFirstByte,
}

/// What a file beside a log may be.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rotated<'a> {
    /// What was read of contents that are no longer in the files that are followed: it goes on from there.
    pub missing: &'a [FilePosition],
    /// What was read of files that are followed: one that holds that is a copy, which has nothing to add.
    pub followed: &'a [FilePosition],
    /// The owner of the log.
    pub owner: Option<u32>,
    pub unknown: Unknown,
}

impl FileTailer {
    /// Makes entries for positions of the last run whose paths belong to a source, so that their
    /// files are known even when nothing is at the path now.
    pub(super) fn adopt_positions(&mut self) {
        let now = jiff::Zoned::now();
        let mut adopted: Vec<(PathBuf, usize)> = Vec::new();
        let paths: Vec<String> = self
            .resume
            .iter()
            .filter(|(_, value)| value.contains(';'))
            .filter_map(|(key, _)| key.strip_prefix("file:").map(str::to_owned))
            .collect();
        for (&number, source) in &self.sources {
            let Ok(expanded) = expand_time(&source.pattern, &now) else { continue };
            if !has_wildcard(&expanded) {
                continue;
            }
            let mut tree = Routes::default();
            let Some(route) = tree.add_route(Path::new(&expanded), true, Target::Source(number)) else { continue };
            adopted.extend(
                paths.iter().filter(|path| tree.leads_to(route, Path::new(path))).map(|path| (path.into(), number)),
            );
        }
        for (path, number) in adopted {
            if self.by_path.contains_key(&path) || !self.is_at_limit(number) {
                self.ensure_entry(&path, number);
            }
        }
    }

    /// After a restart: files of this entry that were renamed meanwhile are finished first.
    ///
    /// A file is taken for one that was read only if it still holds what was read of it: numbers of files
    /// are used again at once on ext4, and begin anew at each boot where logs lie in memory.
    pub(super) fn find_rotated_files(&mut self, id: usize) {
        let Some(entry) = self.entries.get(&id) else { return };
        let Start::Positions(positions) = entry.start.clone() else { return };
        let Some((noticed_at, owner)) = positions.last().map(|last| (last.noticed_at, last.uid)) else { return };
        let path = entry.path.clone();
        let at_path = open(&path, LastLink::Follow);
        // What a symbolic link leads to is rotated in its own directory.
        let places: Vec<PathBuf> = std::iter::once(path.clone()).chain(link_hops(&path)).collect();
        let is_at_path = |position: &FilePosition| at_path.as_ref().is_ok_and(|file| is_file_of(file, position));
        let mut waiting: Vec<FilePosition> = Vec::new();
        for position in positions {
            if is_at_path(&position) || !self.finish_renamed(id, &places, &position) {
                waiting.push(position);
            }
        }
        let made_since: Vec<_> =
            places.iter().flat_map(|place| self.directory_cache.created_after(place, noticed_at)).collect();
        let (followed, missing): (Vec<_>, Vec<_>) = waiting.iter().cloned().partition(is_at_path);
        let kind = Rotated { missing: &missing, followed: &followed, owner, unknown: Unknown::FromFirstByte };
        let mut found = Vec::new();
        for (rotated, identity) in made_since {
            let is_at_path = at_path.as_ref().is_ok_and(|file| identity_of(&file.meta) == identity);
            if !is_at_path && !self.by_identity.contains_key(&identity) {
                found.extend(self.open_rotated(id, &rotated, kind));
            }
        }
        waiting.retain(|position| !found.contains(position));
        match at_path {
            Ok(file) => waiting.iter().filter(|position| !goes_on_in(&file, position, &path)).for_each(|lost| {
                self.note_lost(&path, lost);
            }),
            Err(error) if is_not_there(&error) => {
                waiting.drain(..).for_each(|lost| self.note_lost(&path, &lost));
            }
            // Once it can be read, it may be the one.
            Err(_) => {}
        }
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.start = Start::Positions(waiting);
        }
    }

    /// Goes on in the file that `position` belongs to, under the name that it has now; answers whether it
    /// still holds what was read of it.
    fn finish_renamed(&mut self, id: usize, places: &[PathBuf], position: &FilePosition) -> bool {
        let inode = position.identity.inode;
        let found: Vec<PathBuf> =
            places.iter().filter_map(|place| self.directory_cache.find_inode(place, inode)).collect();
        found.into_iter().any(|found| self.finish_at(id, &found, places, position))
    }

    fn finish_at(&mut self, id: usize, found: &Path, places: &[PathBuf], position: &FilePosition) -> bool {
        let Ok(opened) = open(found, LastLink::Refuse) else { return false };
        if !has_number_of(&opened.meta, position) || !may_be_of(&opened, position.uid) {
            return false;
        }
        let holds = still_holds(&opened.file, position);
        // Number and time of birth are those of the file itself: if the content is another one, it was
        // truncated, and then rotated. Without the time, only the content counts, and for a file that was
        // empty its name.
        let is_certain = position.born.is_some();
        let is_likely = holds && (position.offset > 0 || is_rotated_name_of(found, places));
        if !is_certain && !is_likely {
            return false;
        }
        if !self.by_identity.contains_key(&identity_of(&opened.meta)) {
            let position = if holds {
                carried_over(position, &opened.meta)
            } else {
                let (offset, _) = offset_after_change(&opened.file, position, &[], found);
                FilePosition { offset, ..beginning(&opened.meta) }
            };
            self.follow_aside(id, opened, position);
        }
        holds
    }

    /// What was written to a file after `position` cannot be found any more.
    fn note_lost(&self, path: &Path, position: &FilePosition) {
        // What a truncated file held was looked for when that was noticed.
        if position.finished || position.identity.inode == 0 {
            return;
        }
        self.batch_sender.counters().lost_positions.fetch_add(1, Ordering::Relaxed);
        warn!(path = %path.display(), inode = position.identity.inode, offset = position.offset,
            lost = "lines written to it after that, if any",
            help = "let logrotate compress later (delaycompress), so that the rest can be read after a restart",
            "log file was rotated and removed, compressed or truncated while it was not followed");
    }

    /// The file at `path` was truncated before all of it had been read: the copy that a rotation made
    /// of it (copytruncate) has the rest.
    pub(super) fn read_copies(&mut self, id: usize, path: &Path, cut_off: &FilePosition) {
        // Many files may be rotated at once: one listing serves them all.
        let now = Instant::now();
        if self.directory_cache_at.is_none_or(|at| now.saturating_duration_since(at) > LISTING_AGE) {
            self.directory_cache = DirectoryCache::default();
            self.directory_cache_at = Some(now);
        }
        let recent = self.noticed_at.unix_nanos() / 1_000_000 - COPY_AGE_MS;
        let places: Vec<PathBuf> = std::iter::once(path.to_owned()).chain(link_hops(path)).collect();
        let missing = std::slice::from_ref(cut_off);
        let kind = Rotated { missing, owner: cut_off.uid, ..Rotated::default() };
        for (copy, _) in
            places.iter().flat_map(|place| self.directory_cache.created_after(place, recent)).collect::<Vec<_>>()
        {
            self.open_rotated(id, &copy, kind);
        }
    }

    /// After events were lost: files that came and were rotated away since the moment `known_until`.
    pub(super) fn find_missed_rotations(&mut self, known_until: i64) {
        self.directory_cache = DirectoryCache::default();
        let rotated: Vec<(usize, PathBuf)> = self
            .entries
            .iter()
            .filter(|(_, entry)| !entry.rotated.is_empty())
            .map(|(id, entry)| (*id, entry.path.clone()))
            .collect();
        for (id, path) in rotated {
            let places: Vec<PathBuf> = std::iter::once(path.clone()).chain(link_hops(&path)).collect();
            let made: Vec<_> =
                places.iter().flat_map(|place| self.directory_cache.created_after(place, known_until)).collect();
            let files = self.entries.get(&id).map(|entry| entry.rotated.iter().chain(&entry.current).copied());
            let files: Vec<_> = files.into_iter().flatten().collect();
            let files = || files.iter().filter_map(|file| self.files.get(file));
            let missing: Vec<FilePosition> = files().filter_map(|file| file.cut_off.clone()).collect();
            let followed: Vec<FilePosition> = files().map(|file| file.position.clone()).collect();
            let owner = followed.last().and_then(|position| position.uid);
            let kind = Rotated { missing: &missing, followed: &followed, owner, unknown: Unknown::FromFirstByte };
            for (missed, identity) in made {
                if !self.by_identity.contains_key(&identity) {
                    self.open_rotated(id, &missed, kind);
                }
            }
        }
    }

    /// Follows a file that was at the path of `id` before, or a copy of it, and is at `path` now. Answers
    /// which of the missing positions it goes on from.
    pub(super) fn open_rotated(&mut self, id: usize, path: &Path, kind: Rotated<'_>) -> Option<FilePosition> {
        let opened = open(path, LastLink::Refuse).ok()?;
        if self.by_identity.contains_key(&identity_of(&opened.meta)) {
            return None;
        }
        if !may_be_of(&opened, kind.owner) {
            warn!(path = %path.display(), owner = opened.meta.uid(), lost = "its lines, if it is one",
                help = "rotated logs must belong to the owner of the log or to root",
                "file beside a log is not taken for a rotated one, another user made it");
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
        let known = known.cloned();
        self.follow_aside(id, opened, position);
        known
    }

    fn follow_aside(&mut self, id: usize, opened: Opened, position: FilePosition) {
        if let Some(file) = self.add_file(id, Some(opened.file), &opened.meta, position) {
            self.set_aside(id, file);
        }
    }
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

/// Name of the position of the file at `path`.
pub(super) fn position_key(path: &str) -> String {
    format!("file:{}", path.replace('\n', "?"))
}
