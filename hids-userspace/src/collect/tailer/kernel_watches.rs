//! Hears from the kernel: files written to, names that come and go.

use std::ffi::{CStr, OsStr, OsString};
use std::fs;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rustix::fs::inotify::{self, ReadFlags};
use rustix::io::Errno;

use super::event_loop::FileTailer;
use super::position::FileIdentity;
use super::recovery::{Rotated, Unknown};
use super::routes::Target;
use crate::collect::batch_sender::{Disconnected, now};

/// One event of the kernel, owned.
#[derive(Debug)]
struct KernelEvent {
    watch: i32,
    what: ReadFlags,
    cookie: u32,
    name: Option<OsString>,
}

/// The directory itself is no longer what stands at its path.
const SELF_GONE: ReadFlags =
    ReadFlags::DELETE_SELF.union(ReadFlags::MOVE_SELF).union(ReadFlags::UNMOUNT).union(ReadFlags::IGNORED);

impl FileTailer {
    /// Takes all events that the kernel has; none is fine.
    pub(super) fn take_kernel_events(&mut self) -> Result<(), Disconnected> {
        let before = now();
        let events = match &self.inotify {
            Some(inotify) => read_events(inotify, &mut self.event_buffer),
            None => return Ok(()),
        };
        for event in events {
            self.take_event(&event)?;
        }
        self.noticed_at = before;
        self.forget_renames();
        Ok(())
    }

    fn take_event(&mut self, event: &KernelEvent) -> Result<(), Disconnected> {
        if event.what.contains(ReadFlags::QUEUE_OVERFLOW) {
            self.batch_sender.counters().inotify_overflows.fetch_add(1, Ordering::Relaxed);
            let known_until = self.noticed_at.unix_nanos() / 1_000_000;
            self.rescan()?;
            self.find_missed_rotations(known_until);
            return Ok(());
        }
        if let Some(&file) = self.by_watch.get(&event.watch) {
            if event.what.contains(ReadFlags::IGNORED) {
                self.by_watch.remove(&event.watch);
                self.files.get_mut(&file).into_iter().for_each(|file| file.watch = None);
            }
            self.make_ready(file);
            return Ok(());
        }
        let directories = self.routes.by_watch.get(&event.watch).cloned().unwrap_or_default();
        for directory in directories {
            match &event.name {
                Some(name) => self.take_name_event(&directory, name, event),
                None if event.what.intersects(SELF_GONE) => {
                    if let Some(watch) = self.routes.set_watch(&directory, None) {
                        self.drop_watch_if_unused(watch);
                    }
                    self.revive(&directory);
                }
                // The directory's permissions.
                None => self.revive(&directory),
            }
        }
        Ok(())
    }

    fn take_name_event(&mut self, directory: &Path, name: &OsStr, event: &KernelEvent) {
        if event.what.contains(ReadFlags::MODIFY) {
            let current = self.by_path.get(&directory.join(name)).and_then(|entry| self.entries.get(entry)?.current);
            return current.into_iter().for_each(|file| self.make_ready(file));
        }
        self.follow_renames(directory, name, event);
        let gone = event.what.intersects(ReadFlags::DELETE | ReadFlags::MOVED_FROM);
        for step in self.routes.steps_for(directory, name) {
            self.advance(directory, name, step);
            if gone && !self.routes.is_last(step) {
                self.refresh_below(&directory.join(name));
            }
        }
    }

    /// Follows files that are renamed away from their paths, also when they are renamed again.
    fn follow_renames(&mut self, directory: &Path, name: &OsStr, event: &KernelEvent) {
        let path = &directory.join(name);
        if event.what.contains(ReadFlags::MOVED_FROM) {
            let renamed = self.renamed.remove(path).map(|(entry, _)| entry);
            let owner = self.by_path.get(path).copied().or_else(|| self.link_owner(directory, name));
            if let Some(entry) = owner.or(renamed) {
                self.moved_from.insert(event.cookie, entry);
            }
        }
        if event.what.contains(ReadFlags::MOVED_TO)
            && let Some(entry) = self.moved_from.remove(&event.cookie)
        {
            self.renamed.insert(path.to_owned(), (entry, Instant::now()));
            self.take_missed_rotation(entry, path);
        }
    }

    /// The entry whose symbolic link leads to `name` in `directory`.
    fn link_owner(&self, directory: &Path, name: &OsStr) -> Option<usize> {
        let steps = self.routes.steps_for(directory, name);
        steps.into_iter().filter(|step| self.routes.is_last(*step)).find_map(|step| {
            match self.routes.routes.get(&step.route)?.target {
                Target::LinkOf(entry) => Some(entry),
                Target::Source(_) => None,
            }
        })
    }

    /// Forgets renames that are old: a file that nobody has open any more by now was read.
    fn forget_renames(&mut self) {
        let limit = (self.tuning.rotated_grace.min(self.tuning.deleted_grace) / 2).min(Duration::from_secs(2));
        self.moved_from.clear();
        self.renamed.retain(|_, (_, at)| at.elapsed() < limit);
    }

    /// `path` was renamed from the path of `entry`: a file that came and was rotated away before
    /// anybody could look at it is read as well.
    fn take_missed_rotation(&mut self, entry: usize, path: &Path) {
        let Ok(meta) = fs::symlink_metadata(path) else { return };
        let identity = FileIdentity { dev: meta.dev(), inode: meta.ino() };
        if let Some(&file) = self.by_identity.get(&identity) {
            return self.reopen_renamed(file, path);
        }
        let has_entry = self.by_path.contains_key(path) || self.duplicates.contains_key(&identity);
        let was_readable =
            self.entries.get(&entry).is_some_and(|entry| entry.current.is_some() || !entry.rotated.is_empty());
        if meta.is_file() && !has_entry && was_readable {
            let kind = Rotated { unknown: Unknown::FromFirstByte, ..Rotated::default() };
            self.open_rotated(entry, path, kind);
        }
    }
}

fn read_events(inotify: &OwnedFd, buffer: &mut [MaybeUninit<u8>]) -> Vec<KernelEvent> {
    let mut events = Vec::new();
    let mut reader = inotify::Reader::new(inotify, buffer);
    loop {
        match reader.next() {
            Ok(event) => events.push(KernelEvent {
                watch: event.wd(),
                what: event.events(),
                cookie: event.cookie(),
                name: event.file_name().map(CStr::to_bytes).map(|name| OsStr::from_bytes(name).to_owned()),
            }),
            Err(Errno::INTR) => {}
            // AGAIN: there are no more.
            Err(_) => return events,
        }
    }
}
