//! Finds the files that locations name, and hears from the kernel when that changes.

use std::ffi::{CStr, OsStr, OsString};
use std::fs;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rustix::fs::inotify::{self, ReadFlags, WatchFlags};
use rustix::io::Errno;
use tracing::{info, warn};

use super::follow::Follower;
use super::names::{expand_time, has_wildcard, is_compressed, name_before_rotation};
use super::position::FileIdentity;
use super::tree::{Step, Target};
use crate::collect::outlet::{Closed, now};

/// One event of the kernel, owned.
#[derive(Debug)]
struct KernelEvent {
    watch: i32,
    what: ReadFlags,
    cookie: u32,
    name: Option<OsString>,
}

/// What changes the content of a directory.
const NAMES: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR);

/// The directory itself is no longer what stands at its path.
const SELF_GONE: ReadFlags =
    ReadFlags::DELETE_SELF.union(ReadFlags::MOVE_SELF).union(ReadFlags::UNMOUNT).union(ReadFlags::IGNORED);

impl Follower {
    /// Computes strftime parts anew and follows the new paths.
    pub(super) fn renew_time_parts(&mut self) {
        let now = jiff::Zoned::now();
        let numbers: Vec<usize> = self.sources.keys().copied().collect();
        for number in numbers {
            let Some(source) = self.sources.get_mut(&number) else { continue };
            let expanded = match expand_time(&source.pattern, &now) {
                Ok(expanded) => expanded,
                Err(error) => {
                    if source.expanded.is_empty() {
                        warn!(location = %source.pattern, error = %error, "location has a time part that is not known, taken as it is");
                    }
                    source.pattern.clone()
                }
            };
            if expanded == source.expanded {
                continue;
            }
            if let Some(route) = source.route.take() {
                info!(location = %source.pattern, path = %expanded, "log file changes with the time");
                self.tree.remove_route(route);
                self.expire_entries_of(number);
            }
            self.follow_location(number, expanded);
        }
    }

    fn follow_location(&mut self, number: usize, expanded: String) {
        let path = PathBuf::from(&expanded);
        let route = self.tree.add_route(&path, true, Target::Source(number));
        if let Some(source) = self.sources.get_mut(&number) {
            source.route = route;
            source.expanded.clone_from(&expanded);
        }
        if !has_wildcard(&expanded) {
            // Shown as missing until it appears.
            let entry = self.ensure_entry(&path, number);
            self.refresh_entry(entry);
        }
        if let Some(route) = route {
            self.visit(Path::new("/"), Step { route, depth: 0 });
        }
    }

    /// Looks in `directory` for what `step` wants and watches it from now on.
    pub(super) fn visit(&mut self, directory: &Path, step: Step) {
        if !self.watch_directory(directory) {
            self.forget_directory(directory);
            return;
        }
        self.tree.add_step(directory, step);
        self.settle_watch(directory);
        for name in self.candidates(directory, step) {
            self.advance(directory, &name, step);
        }
    }

    fn candidates(&self, directory: &Path, step: Step) -> Vec<OsString> {
        use super::tree::RouteComponent::{Literal, Wildcard};
        match self.tree.routes.get(&step.route).map(|route| &route.components[step.depth]) {
            Some(Literal(name)) => vec![name.clone()],
            Some(Wildcard(_)) => names_in(directory).filter(|name| self.tree.matches(step, name)).collect(),
            None => Vec::new(),
        }
    }

    /// `name` stands (or stood) in `directory` and is what `step` looks for.
    fn advance(&mut self, directory: &Path, name: &OsStr, step: Step) {
        let path = directory.join(name);
        if self.tree.is_last(step) {
            self.arrive(&path, name, step);
        } else {
            self.visit(&path, Step { depth: step.depth + 1, ..step });
        }
    }

