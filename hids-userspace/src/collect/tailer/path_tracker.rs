//! Which file is at a path now, and what becomes of the one that was there before.

use std::fs::{self, File, Metadata};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use hids_core::model::LogSource;
use rustix::fs::inotify::{self, WatchFlags};
use tracing::{info, warn};

use super::entry::{Entry, FileId, Start};
use super::event_loop::FileTailer;
use super::initial_offset::{Content, first_position, identity_of, is_missing, is_not_there};
use super::log_file::LogFile;
use super::open::{LastLink, OpenError, open};
use super::position::{FileIdentity, FilePosition, parse_positions};
use super::recovery::position_key;
use super::timers::Due;
use crate::collect::format::{self, Assembler};
use crate::collect::report::SourceState;

/// Most rotated files of one path that are kept open.
const MAX_ROTATED: usize = 64;

impl FileTailer {
    /// The entry for `path`, made when it is new.
    pub(super) fn ensure_entry(&mut self, path: &Path, origin: usize) -> usize {
        if let Some(&id) = self.by_path.get(path) {
            if let Some(entry) = self.entries.get_mut(&id) {
                entry.wanted = true;
                let before = std::mem::replace(&mut entry.origin, origin);
                self.count_entry(Some(before), Some(origin));
            }
            return id;
        }
        let location = path.to_string_lossy().into_owned();
        let key: Arc<str> = position_key(&location).into();
        let source = self.sources.get(&origin);
        let format = source.map_or(crate::config::LogFormat::Line, |source| source.config.format);
        let known = source.is_some_and(|source| source.known);
        let start = match self.resume.get(&*key).and_then(|text| parse_positions(text)) {
            Some(positions) => Start::Positions(positions),
            None if self.starting && !known => Start::End,
            None => Start::Beginning,
        };
        let id = self.next_entry;
        self.next_entry += 1;
        let entry = Entry {
            path: path.to_owned(),
            origin,
            key,
            stats: self.registry.add(&location),
            source: Arc::new(LogSource { location, channel: format::channel(format) }),
            format,
            current: None,
            rotated: Vec::new(),
            same_as: None,
            start,
            wanted: true,
            links: Vec::new(),
        };
        self.entries.insert(id, entry);
        self.count_entry(None, Some(origin));
        self.by_path.insert(path.to_owned(), id);
        self.find_rotated_files(id);
        id
    }

    /// Looks which file is at the path of `id` now.
    pub(super) fn refresh_entry(&mut self, id: usize) {
        let Some(entry) = self.entries.get(&id) else { return };
        let path = entry.path.clone();
        self.follow_links(id, &path);
        let meta = match fs::metadata(&path) {
            Ok(meta) => meta,
            Err(error) if is_missing(&error) => {
                self.detach(id);
                self.expect_new_file(id);
                self.set_state(id, SourceState::Missing);
                return self.release_if_unused(id);
            }
            Err(error) => return self.set_state(id, SourceState::Unreadable(error.to_string())),
        };
        if !meta.is_file() && !meta.file_type().is_fifo() {
            self.detach(id);
            self.expect_new_file(id);
            return self.set_state(id, SourceState::Unreadable("not a file or named pipe".into()));
        }
        let identity = identity_of(&meta);
        let current = self.entries.get(&id).and_then(|entry| entry.current);
        match self.by_identity.get(&identity).copied() {
            Some(file) if current == Some(file) => self.open_again(file, &path),
            Some(file) if self.files.get(&file).is_some_and(|file| file.entry == id) => self.reattach(id, file),
            Some(file) => self.note_duplicate(id, file, identity),
            None => self.begin_file(id, &path, &meta),
        }
    }

    /// There is no file: the next one at the path is new, whenever it comes.
    fn expect_new_file(&mut self, id: usize) {
        if let Some(entry) = self.entries.get_mut(&id)
            && entry.start == Start::End
        {
            entry.start = Start::Beginning;
        }
    }

    fn open_again(&mut self, id: FileId, path: &Path) {
        let Some(file) = self.files.get_mut(&id) else { return };
        let entry = file.entry;
        // Disconnected to save descriptors, or never opened: the next turn opens it.
        let state = if file.descriptor.is_none() && file.watch.is_none() {
            match open(path, LastLink::Follow) {
                Ok(opened) if identity_of(&opened.meta) == file.identity => {
                    file.take_descriptor(opened.file);
                    self.watch_file(id);
                    self.count_open(id);
                    SourceState::Reading
                }
                // Replaced a moment ago, of which the kernel will tell.
                Ok(_) => return,
                Err(error) => SourceState::Unreadable(error.to_string()),
            }
        } else {
            SourceState::Reading
        };
        self.set_state(entry, state);
        self.make_ready(id);
    }

    /// A file that was closed to save descriptors and then renamed is opened under its new name.
    pub(super) fn reopen_renamed(&mut self, id: FileId, path: &Path) {
        let Some(file) = self.files.get_mut(&id).filter(|file| file.descriptor.is_none()) else { return };
        if let Ok(opened) = open(path, LastLink::Refuse)
            && identity_of(&opened.meta) == file.identity
        {
            file.take_descriptor(opened.file);
            self.count_open(id);
            self.make_ready(id);
        }
    }

