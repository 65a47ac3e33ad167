//! Finds the files that locations name, and hears from the kernel when that changes.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use rustix::fs::inotify::{self, WatchFlags};
use tracing::{info, warn};

use super::event_loop::FileTailer;
use super::names::{expand_time, has_wildcard, is_compressed, name_before_rotation};
use super::routes::{Step, Target};
use crate::collect::batch_sender::Disconnected;

/// What changes the content of a directory.
const NAMES: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR);

impl FileTailer {
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
                self.routes.remove_route(route);
                self.expire_entries_of(number);
            }
            self.follow_location(number, expanded);
        }
    }

    fn follow_location(&mut self, number: usize, expanded: String) {
        let path = PathBuf::from(&expanded);
        let route = self.routes.add_route(&path, true, Target::Source(number));
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
        self.routes.add_step(directory, step);
        self.settle_watch(directory);
        for name in self.candidates(directory, step) {
            self.advance(directory, &name, step);
        }
    }

    fn candidates(&self, directory: &Path, step: Step) -> Vec<OsString> {
        use super::routes::RouteComponent::{Literal, Wildcard};
        match self.routes.routes.get(&step.route).map(|route| &route.components[step.depth]) {
            Some(Literal(name)) => vec![name.clone()],
            Some(Wildcard(_)) => names_in(directory).filter(|name| self.routes.matches(step, name)).collect(),
            None => Vec::new(),
        }
    }

    /// `name` stands (or stood) in `directory` and is what `step` looks for.
    pub(super) fn advance(&mut self, directory: &Path, name: &OsStr, step: Step) {
        let path = directory.join(name);
        if self.routes.is_last(step) {
            self.arrive(&path, name, step);
        } else {
            self.visit(&path, Step { depth: step.depth + 1, ..step });
        }
    }

    fn arrive(&mut self, path: &Path, name: &OsStr, step: Step) {
        let Some(target) = self.routes.routes.get(&step.route).map(|route| route.target) else { return };
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
        if self.is_at_limit(number) {
            return self.leave_out(number);
        }
        let entry = self.ensure_entry(path, number);
        self.refresh_entry(entry);
    }

    /// Whether a wildcard has found what a rotation left behind of a file that is followed itself.
    fn is_left_by_rotation(&self, path: &Path, name: &OsStr, step: Step) -> bool {
        let written_out = self
            .routes
            .routes
            .get(&step.route)
            .is_some_and(|route| matches!(route.components[step.depth], super::routes::RouteComponent::Literal(_)));
        if written_out {
            return false;
        }
        if is_compressed(name) {
            return true;
        }
        let Some(before) = name_before_rotation(name) else { return false };
        let original = path.with_file_name(before);
        self.routes.matches(step, before) && (self.by_path.contains_key(&original) || original.exists())
    }

    /// Watches a directory; answers whether there is one.
    fn watch_directory(&mut self, directory: &Path) -> bool {
        if self.starting && self.routes.nodes.get(directory).is_some_and(|node| node.watch.is_some()) {
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
        if let Some(old) = self.routes.set_watch(directory, Some(watch)) {
            self.drop_watch_if_unused(old);
        }
    }

    pub(super) fn drop_watch_if_unused(&self, watch: i32) {
        if let Some(inotify) = &self.inotify
            && !self.routes.by_watch.contains_key(&watch)
        {
            // Fails when the kernel has removed it already.
            let _ = inotify::remove_watch(inotify, watch);
        }
    }

    /// Forgets a directory that is gone, with all below it; its parent tells when it comes back.
    fn forget_directory(&mut self, directory: &Path) {
        let below: Vec<PathBuf> = self
            .routes
            .nodes
            .range(directory.to_owned()..)
            .map(|(path, _)| path)
            .take_while(|path| path.starts_with(directory))
            .cloned()
            .collect();
        for path in below {
            if let Some(watch) = self.routes.set_watch(&path, None) {
                self.drop_watch_if_unused(watch);
            }
            self.routes.nodes.remove(&path);
        }
    }

    /// Looks anew at everything of interest in `directory`.
    pub(super) fn revive(&mut self, directory: &Path) {
        if !self.watch_directory(directory) {
            self.forget_directory(directory);
            return self.refresh_below(directory);
        }
        self.settle_watch(directory);
        let Some(node) = self.routes.nodes.get(directory) else { return };
        let mut found: Vec<(OsString, Step)> = Vec::new();
        for (name, steps) in &node.literals {
            found.extend(steps.iter().map(|step| (name.clone(), *step)));
        }
        if !node.wildcards.is_empty() {
            for name in names_in(directory) {
                let matching = node.wildcards.iter().filter(|step| self.routes.matches(**step, &name));
                found.extend(matching.map(|step| (name.clone(), *step)));
            }
        }
        for (name, step) in found {
            let child = directory.join(&name);
            if self.routes.is_last(step) || !self.routes.nodes.contains_key(&child) {
                self.advance(directory, &name, step);
            }
        }
    }

    pub(super) fn refresh_below(&mut self, directory: &Path) {
        let below: Vec<usize> = self
            .by_path
            .range(directory.to_owned()..)
            .take_while(|(path, _)| path.starts_with(directory))
            .map(|(_, entry)| *entry)
            .collect();
        below.into_iter().for_each(|entry| self.refresh_entry(entry));
    }

    /// Looks at everything: events may have been missed.
    pub(super) fn rescan(&mut self) -> Result<(), Disconnected> {
        self.batch_sender.counters().files_left_out.store(0, Ordering::Relaxed);
        let directories: Vec<PathBuf> = self.routes.nodes.keys().cloned().collect();
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
            .routes
            .nodes
            .iter()
            .filter(|(_, node)| node.literals.is_empty() && node.wildcards.is_empty())
            .map(|(path, _)| path.clone())
            .collect();
        for path in unused {
            if let Some(watch) = self.routes.set_watch(&path, None) {
                self.drop_watch_if_unused(watch);
            }
            self.routes.nodes.remove(&path);
        }
    }
}

fn names_in(directory: &Path) -> impl Iterator<Item = OsString> {
    fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.file_name())
}
