//! After a restart: which files the positions of the last run belong to.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tracing::warn;

use super::begin::{beginning, identity_of, open, still_holds};
use super::entry::Start;
use super::follow::Follower;
use super::links::link_hops;
use super::log_file::LogFile;
use super::names::{expand_time, has_wildcard};
use super::position::FilePosition;
use super::siblings::Siblings;
use super::tree::{Target, Tree};

/// How long the listing of a directory may be used when files are truncated.
const LISTING_AGE: Duration = Duration::from_millis(50);
/// How old the copy of a truncated file may be.
const COPY_AGE_MS: i64 = 5 * 60 * 1000;

impl Follower {
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
            let mut tree = Tree::default();
            let Some(route) = tree.add_route(Path::new(&expanded), true, Target::Source(number)) else { continue };
            adopted.extend(
                paths.iter().filter(|path| tree.leads_to(route, Path::new(path))).map(|path| (path.into(), number)),
            );
        }
        for (path, number) in adopted {
            self.ensure_entry(&path, number);
        }
    }

    /// After a restart: files of this entry that were renamed meanwhile are finished first.
    pub(super) fn find_rotated_files(&mut self, id: usize) {
        let Some(entry) = self.entries.get(&id) else { return };
        let Start::Positions(positions) = entry.start.clone() else { return };
        let path = entry.path.clone();
        let at_path = fs::metadata(&path).ok().map(|meta| meta.ino());
        // What a symbolic link leads to is rotated in its own directory.
        let places: Vec<PathBuf> = std::iter::once(path.clone()).chain(link_hops(&path)).collect();
        let mut last = None;
        for position in &positions {
            last = Some(position.clone());
            if at_path == Some(position.identity.inode) {
                continue;
            }
            let found = places.iter().find_map(|place| self.siblings.find_inode(place, position.identity.inode));
            let opened =
                found.is_some_and(|found| self.open_rotated(id, &found, Start::Positions(vec![position.clone()])));
            if !opened && position.identity.inode != 0 {
                self.outlet.counters().lost_positions.fetch_add(1, Ordering::Relaxed);
                warn!(path = %path.display(), inode = position.identity.inode, offset = position.offset,
                    lost = "lines written to it after that, if any",
                    "file was rotated and removed or compressed while it was not followed");
            }
        }
        let Some(last) = last else { return };
        let made_since: Vec<_> =
            places.iter().flat_map(|place| self.siblings.made_after(place, last.noticed_at)).collect();
        for (rotated, identity) in made_since {
            let listed = positions.iter().any(|position| position.identity.inode == identity.inode);
            if !listed && at_path != Some(identity.inode) && !self.by_identity.contains_key(&identity) {
                self.open_rotated(id, &rotated, Start::Positions(positions.clone()));
            }
        }
    }

    /// The file at `path` was truncated before all of it had been read: the copy that a rotation made
    /// of it (copytruncate) has the rest.
    pub(super) fn read_copies(&mut self, id: usize, path: &Path, cut_off: &FilePosition) {
        // Many files may be rotated at once: one listing serves them all.
        let now = Instant::now();
        if self.siblings_at.is_none_or(|at| now.saturating_duration_since(at) > LISTING_AGE) {
            self.siblings = Siblings::default();
            self.siblings_at = Some(now);
        }
        let recent = self.noticed_at.unix_nanos() / 1_000_000 - COPY_AGE_MS;
        let places: Vec<PathBuf> = std::iter::once(path.to_owned()).chain(link_hops(path)).collect();
        for (copy, _) in places.iter().flat_map(|place| self.siblings.made_after(place, recent)).collect::<Vec<_>>() {
            let has_more = File::open(&copy).is_ok_and(|file| {
                file.metadata().is_ok_and(|meta| meta.len() > cut_off.offset) && still_holds(&file, cut_off)
            });
            if has_more && cut_off.head.length > 0 {
                self.open_rotated(id, &copy, Start::Positions(vec![cut_off.clone()]));
            }
        }
    }

    /// After events were lost: files that came and were rotated away since the moment `known_until`.
    pub(super) fn find_missed_rotations(&mut self, known_until: i64) {
        self.siblings = Siblings::default();
        let rotated: Vec<(usize, PathBuf)> = self
            .entries
            .iter()
            .filter(|(_, entry)| !entry.rotated.is_empty())
            .map(|(id, entry)| (*id, entry.path.clone()))
            .collect();
        for (id, path) in rotated {
            let places: Vec<PathBuf> = std::iter::once(path.clone()).chain(link_hops(&path)).collect();
            let made: Vec<_> = places.iter().flat_map(|place| self.siblings.made_after(place, known_until)).collect();
            let files = self.entries.get(&id).map(|entry| entry.rotated.iter().chain(&entry.current).copied());
            let files: Vec<_> = files.into_iter().flatten().collect();
            let positions: Vec<FilePosition> =
                files.iter().filter_map(|file| self.files.get(file)).flat_map(LogFile::positions).cloned().collect();
            for (missed, identity) in made {
                if !self.by_identity.contains_key(&identity) {
                    self.open_rotated(id, &missed, Start::Positions(positions.clone()));
                }
            }
        }
    }

    /// Opens a file that was at the path of `id` before and is at `path` now.
    pub(super) fn open_rotated(&mut self, id: usize, path: &Path, start: Start) -> bool {
        let Ok(meta) = fs::symlink_metadata(path) else { return false };
        let Ok(descriptor) = open(path, &meta) else { return false };
        // The name may mean another file by now.
        let Ok(meta) = descriptor.metadata() else { return false };
        if self.by_identity.contains_key(&identity_of(&meta)) {
            return false;
        }
        let position = match &start {
            // A copy (copytruncate) that begins like the file that was read holds what came after.
            Start::Positions(positions) => positions
                .iter()
                .filter(|position| still_holds(&descriptor, position))
                .max_by_key(|position| position.offset)
                .map_or_else(
                    || beginning(identity_of(&meta)),
                    |position| FilePosition { identity: identity_of(&meta), ..position.clone() },
                ),
            _ => beginning(identity_of(&meta)),
        };
        let Some(file) = self.add_file(id, Some(descriptor), &meta, position) else { return false };
        self.set_aside(id, file);
        true
    }
}

/// Name of the position of the file at `path`.
pub(super) fn position_key(path: &str) -> String {
    format!("file:{}", path.replace('\n', "?"))
}