    /// A file that was renamed away is back at its path.
    fn reattach(&mut self, id: usize, file: FileId) {
        self.detach(id);
        let Some(entry) = self.entries.get_mut(&id) else { return };
        entry.rotated.retain(|other| *other != file);
        entry.current = Some(file);
        if let Some(file) = self.files.get_mut(&file) {
            file.rotated = None;
        }
        self.set_state(id, SourceState::Reading);
        self.make_ready(file);
    }

    fn note_duplicate(&mut self, id: usize, file: FileId, identity: FileIdentity) {
        self.detach(id);
        let reader = self.files.get(&file).and_then(|file| self.entries.get(&file.entry));
        let reader = reader.map(|entry| entry.path.display().to_string()).unwrap_or_default();
        self.duplicates.entry(identity).or_default().insert(id);
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.same_as = Some(identity);
            entry.start = Start::Beginning;
        }
        self.set_state(id, SourceState::Duplicate(reader));
    }

    /// A file that nobody has read yet is at the path.
    fn begin_file(&mut self, id: usize, path: &Path, meta: &Metadata) {
        let before = self.detach(id);
        let tail =
            before.and_then(|file| self.files.get(&file)).map(|file| (file.position.clone(), file.tail().to_vec()));
        let (descriptor, meta, state) = match open(path, LastLink::Follow) {
            Ok(opened) => (Some(opened.file), opened.meta, SourceState::Reading),
            Err(error) if is_not_there(&error) => return self.set_state(id, SourceState::Missing),
            // Nothing of it is noted: it may be the file of another path.
            Err(OpenError::Refused(why)) => return self.set_state(id, SourceState::Unreadable(why.to_string())),
            Err(OpenError::Io(error)) => (None, meta.clone(), SourceState::Unreadable(error.to_string())),
        };
        // The file may have been replaced meanwhile.
        if self.by_identity.contains_key(&identity_of(&meta)) {
            return;
        }
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let start = std::mem::replace(&mut entry.start, Start::Beginning);
        let (position, content) = first_position(descriptor.as_ref(), &meta, &start, tail.as_ref(), path);
        if !self.starting && position.offset > 0 {
            self.moved.push(id);
        }
        let offset = position.offset;
        let Some(file) = self.add_file(id, descriptor, &meta, position) else { return };
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.current = Some(file);
            // Shown before its next line, too.
            entry.stats.offset.store(offset, Ordering::Relaxed);
        }
        // A file that the last run had begun is no news, though its predecessor is still followed.
        if before.is_some() && content != Content::Same {
            self.batch_sender.counters().rotations.fetch_add(1, Ordering::Relaxed);
            self.notices.push(format!("ossec: File rotated (inode changed): '{}'.", path.display()));
        }
        self.set_state(id, state);
    }

    pub(super) fn add_file(
        &mut self,
        entry: usize,
        descriptor: Option<File>,
        meta: &Metadata,
        position: FilePosition,
    ) -> Option<FileId> {
        let owner = self.entries.get(&entry)?;
        let assembler = Assembler::new(owner.format, &owner.path, &self.machine);
        let is_open = descriptor.is_some();
        let identity = position.identity;
        let file = LogFile::new(entry, descriptor, meta.file_type().is_fifo(), position, assembler);
        let id = self.next_file;
        self.next_file += 1;
        self.files.insert(id, file);
        self.by_identity.insert(identity, id);
        if is_open {
            self.watch_file(id);
            self.count_open(id);
        }
        self.make_ready(id);
        Some(id)
    }

    pub(super) fn watch_file(&mut self, id: FileId) {
        let (Some(inotify), Some(file)) = (&self.inotify, self.files.get_mut(&id)) else { return };
        let Some(descriptor) = &file.descriptor else { return };
        // By its descriptor: the name may mean another file by now.
        let path = format!("/proc/self/fd/{}", descriptor.as_raw_fd());
        match inotify::add_watch(inotify, path, WatchFlags::MODIFY) {
            Ok(watch) => {
                file.watch = Some(watch);
                self.by_watch.insert(watch, id);
            }
            Err(error) => {
                self.batch_sender.counters().unwatched_files.fetch_add(1, Ordering::Relaxed);
                if !self.watch_writes_in_directories {
                    warn!(error = %error, help = "raise fs.inotify.max_user_watches",
                        "files cannot be watched one by one, their directories are watched instead");
                    self.watch_writes_in_directories = true;
                    self.timers.set(Instant::now(), Due::Rescan);
                }
            }
        }
    }

    /// The current file of `id` is no longer at its path: it is read to its end and let go later.
    pub(super) fn detach(&mut self, id: usize) -> Option<FileId> {
        let entry = self.entries.get_mut(&id)?;
        if let Some(identity) = entry.same_as.take()
            && let Some(duplicates) = self.duplicates.get_mut(&identity)
        {
            duplicates.remove(&id);
            if duplicates.is_empty() {
                self.duplicates.remove(&identity);
            }
        }
        let Some(file) = self.entries.get_mut(&id)?.current.take() else {
            return self.entries.get(&id)?.rotated.last().copied();
        };
        self.set_aside(id, file);
        Some(file)
    }

    pub(super) fn set_aside(&mut self, id: usize, file: FileId) {
        let now = Instant::now();
        let Some(entry) = self.entries.get_mut(&id) else { return };
        entry.rotated.push(file);
        let surplus = (entry.rotated.len() > MAX_ROTATED).then(|| entry.rotated[0]);
        if let Some(file) = self.files.get_mut(&file) {
            file.rotated = Some(now);
            file.caught_up = false;
        }
        self.timers.set(now + self.tuning.partial_grace, Due::Retire(file));
        if let Some(surplus) = surplus {
            // Treated as quiet long enough; a retirement reads it to its end first.
            if let Some(file) = self.files.get_mut(&surplus) {
                let long_ago = now.checked_sub(self.tuning.rotated_grace).unwrap_or(now);
                (file.rotated, file.last_growth) = (Some(long_ago), long_ago);
            }
            self.timers.set(now, Due::Retire(surplus));
        }
        self.make_ready(file);
    }

    pub(super) fn set_state(&self, id: usize, state: SourceState) {
        let Some(entry) = self.entries.get(&id) else { return };
        if !entry.stats.change_state(state.clone()) {
            return;
        }
        let path = entry.path.display();
        match state {
            SourceState::Reading => info!(path = %path, "watching log file"),
            SourceState::Missing => info!(path = %path, "log file does not exist yet; it will be watched once created"),
            SourceState::Unreadable(why) => {
                warn!(path = %path, reason = %why, lost = "its lines", "log file cannot be read")
            }
            SourceState::Duplicate(of) => info!(path = %path, same_as = %of, "log file is already watched"),
        }
    }

    /// The time part of a location has changed: the files of the old path end.
    pub(super) fn expire_entries_of(&mut self, origin: usize) {
        let ids: Vec<usize> =
            self.entries.iter().filter(|(_, entry)| entry.origin == origin).map(|(id, _)| *id).collect();
        for id in ids {
            if let Some(entry) = self.entries.get_mut(&id) {
                entry.wanted = false;
            }
            self.detach(id);
            self.release_if_unused(id);
        }
    }

    /// Entries that no location asks for, or that a wildcard found, go when their files have gone.
    pub(super) fn release_if_unused(&mut self, id: usize) {
        let Some(entry) = self.entries.get(&id) else { return };
        let written_out = entry.wanted
            && self.sources.get(&entry.origin).is_some_and(|source| Path::new(&source.expanded) == entry.path);
        if entry.current.is_none() && entry.rotated.is_empty() && !written_out && !self.starting {
            let (path, key) = (entry.path.clone(), Arc::clone(&entry.key));
            self.release_entry(id);
            // Nothing is kept of a file that is gone: whoever makes and removes files would fill the memory.
            if fs::symlink_metadata(path).is_err() {
                self.resume.remove(&*key);
                self.forgotten.push(key);
            }
        }
    }

    /// Forgets an entry with its files; where they stand is remembered.
    pub(super) fn release_entry(&mut self, id: usize) {
        self.detach(id);
        let positions = self.position_text(id);
        let Some(entry) = self.entries.remove(&id) else { return };
        self.released += 1;
        self.count_entry(Some(entry.origin), None);
        self.by_path.remove(&entry.path);
        self.registry.remove(&entry.source.location);
        self.resume.insert(entry.key.to_string(), positions);
        for file in entry.rotated {
            self.close_file(file);
        }
        for (_, route) in entry.links {
            self.routes.remove_route(route);
        }
    }

    /// Closes a file for good.
    pub(super) fn close_file(&mut self, id: FileId) {
        let Some(file) = self.files.remove(&id) else { return };
        self.by_identity.remove(&file.identity);
        if file.descriptor.is_some() {
            self.open_files -= 1;
        }
        if let (Some(watch), Some(inotify)) = (file.watch, &self.inotify) {
            self.by_watch.remove(&watch);
            let _ = inotify::remove_watch(inotify, watch);
        }
        // Another entry that has the same file takes over where this one stopped.
        let successors = self.duplicates.remove(&file.identity).unwrap_or_default();
        let mut successors = successors.into_iter();
        if let Some(successor) = successors.next() {
            if let Some(entry) = self.entries.get_mut(&successor) {
                entry.same_as = None;
                entry.start = Start::Positions(vec![file.position.clone()]);
            }
            self.refresh_entry(successor);
            self.moved.push(successor);
        }
        successors.for_each(|successor| self.refresh_entry(successor));
    }
}

/// How long after `since` the moment `now` is, for rotated files.
pub(super) fn quiet_for(file: &LogFile, now: Instant) -> Duration {
    let since = file.rotated.map_or(file.last_growth, |at| at.max(file.last_growth));
    now.saturating_duration_since(since)
}