    fn arrive(&mut self, path: &Path, name: &OsStr, step: Step) {
        let Some(target) = self.tree.routes.get(&step.route).map(|route| route.target) else { return };
        let number = match target {
            Target::LinkOf(entry) => return self.refresh_entry(entry),
            Target::Source(number) => number,
        };
        if let Some(&entry) = self.by_path.get(path) {
            if let Some(known) = self.entries.get_mut(&entry) {
                known.wanted = true;
            }
            return self.refresh_entry(entry);
        }
        if fs::symlink_metadata(path).is_err() || self.is_left_by_rotation(path, name, step) {
            return;
        }
        let entry = self.ensure_entry(path, number);
        self.refresh_entry(entry);
    }

    /// Whether a wildcard has found what a rotation left behind of a file that is followed itself.
    fn is_left_by_rotation(&self, path: &Path, name: &OsStr, step: Step) -> bool {
        let written_out = self
            .tree
            .routes
            .get(&step.route)
            .is_some_and(|route| matches!(route.components[step.depth], super::tree::RouteComponent::Literal(_)));
        if written_out {
            return false;
        }
        if is_compressed(name) {
            return true;
        }
        let Some(before) = name_before_rotation(name) else { return false };
        let original = path.with_file_name(before);
        self.tree.matches(step, before) && (self.by_path.contains_key(&original) || original.exists())
    }

    /// Watches a directory; answers whether there is one.
    fn watch_directory(&mut self, directory: &Path) -> bool {
        if self.starting && self.tree.nodes.get(directory).is_some_and(|node| node.watch.is_some()) {
            return true;
        }
        let Some(inotify) = &self.inotify else { return directory.is_dir() };
        let mask = if self.watch_writes_in_directories { NAMES | WatchFlags::MODIFY } else { NAMES };
        match inotify::add_watch(inotify, directory, mask) {
            Ok(watch) => {
                self.fresh_watch = Some(watch);
                true
            }
            Err(error) => {
                self.fresh_watch = None;
                let exists = directory.is_dir();
                if exists {
                    warn!(path = %directory.display(), error = %error, lost = "new files in it are found late",
                        help = "raise fs.inotify.max_user_watches", "directory cannot be watched");
                }
                exists
            }
        }
    }

    /// Enters the watch just made into the tree.
    fn settle_watch(&mut self, directory: &Path) {
        let Some(watch) = self.fresh_watch.take() else { return };
        if let Some(old) = self.tree.set_watch(directory, Some(watch)) {
            self.drop_watch_if_unused(old);
        }
    }

    fn drop_watch_if_unused(&self, watch: i32) {
        if let Some(inotify) = &self.inotify
            && !self.tree.by_watch.contains_key(&watch)
        {
            // Fails when the kernel has removed it already.
            let _ = inotify::remove_watch(inotify, watch);
        }
    }

    /// Forgets a directory that is gone, with all below it; its parent tells when it comes back.
    fn forget_directory(&mut self, directory: &Path) {
        let below: Vec<PathBuf> = self
            .tree
            .nodes
            .range(directory.to_owned()..)
            .map(|(path, _)| path)
            .take_while(|path| path.starts_with(directory))
            .cloned()
            .collect();
        for path in below {
            if let Some(watch) = self.tree.set_watch(&path, None) {
                self.drop_watch_if_unused(watch);
            }
            self.tree.nodes.remove(&path);
        }
    }

    /// Looks anew at everything of interest in `directory`.
    fn revive(&mut self, directory: &Path) {
        if !self.watch_directory(directory) {
            self.forget_directory(directory);
            return self.refresh_below(directory);
        }
        self.settle_watch(directory);
        let Some(node) = self.tree.nodes.get(directory) else { return };
        let mut found: Vec<(OsString, Step)> = Vec::new();
        for (name, steps) in &node.literals {
            found.extend(steps.iter().map(|step| (name.clone(), *step)));
        }
        if !node.wildcards.is_empty() {
            for name in names_in(directory) {
                let matching = node.wildcards.iter().filter(|step| self.tree.matches(**step, &name));
                found.extend(matching.map(|step| (name.clone(), *step)));
            }
        }
        for (name, step) in found {
            let child = directory.join(&name);
            if self.tree.is_last(step) || !self.tree.nodes.contains_key(&child) {
                self.advance(directory, &name, step);
            }
        }
    }

