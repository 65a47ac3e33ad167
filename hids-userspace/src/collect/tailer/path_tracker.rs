//! Which file is at each path now, and what becomes of those that were there before.
//!
//! The tracker looks at paths that it is given and moves files between three states: *current* (at its path), *rotated*
//! (no longer there, read to its end and kept for a while because programs still write to it), closed. It does not
//! wait, watch directories or read lines. What its caller has to do next it queues as [`Request`]s.

use std::collections::VecDeque;
use std::fs::{self, Metadata};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::batcher::{Batcher, PositionsAround};
use super::discovery::{FoundLog, Leftover};
use super::entry::Start;
use super::entry_table::EntryTable;
use super::file_table::FileTable;
use super::ids::{EntryId, FileId, SourceId};
use super::initial_offset::{Content, first_position, identity_of, is_missing, is_not_there};
use super::log_file::LogFile;
use super::open::{LastLink, OpenError, open};
use super::position::{FileIdentity, FilePosition, NO_POSITIONS, position_key, render_positions};
use super::recovery::{Recovery, Rotated, RotatedFile, Unknown, open_rotated};
use super::reports::Reports;
use super::sources::Sources;
use super::timers::{Due, Timers};
use crate::collect::batch_sender::Disconnected;
use crate::collect::format::{self, Machine};
use crate::collect::options::CollectTuning;
use crate::collect::report::SourceState;
use crate::config::LogFormat;
use crate::platform::hostname;

/// Most rotated files of one path that are kept open.
const MAX_ROTATED: usize = 64;

/// Entries released after which their memory is worth being returned to the kernel: some megabytes.
const MANY_RELEASED: usize = 1000;

/// What the caller has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// Check which file is at the path of this entry.
    Refresh(EntryId),
    /// The entry is gone: forget the links that led to its file.
    ForgetLinks(EntryId),
}

/// How long rotated files are kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Graces {
    /// Quiet time after which the last line counts without a newline.
    pub partial: Duration,
    /// Quiet time after which a rotated file is closed.
    pub rotated: Duration,
    /// The same for a deleted one.
    pub deleted: Duration,
}

