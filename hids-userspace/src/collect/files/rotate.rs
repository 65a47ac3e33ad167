//! Which file is at a path now, and what becomes of the one that was there before.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use hids_core::model::LogSource;
use rustix::fs::inotify::{self, WatchFlags};
use tracing::{info, warn};

use super::entry::{Entry, FileId, Start};
use super::follow::Follower;
use super::log_file::LogFile;
use super::pieces::MAX_LINE_BYTES;
use super::position::{FileIdentity, FilePosition, Fingerprint, HEAD_BYTES, parse_positions};
use super::timers::Due;
use super::tree::{Step, Target};
use crate::collect::format::{self, Assembler};
use crate::collect::report::SourceState;

/// Most rotated files of one path that are kept open.
const MAX_ROTATED: usize = 16;
/// How far from its end an edited file is searched for the line read last.
const SEARCH_BYTES: u64 = 1024 * 1024;
/// Longest chain of symbolic links that is watched.
const MAX_LINKS: usize = 16;

impl Follower {
    /// The entry for `path`, made when it is new.
    pub(super) fn ensure_entry(&mut self, path: &Path, origin: usize) -> usize {
        if let Some(&id) = self.by_path.get(path) {
            if let Some(entry) = self.entries.get_mut(&id) {
                entry.wanted = true;
                entry.origin = origin;
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
        self.by_path.insert(path.to_owned(), id);
        self.find_rotated_files(id);
        id
    }

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
            let Ok(expanded) = super::names::expand_time(&source.pattern, &now) else { continue };
            if !super::names::has_wildcard(&expanded) {
                continue;
            }
            let mut tree = super::tree::Tree::default();
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
    fn find_rotated_files(&mut self, id: usize) {
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

    /// Looks which file is at the path of `id` now.
    pub(super) fn refresh_entry(&mut self, id: usize) {
        let Some(entry) = self.entries.get(&id) else { return };
        let path = entry.path.clone();
        self.follow_links(id, &path);
        let meta = match fs::metadata(&path) {
            Ok(meta) => meta,
            Err(error) if is_missing(&error) => {
                self.demote(id);
                self.expect_new_file(id);
                self.set_state(id, SourceState::Missing);
                return self.let_go_if_unused(id);
            }
            Err(error) => return self.set_state(id, SourceState::Unreadable(error.to_string())),
        };
        if !meta.is_file() && !meta.file_type().is_fifo() {
            self.demote(id);
            self.expect_new_file(id);
            return self.set_state(id, SourceState::Unreadable("not a file or named pipe".into()));
        }
        let identity = identity_of(&meta);
        let current = self.entries.get(&id).and_then(|entry| entry.current);
        match self.by_identity.get(&identity).copied() {
            Some(file) if current == Some(file) => self.open_again(file, &path, &meta),
            Some(file) if self.files.get(&file).is_some_and(|file| file.entry == id) => self.promote(id, file),
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

    fn open_again(&mut self, id: FileId, path: &Path, meta: &Metadata) {
        let Some(file) = self.files.get_mut(&id) else { return };
        let entry = file.entry;
        // Closed to save descriptors, or never opened: the next turn opens it.
        let state = if file.descriptor.is_none() && file.watch.is_none() {
            match open(path, meta) {
                Ok(descriptor) => {
                    file.take_descriptor(descriptor);
                    self.watch_file(id);
                    self.count_open(id);
                    SourceState::Reading
                }
                Err(error) => SourceState::Unreadable(error.to_string()),
            }
        } else {
            SourceState::Reading
        };
        self.set_state(entry, state);
        self.make_ready(id);
    }

    /// A file that was closed to save descriptors and then renamed is opened under its new name.
    pub(super) fn reopen_renamed(&mut self, id: FileId, path: &Path, meta: &Metadata) {
        let Some(file) = self.files.get_mut(&id).filter(|file| file.descriptor.is_none()) else { return };
        let Ok(descriptor) = open(path, meta) else { return };
        if descriptor.metadata().is_ok_and(|meta| identity_of(&meta) == file.identity) {
            file.take_descriptor(descriptor);
            self.count_open(id);
            self.make_ready(id);
        }
    }

    /// A file that was renamed away is back at its path.
    fn promote(&mut self, id: usize, file: FileId) {
        self.demote(id);
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
        self.demote(id);
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
        let before = self.demote(id);
        let tail =
            before.and_then(|file| self.files.get(&file)).map(|file| (file.position.clone(), file.tail().to_vec()));
        let (descriptor, state) = match open(path, meta) {
            Ok(descriptor) => (Some(descriptor), SourceState::Reading),
            Err(error) if is_missing(&error) => return self.set_state(id, SourceState::Missing),
            Err(error) => (None, SourceState::Unreadable(error.to_string())),
        };
        // The file may have been replaced between the two calls.
        let meta = descriptor.as_ref().and_then(|file| file.metadata().ok()).unwrap_or_else(|| meta.clone());
        if self.by_identity.contains_key(&identity_of(&meta)) {
            return;
        }
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let start = std::mem::replace(&mut entry.start, Start::Beginning);
        let position = first_position(descriptor.as_ref(), &meta, &start, tail.as_ref(), path);
        if !self.starting && position.offset > 0 {
            self.moved.push(id);
        }
        let Some(file) = self.add_file(id, descriptor, &meta, position) else { return };
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.current = Some(file);
        }
        if before.is_some() {
            self.outlet.counters().rotations.fetch_add(1, Ordering::Relaxed);
            self.notices.push(format!("ossec: File rotated (inode changed): '{}'.", path.display()));
        }
        self.set_state(id, state);
    }

    fn add_file(
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

    fn watch_file(&mut self, id: FileId) {
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
                self.outlet.counters().unwatched_files.fetch_add(1, Ordering::Relaxed);
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
    pub(super) fn demote(&mut self, id: usize) -> Option<FileId> {
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

    fn set_aside(&mut self, id: usize, file: FileId) {
        let now = Instant::now();
        let Some(entry) = self.entries.get_mut(&id) else { return };
        entry.rotated.push(file);
        let surplus = (entry.rotated.len() > MAX_ROTATED).then(|| entry.rotated[0]);
        if let Some(file) = self.files.get_mut(&file) {
            file.rotated = Some(now);
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

    /// Watches the directories that the symbolic link at `path` leads through.
    fn follow_links(&mut self, id: usize, path: &Path) {
        let hops = link_hops(path);
        let Some(entry) = self.entries.get_mut(&id) else { return };
        if entry.links.iter().map(|(hop, _)| hop).eq(hops.iter()) {
            return;
        }
        let old = std::mem::take(&mut entry.links);
        let routes: Vec<(PathBuf, usize)> = hops
            .into_iter()
            .filter_map(|hop| Some((hop.clone(), self.tree.add_route(&hop, false, Target::LinkOf(id))?)))
            .collect();
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.links.clone_from(&routes);
        }
        for (_, route) in routes {
            self.visit(Path::new("/"), Step { route, depth: 0 });
        }
        for (_, route) in old {
            self.tree.remove_route(route);
        }
    }

    pub(super) fn set_state(&self, id: usize, state: SourceState) {
        let Some(entry) = self.entries.get(&id) else { return };
        if !entry.stats.change_state(state.clone()) {
            return;
        }
        let path = entry.path.display();
        match state {
            SourceState::Reading => info!(path = %path, "log file is read"),
            SourceState::Missing => info!(path = %path, "log file is not there, it is read as soon as it is"),
            SourceState::Unreadable(why) => {
                warn!(path = %path, reason = %why, lost = "its lines", "log file cannot be read")
            }
            SourceState::Duplicate(of) => info!(path = %path, same_as = %of, "log file is read already"),
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
            self.demote(id);
            self.let_go_if_unused(id);
        }
    }

    /// Entries that no location asks for, or that a wildcard found, go when their files have gone.
    pub(super) fn let_go_if_unused(&mut self, id: usize) {
        let Some(entry) = self.entries.get(&id) else { return };
        let written_out = entry.wanted
            && self.sources.get(&entry.origin).is_some_and(|source| Path::new(&source.expanded) == entry.path);
        if entry.current.is_none() && entry.rotated.is_empty() && !written_out && !self.starting {
            self.let_entry_go(id);
        }
    }

    /// Forgets an entry with its files; where they stand is remembered.
    pub(super) fn let_entry_go(&mut self, id: usize) {
        self.demote(id);
        let positions = self.position_text(id);
        let Some(entry) = self.entries.remove(&id) else { return };
        self.by_path.remove(&entry.path);
        self.registry.remove(&entry.source.location);
        self.resume.insert(entry.key.to_string(), positions);
        for file in entry.rotated {
            self.close_file(file);
        }
        for (_, route) in entry.links {
            self.tree.remove_route(route);
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
        let heirs = self.duplicates.remove(&file.identity).unwrap_or_default();
        let mut heirs = heirs.into_iter();
        if let Some(heir) = heirs.next() {
            if let Some(entry) = self.entries.get_mut(&heir) {
                entry.same_as = None;
                entry.start = Start::Positions(vec![file.position.clone()]);
            }
            self.refresh_entry(heir);
            self.moved.push(heir);
        }
        heirs.for_each(|heir| self.refresh_entry(heir));
    }
}

/// Name of the position of the file at `path`.
pub(super) fn position_key(path: &str) -> String {
    format!("file:{}", path.replace('\n', "?"))
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

pub(super) fn identity_of(meta: &Metadata) -> FileIdentity {
    FileIdentity { dev: meta.dev(), inode: meta.ino() }
}

fn beginning(identity: FileIdentity) -> FilePosition {
    FilePosition {
        identity,
        offset: 0,
        in_cut_line: false,
        noticed_at: 0,
        head: Fingerprint::default(),
        tail: Fingerprint::default(),
    }
}

/// Opens a file or pipe without waiting and without becoming its terminal.
pub(super) fn open(path: &Path, meta: &Metadata) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::CLOEXEC;
    options.read(true).custom_flags(flags.bits() as i32);
    // A pipe opened for writing too does not end when its last writer goes.
    options.write(meta.file_type().is_fifo());
    let file = options.open(path)?;
    let opened = file.metadata()?;
    if opened.is_file() || opened.file_type().is_fifo() {
        Ok(file)
    } else {
        Err(io::Error::other("not a file or named pipe"))
    }
}

/// Where a file that nobody has read in this run is begun.
fn first_position(
    descriptor: Option<&File>,
    meta: &Metadata,
    start: &Start,
    before: Option<&(FilePosition, Vec<u8>)>,
    path: &Path,
) -> FilePosition {
    let at = |offset| FilePosition { offset, ..beginning(identity_of(meta)) };
    if meta.file_type().is_fifo() {
        return at(0);
    }
    let Some(descriptor) = descriptor else {
        // Unreadable for now: what is there already counts as old only if this is the first look.
        return match start {
            Start::End => at(meta.len()),
            Start::Positions(positions) => positions
                .iter()
                .find(|position| position.identity.inode == meta.ino())
                .cloned()
                .unwrap_or_else(|| at(0)),
            Start::Beginning => at(0),
        };
    };
    let (old, tail) = match (start, before) {
        (Start::End, _) => return at(end_of_lines(descriptor, meta.len())),
        (Start::Positions(positions), _) => {
            let same = positions.iter().find(|position| position.identity.inode == meta.ino());
            if let Some(position) = same.filter(|position| still_holds(descriptor, position)) {
                return FilePosition { identity: identity_of(meta), ..position.clone() };
            }
            (positions.last().cloned(), Vec::new())
        }
        (Start::Beginning, Some((position, tail))) => (Some(position.clone()), tail.clone()),
        (Start::Beginning, None) => return at(0),
    };
    at(old.map_or(0, |old| offset_after_edit(descriptor, &old, &tail, path)))
}

/// Whether the file still holds what was read up to `position`.
fn still_holds(file: &File, position: &FilePosition) -> bool {
    let tail_at = position.offset.saturating_sub(u64::from(position.tail.length));
    file.metadata().is_ok_and(|meta| meta.len() >= position.offset)
        && position.head.matches(file, 0).unwrap_or(false)
        && position.tail.matches(file, tail_at).unwrap_or(false)
}

/// Where to go on in a file that replaced, or was rewritten over, one read up to `old`.
///
/// Its first byte, unless it begins with the same 256 bytes: then somebody edited it, and it goes on
/// after the line read last if that is still there, else at its end.
pub(super) fn offset_after_edit(file: &File, old: &FilePosition, tail: &[u8], path: &Path) -> u64 {
    let same_head = usize::from(old.head.length) == HEAD_BYTES && old.head.matches(file, 0).unwrap_or(false);
    let length = file.metadata().map(|meta| meta.len()).unwrap_or(0);
    if !same_head {
        return 0;
    }
    let found = (!tail.is_empty()).then(|| find_last(file, tail, length)).flatten();
    let offset = found.unwrap_or_else(|| end_of_lines(file, length));
    info!(path = %path.display(), offset, "log file was edited, lines that were read before are not read again");
    offset
}

/// Where the last occurrence of `wanted` near the end of the file ends.
fn find_last(mut file: &File, wanted: &[u8], length: u64) -> Option<u64> {
    let from = length.saturating_sub(SEARCH_BYTES);
    file.seek(SeekFrom::Start(from)).ok()?;
    let mut bytes = Vec::new();
    file.take(SEARCH_BYTES).read_to_end(&mut bytes).ok()?;
    memchr::memmem::rfind(&bytes, wanted).map(|at| from + (at + wanted.len()) as u64)
}

/// The end of the last whole line.
fn end_of_lines(mut file: &File, length: u64) -> u64 {
    let window = length.min(MAX_LINE_BYTES as u64);
    let mut bytes = Vec::new();
    let read = file.seek(SeekFrom::Start(length - window)).and_then(|_| file.take(window).read_to_end(&mut bytes));
    match (read, memchr::memrchr(b'\n', &bytes)) {
        (Ok(_), Some(at)) => length - window + at as u64 + 1,
        (Ok(_), None) if window == length => 0,
        _ => length,
    }
}

/// The paths that the symbolic link at `path` leads through, up to the file itself.
fn link_hops(path: &Path) -> Vec<PathBuf> {
    let mut hops = Vec::new();
    let mut at = path.to_owned();
    while hops.len() < MAX_LINKS
        && fs::symlink_metadata(&at).is_ok_and(|meta| meta.file_type().is_symlink())
        && let Ok(target) = fs::read_link(&at)
        && let Some(parent) = at.parent()
    {
        // The parent may itself be a link: `..` in the target counts from where it leads.
        let parent = fs::canonicalize(parent).unwrap_or_else(|_| parent.to_owned());
        at = normalised(&parent.join(target));
        hops.push(at.clone());
    }
    hops
}

fn normalised(path: &Path) -> PathBuf {
    let mut out = PathBuf::from("/");
    for component in path.components() {
        match component {
            std::path::Component::ParentDir => {
                out.pop();
            }
            std::path::Component::Normal(name) => out.push(name),
            _ => {}
        }
    }
    out
}

/// How long after `since` the moment `now` is, for rotated files.
pub(super) fn quiet_for(file: &LogFile, now: Instant) -> Duration {
    let since = file.rotated.map_or(file.last_growth, |at| at.max(file.last_growth));
    now.saturating_duration_since(since)
}