    fn refresh_below(&mut self, directory: &Path) {
        let below: Vec<usize> = self
            .by_path
            .range(directory.to_owned()..)
            .take_while(|(path, _)| path.starts_with(directory))
            .map(|(_, entry)| *entry)
            .collect();
        below.into_iter().for_each(|entry| self.refresh_entry(entry));
    }

    /// Looks at everything: events may have been missed.
    pub(super) fn rescan(&mut self) -> Result<(), Closed> {
        let directories: Vec<PathBuf> = self.tree.nodes.keys().cloned().collect();
        for directory in directories {
            self.revive(&directory);
        }
        let entries: Vec<usize> = self.entries.iter().filter(|(_, entry)| entry.wanted).map(|(id, _)| *id).collect();
        entries.into_iter().for_each(|entry| self.refresh_entry(entry));
        let files: Vec<_> = self.files.keys().copied().collect();
        files.into_iter().for_each(|file| self.make_ready(file));
        Ok(())
    }

    /// Forgets directories that no route leads through any more.
    pub(super) fn drop_unused_nodes(&mut self) {
        let unused: Vec<PathBuf> = self
            .tree
            .nodes
            .iter()
            .filter(|(_, node)| node.literals.is_empty() && node.wildcards.is_empty())
            .map(|(path, _)| path.clone())
            .collect();
        for path in unused {
            if let Some(watch) = self.tree.set_watch(&path, None) {
                self.drop_watch_if_unused(watch);
            }
            self.tree.nodes.remove(&path);
        }
    }

    /// Takes all events that the kernel has; none is fine.
    pub(super) fn take_kernel_events(&mut self) -> Result<(), Closed> {
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

    fn take_event(&mut self, event: &KernelEvent) -> Result<(), Closed> {
        if event.what.contains(ReadFlags::QUEUE_OVERFLOW) {
            self.outlet.counters().inotify_overflows.fetch_add(1, Ordering::Relaxed);
            return self.rescan();
        }
        if let Some(&file) = self.by_watch.get(&event.watch) {
            if event.what.contains(ReadFlags::IGNORED) {
                self.by_watch.remove(&event.watch);
                self.files.get_mut(&file).into_iter().for_each(|file| file.watch = None);
            }
            self.make_ready(file);
            return Ok(());
        }
        let directories = self.tree.by_watch.get(&event.watch).cloned().unwrap_or_default();
        for directory in directories {
            match &event.name {
                Some(name) => self.take_name_event(&directory, name, event),
                None if event.what.intersects(SELF_GONE) => {
                    if let Some(watch) = self.tree.set_watch(&directory, None) {
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
        for step in self.tree.steps_for(directory, name) {
            self.advance(directory, name, step);
            if gone && !self.tree.is_last(step) {
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
        let steps = self.tree.steps_for(directory, name);
        steps.into_iter().filter(|step| self.tree.is_last(*step)).find_map(|step| {
            match self.tree.routes.get(&step.route)?.target {
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
            return self.reopen_renamed(file, path, &meta);
        }
        let has_entry = self.by_path.contains_key(path) || self.duplicates.contains_key(&identity);
        let was_readable =
            self.entries.get(&entry).is_some_and(|entry| entry.current.is_some() || !entry.rotated.is_empty());
        if meta.is_file() && !has_entry && was_readable {
            self.open_rotated(entry, path, super::entry::Start::Beginning);
        }
    }
}

fn names_in(directory: &Path) -> impl Iterator<Item = OsString> {
    fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.file_name())
}

fn read_events(inotify: &std::os::fd::OwnedFd, buffer: &mut [MaybeUninit<u8>]) -> Vec<KernelEvent> {
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