impl From<&CollectTuning> for Graces {
    fn from(tuning: &CollectTuning) -> Self {
        Self { partial: tuning.partial_grace, rotated: tuning.rotated_grace, deleted: tuning.deleted_grace }
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct PathTracker {
    pub sources: Sources,
    pub entries: EntryTable,
    pub files: FileTable,
    pub recovery: Recovery,
    pub reports: Reports,
    pub timers: Timers,
    pub graces: Graces,
    machine: Machine,
    /// Set while sources are being added: files that exist are old.
    is_starting: bool,
    requests: VecDeque<Request>,
    /// Entries released since memory was last returned to the kernel.
    released: usize,
}

impl PathTracker {
    pub(super) fn new(
        sources: Sources,
        entries: EntryTable,
        files: FileTable,
        recovery: Recovery,
        reports: Reports,
        graces: Graces,
    ) -> Self {
        Self {
            sources,
            entries,
            files,
            recovery,
            reports,
            timers: Timers::default(),
            graces,
            machine: Machine { hostname: hostname::full(), zone: jiff::tz::TimeZone::system() },
            is_starting: false,
            requests: VecDeque::new(),
            released: 0,
        }
    }

    /// While sources are being added, files that exist are old ones.
    pub(super) fn set_starting(&mut self, is_starting: bool) {
        self.is_starting = is_starting;
    }

    /// What the caller has to do next.
    pub(super) fn next_request(&mut self) -> Option<Request> {
        self.requests.pop_front()
    }

    /// Has the path of an entry checked.
    pub(super) fn request_refresh(&mut self, id: EntryId) {
        self.requests.push_back(Request::Refresh(id));
    }

    /// Makes entries for paths with a position that belong to a source, so that rotated files are known as such
    /// before a wildcard finds them under their new names.
    pub(super) fn adopt_positions(&mut self) {
        let patterns = self.sources.iter().map(|(id, source)| (id, source.pattern.as_str()));
        for (path, source) in self.recovery.adopted(patterns) {
            if self.entries.find(&path).is_some() || !self.sources.is_full(source) {
                self.ensure_entry(&path, source);
            }
        }
    }

    /// The entry for `path`, made when it is new.
    pub(super) fn ensure_entry(&mut self, path: &Path, origin: SourceId) -> EntryId {
        if let Some(id) = self.entries.find(path) {
            if let Some(entry) = self.entries.get_mut(id) {
                entry.wanted = true;
                let before = std::mem::replace(&mut entry.origin, origin);
                self.sources.count_entry(Some(before), Some(origin));
            }
            return id;
        }
        let source = self.sources.get(origin);
        let format = source.map_or(LogFormat::Line, |source| source.format);
        let is_known = source.is_some_and(|source| source.is_known);
        let start = match self.recovery.positions(&position_key(&path.to_string_lossy())) {
            Some(positions) => Start::Positions(positions),
            None if self.is_starting && !is_known => Start::End,
            None => Start::Beginning,
        };
        let id = self.entries.add(path, origin, format, start);
        self.sources.count_entry(None, Some(origin));
        self.recover(id);
        id
    }

    /// After a restart: files of this entry that were renamed meanwhile are finished first.
    fn recover(&mut self, id: EntryId) {
        let Some(entry) = self.entries.get(id) else { return };
        let Start::Positions(positions) = &entry.start else { return };
        let (path, positions) = (entry.path.clone(), positions.clone());
        let files = &self.files;
        let recovered = self.recovery.after_restart(&path, positions, &|identity| files.contains(identity));
        self.add_rotated(id, recovered.rotated);
        if let Some(entry) = self.entries.get_mut(id) {
            entry.start = Start::Positions(recovered.waiting);
        }
    }

    /// A file is, or was, at a path that a location names.
    pub(super) fn arrive(&mut self, found: &FoundLog) {
        if let Some(id) = self.entries.find(&found.path) {
            if let Some(entry) = self.entries.get_mut(id) {
                entry.wanted = true;
            }
            return self.request_refresh(id);
        }
        if fs::symlink_metadata(&found.path).is_err() || self.is_left_by_rotation(found.leftover.as_ref()) {
            return;
        }
        if self.sources.is_full(found.source) {
            // The next rescan counts again.
            self.reports.counters().files_left_out.fetch_add(1, Ordering::Relaxed);
            return self.sources.log_limit(found.source);
        }
        let id = self.ensure_entry(&found.path, found.source);
        self.request_refresh(id);
    }

    fn is_left_by_rotation(&self, leftover: Option<&Leftover>) -> bool {
        match leftover {
            None => false,
            Some(Leftover::Compressed) => true,
            Some(Leftover::Of(original)) => self.entries.find(original).is_some() || original.exists(),
        }
    }

    /// Checks which file is at the path of `id` now.
    pub(super) fn refresh(&mut self, id: EntryId) {
        let Some(entry) = self.entries.get(id) else { return };
        let path = entry.path.clone();
        let meta = match fs::metadata(&path) {
            Ok(meta) => meta,
            Err(error) if is_missing(&error) => {
                self.detach(id);
                self.expect_new_file(id);
                self.entries.set_state(id, SourceState::Missing);
                return self.release_if_unused(id);
            }
            Err(error) => return self.entries.set_state(id, SourceState::Unreadable(error.to_string())),
        };
        if !meta.is_file() && !meta.file_type().is_fifo() {
            self.detach(id);
            self.expect_new_file(id);
            return self.entries.set_state(id, SourceState::Unreadable("not a file or named pipe".into()));
        }
        let identity = identity_of(&meta);
        let current = self.entries.get(id).and_then(|entry| entry.current);
        match self.files.find(identity) {
            Some(file) if current == Some(file) => self.check_current(file, &path),
            Some(file) if self.files.get(file).is_some_and(|file| file.entry == id) => self.reattach(id, file),
            Some(file) => self.note_duplicate(id, file, identity),
            None => self.begin_file(id, &path, &meta),
        }
    }

    /// There is no file: the next one at the path is new, whenever it comes.
    fn expect_new_file(&mut self, id: EntryId) {
        if let Some(entry) = self.entries.get_mut(id)
            && entry.start == Start::End
        {
            entry.start = Start::Beginning;
        }
    }

    /// The file at the path is the one that is tailed; it may have become readable.
    fn check_current(&mut self, id: FileId, path: &Path) {
        let Some(file) = self.files.get(id) else { return };
        let (entry, identity) = (file.entry, file.identity);
        // Closed to save descriptors, or never opened: reading opens it.
        let state = if !file.is_open() && file.watch.is_none() {
            match open(path, LastLink::Follow) {
                Ok(opened) if identity_of(&opened.meta) == identity => {
                    self.files.open(id, opened.file);
                    self.files.watch(id);
                    SourceState::Reading
                }
                // Replaced a moment ago, which the kernel will report.
                Ok(_) => return,
                Err(error) => SourceState::Unreadable(error.to_string()),
            }
        } else {
            SourceState::Reading
        };
        self.entries.set_state(entry, state);
        self.files.make_ready(id);
    }

    /// A file that was renamed away is back at its path.
    fn reattach(&mut self, id: EntryId, file: FileId) {
        self.detach(id);
        let Some(entry) = self.entries.get_mut(id) else { return };
        entry.rotated.retain(|other| *other != file);
        entry.current = Some(file);
        if let Some(file) = self.files.get_mut(file) {
            file.rotated = None;
        }
        self.entries.set_state(id, SourceState::Reading);
        self.files.make_ready(file);
    }

    fn note_duplicate(&mut self, id: EntryId, file: FileId, identity: FileIdentity) {
        self.detach(id);
        let reader = self.files.get(file).and_then(|file| self.entries.get(file.entry));
        let reader = reader.map(|entry| entry.path.display().to_string()).unwrap_or_default();
        self.entries.add_duplicate(id, identity);
        self.entries.set_state(id, SourceState::Duplicate(reader));
    }

    /// A file that is not tailed yet is at the path.
    fn begin_file(&mut self, id: EntryId, path: &Path, meta: &Metadata) {
        let before = self.detach(id);
        let tail = before
            .and_then(|file| self.files.get(file))
            .map(|file| (file.reader.position.clone(), file.reader.tail().to_vec()));
        let (descriptor, meta, state) = match open(path, LastLink::Follow) {
            Ok(opened) => (Some(opened.file), opened.meta, SourceState::Reading),
            Err(error) if is_not_there(&error) => return self.entries.set_state(id, SourceState::Missing),
            // Nothing of it is noted: it may be the file of another path.
            Err(OpenError::Refused(why)) => {
                return self.entries.set_state(id, SourceState::Unreadable(why.to_string()));
            }
            Err(OpenError::Io(error)) => (None, meta.clone(), SourceState::Unreadable(error.to_string())),
        };
        // The file may have been replaced meanwhile.
        if self.files.contains(identity_of(&meta)) {
            return;
        }
        let Some(entry) = self.entries.get_mut(id) else { return };
        let start = std::mem::replace(&mut entry.start, Start::Beginning);
        let (position, content) = first_position(descriptor.as_ref(), &meta, &start, tail.as_ref(), path);
        let offset = position.offset;
        if !self.is_starting && offset > 0 {
            self.reports.position_changed(id);
        }
        let assembler = format::assembler(entry.format, path, &self.machine);
        // Shown before its next line, too.
        entry.stats.offset.store(offset, Ordering::Relaxed);
        let file = LogFile::new(id, descriptor, meta.file_type().is_fifo(), position, assembler);
        entry.current = Some(self.files.add(file));
        // That a file which the last run had begun is read on is no news, though its predecessor is still tailed.
        if before.is_some() && content != Content::Same {
            self.reports.counters().rotations.fetch_add(1, Ordering::Relaxed);
            self.reports.message(format!("ossec: File rotated (inode changed): '{}'.", path.display()));
        }
        self.entries.set_state(id, state);
    }

    /// The current file of `id` is no longer at its path: it is read to its end and closed later. Returns that file,
    /// or the one that was rotated last.
    fn detach(&mut self, id: EntryId) -> Option<FileId> {
        self.entries.remove_duplicate(id);
        let entry = self.entries.get_mut(id)?;
        let Some(file) = entry.current.take() else { return entry.rotated.last().copied() };
        self.set_aside(id, file);
        Some(file)
    }

    /// Makes `file` the newest of the rotated ones of `id`.
    fn set_aside(&mut self, id: EntryId, file: FileId) {
        let now = Instant::now();
        let Some(entry) = self.entries.get_mut(id) else { return };
        entry.rotated.push(file);
        let surplus = (entry.rotated.len() > MAX_ROTATED).then(|| entry.rotated[0]);
        if let Some(file) = self.files.get_mut(file) {
            file.set_rotated(now);
        }
        self.timers.set(now + self.graces.partial, Due::Retire(file));
        if let Some(surplus) = surplus {
            // Retiring reads it to its end first.
            if let Some(file) = self.files.get_mut(surplus) {
                file.expire(now.checked_sub(self.graces.rotated).unwrap_or(now));
            }
            self.timers.set(now, Due::Retire(surplus));
        }
        self.files.make_ready(file);
    }

    /// Tails files that were at the path of `id` before.
    fn add_rotated(&mut self, id: EntryId, rotated: impl IntoIterator<Item = RotatedFile>) {
        for RotatedFile { opened, position, .. } in rotated {
            let Some(entry) = self.entries.get(id) else { return };
            let assembler = format::assembler(entry.format, &entry.path, &self.machine);
            let is_fifo = opened.meta.file_type().is_fifo();
            let file = self.files.add(LogFile::new(id, Some(opened.file), is_fifo, position, assembler));
            self.set_aside(id, file);
        }
    }

    /// The file of `id` was truncated before all of it had been read: its copies have the rest, and what was written
    /// and cut off since `intact_at` (milliseconds since 1970). Returns how many copies there are.
    pub(super) fn read_copies(&mut self, id: EntryId, cut_off: &FilePosition, intact_at: i64) -> usize {
        let Some(path) = self.entries.get(id).map(|entry| entry.path.clone()) else { return 0 };
        let (files, noticed_at) = (&self.files, self.reports.noticed_at);
        let copies = self.recovery.copies(&path, cut_off, (intact_at, noticed_at), &|id| files.contains(id));
        let count = copies.len();
        self.add_rotated(id, copies);
        count
    }

    /// When the events that are handled now were noticed, in milliseconds since 1970.
    pub(super) fn noticed_at_ms(&self) -> i64 {
        self.reports.noticed_at.unix_nanos() / 1_000_000
    }

    /// `path` was renamed from the path of `entry`: a file that came and was rotated away before anybody could look
    /// at it is read as well.
    pub(super) fn renamed(&mut self, entry: EntryId, path: &Path) {
        let Ok(meta) = fs::symlink_metadata(path) else { return };
        let identity = FileIdentity { dev: meta.dev(), inode: meta.ino() };
        if let Some(file) = self.files.find(identity) {
            return self.reopen_renamed(file, path);
        }
        let has_entry = self.entries.find(path).is_some() || self.entries.has_duplicates(identity);
        let was_readable =
            self.entries.get(entry).is_some_and(|entry| entry.current.is_some() || !entry.rotated.is_empty());
        if meta.is_file() && !has_entry && was_readable {
            let kind = Rotated { unknown: Unknown::FromFirstByte, ..Rotated::default() };
            let files = &self.files;
            let rotated = open_rotated(path, kind, &|identity| files.contains(identity));
            self.add_rotated(entry, rotated);
        }
    }

    /// A file that was closed to save descriptors and then renamed is opened under its new name.
    fn reopen_renamed(&mut self, id: FileId, path: &Path) {
        let Some(identity) = self.files.get(id).filter(|file| !file.is_open()).map(|file| file.identity) else {
            return;
        };
        if let Ok(opened) = open(path, LastLink::Refuse)
            && identity_of(&opened.meta) == identity
        {
            self.files.open(id, opened.file);
            self.files.make_ready(id);
        }
    }

    /// After events were lost: files that came and were rotated away since the moment `known_until`, in milliseconds
    /// since 1970.
    pub(super) fn find_missed_rotations(&mut self, known_until: i64) {
        self.recovery.forget_listings();
        for id in self.entries.ids(|entry| !entry.rotated.is_empty()) {
            let Some(entry) = self.entries.get(id) else { continue };
            let files: Vec<&LogFile> =
                entry.rotated.iter().chain(&entry.current).filter_map(|file| self.files.get(*file)).collect();
            let missing: Vec<FilePosition> = files.iter().filter_map(|file| file.reader.cut_off.clone()).collect();
            let followed: Vec<FilePosition> = files.iter().map(|file| file.reader.position.clone()).collect();
            let owner = followed.last().and_then(|position| position.uid);
            let kind = Rotated { missing: &missing, followed: &followed, owner, unknown: Unknown::FromFirstByte };
            let (path, files) = (entry.path.clone(), &self.files);
            let rotated = self.recovery.rotated_since(&path, known_until, kind, &|identity| files.contains(identity));
            self.add_rotated(id, rotated);
        }
    }

    /// The time part of a location has changed: the files of the old path end.
    pub(super) fn expire(&mut self, origin: SourceId) {
        for id in self.entries.ids(|entry| entry.origin == origin) {
            if let Some(entry) = self.entries.get_mut(id) {
                entry.wanted = false;
            }
            self.detach(id);
            self.release_if_unused(id);
        }
    }

    /// Entries that no location asks for, or that a wildcard found, go when their files have gone.
    pub(super) fn release_if_unused(&mut self, id: EntryId) {
        let Some(entry) = self.entries.get(id) else { return };
        let is_named = entry.wanted
            && self.sources.get(entry.origin).is_some_and(|source| Path::new(&source.expanded) == entry.path);
        if entry.current.is_none() && entry.rotated.is_empty() && !is_named && !self.is_starting {
            let (path, key) = (entry.path.clone(), Arc::clone(&entry.key));
            self.release(id);
            // Nothing is kept of a file that is gone: whoever makes and removes files would fill the memory.
            if fs::symlink_metadata(path).is_err() {
                self.recovery.forget(&key);
                self.reports.forget(key);
            }
        }
    }

    /// Forgets an entry with its files; where they stand is remembered.
    pub(super) fn release(&mut self, id: EntryId) {
        self.detach(id);
        let positions = self.position_text(id);
        let Some(entry) = self.entries.remove(id) else { return };
        self.released += 1;
        self.sources.count_entry(Some(entry.origin), None);
        self.recovery.remember(entry.key.to_string(), positions);
        for file in entry.rotated {
            self.close_file(file);
        }
        self.requests.push_back(Request::ForgetLinks(id));
    }

    /// Closes a rotated file for good.
    pub(super) fn retire(&mut self, id: FileId) -> Result<(), Disconnected> {
        let Some(owner) = self.files.get(id).map(|file| file.entry) else { return Ok(()) };
        if let Some(entry) = self.entries.get_mut(owner) {
            entry.rotated.retain(|other| *other != id);
        }
        self.close_file(id);
        // Successors first: should the program end between the two, the file is listed twice, not never.
        self.send_reports()?;
        self.send_position(owner)?;
        self.release_if_unused(owner);
        Ok(())
    }

    fn close_file(&mut self, id: FileId) {
        let Some(file) = self.files.close(id) else { return };
        // Another entry that has the same file takes over where this one stopped.
        let successors = self.entries.take_duplicates(file.identity);
        if let Some(&successor) = successors.first() {
            if let Some(entry) = self.entries.get_mut(successor) {
                entry.same_as = None;
                entry.start = Start::Positions(vec![file.reader.position.clone()]);
            }
            self.reports.position_changed(successor);
        }
        successors.into_iter().for_each(|successor| self.request_refresh(successor));
    }

    /// After many files have gone, the memory that they took is returned to the kernel.
    pub(super) fn trim_memory(&mut self) {
        self.files.forget_gone();
        if self.released < MANY_RELEASED {
            return;
        }
        self.released = 0;
        self.files.shrink();
        self.recovery.shrink();
        crate::sys::memory::give_back();
    }

    /// A batcher for the file `id`, which has been lent out.
    pub(super) fn batcher(&self, id: FileId, file: &LogFile) -> Option<Batcher<'_>> {
        let entry = self.entries.get(file.entry)?;
        let mut around = PositionsAround::default();
        let mut passed = false;
        for other in entry.rotated.iter().chain(&entry.current) {
            if *other == id {
                passed = true;
            } else if let Some(other) = self.files.get(*other) {
                let list = if passed { &mut around.newer } else { &mut around.older };
                list.extend(other.positions().cloned());
            }
        }
        around.older.extend(file.reader.cut_off.clone());
        around.newer.extend(entry.start.waiting().iter().cloned());
        Some(Batcher::new(entry, self.reports.sender(), around, self.reports.noticed_at))
    }

    /// The positions of all files of an entry.
    fn position_text(&self, id: EntryId) -> String {
        let Some(entry) = self.entries.get(id) else { return NO_POSITIONS.to_owned() };
        let files = entry.rotated.iter().chain(&entry.current).filter_map(|file| self.files.get(*file));
        // Those of a file that cannot be read at present are kept until it can.
        let positions = files.flat_map(LogFile::positions).chain(entry.start.waiting());
        render_positions(positions, self.reports.noticed_at)
    }

    /// Sends where the files of an entry stand, without a line.
    pub(super) fn send_position(&self, id: EntryId) -> Result<(), Disconnected> {
        let value = self.position_text(id);
        let Some(entry) = self.entries.get(id) else { return Ok(()) };
        if value == NO_POSITIONS && !self.recovery.knows(&entry.key) {
            return Ok(());
        }
        self.reports.send_position(entry, value)
    }

    /// Sends positions that changed without a line, and messages of the collector's own.
    pub(super) fn send_reports(&mut self) -> Result<(), Disconnected> {
        for entry in self.reports.take_changed() {
            self.send_position(entry)?;
        }
        self.reports.send_waiting()
    }
}

#[cfg(test)]
mod tests;
