//! Finds the files that locations name, and watches the directories on the way to them.
//!
//! It knows names and directories only: what it finds it returns, in the order in which it was found.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::inotify::ReadFlags;
use tracing::warn;

use super::ids::{EntryId, SourceId};
use super::kernel_watches::{DirectoryEvents, KernelWatches, SELF_GONE, WatchId};
use super::links::link_hops;
use super::names::{is_compressed, name_before_rotation};
use super::routes::{RouteComponent, RouteId, Routes, Step, Target};

/// Something to check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A file is, or was, at a path that a location names.
    Log(FoundLog),
    /// A file that the symbolic link at the path of this entry leads to.
    LinkTarget(EntryId),
    /// This directory is gone or is another one: every path below it.
    Below(PathBuf),
}

/// A path that a location names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FoundLog {
    pub path: PathBuf,
    pub source: SourceId,
    /// What a rotation may have made it of, if only a wildcard names it.
    pub leftover: Option<Leftover>,
}

/// What the name of a file says about a rotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Leftover {
    /// It is compressed, so it is not a log.
    Compressed,
    /// It was rotated away from this path, which the location names as well.
    Of(PathBuf),
}

/// Whether a directory could be watched.
enum DirectoryWatch {
    Missing,
    /// It exists; nothing has changed about its watch.
    Unchanged,
    Watched(WatchId),
}

/// The locations and the directories on the way to their files.
#[derive(Debug)]
pub(super) struct Discovery {
    routes: Routes,
    watches: KernelWatches,
    directory_events: DirectoryEvents,
    /// Set while many locations are added: directories that have a watch are not watched again.
    keeps_watches: bool,
    /// Paths that the symbolic link at the path of an entry leads through, and the routes that watch them.
    links: HashMap<EntryId, Vec<(PathBuf, RouteId)>>,
}

impl Discovery {
    pub(super) fn new(watches: KernelWatches) -> Self {
        Self {
            routes: Routes::default(),
            watches,
            directory_events: DirectoryEvents::default(),
            keeps_watches: false,
            links: HashMap::new(),
        }
    }

    /// While many locations are added, directories that have a watch are not watched again.
    pub(super) fn keep_watches(&mut self, keep: bool) {
        self.keeps_watches = keep;
    }

    /// From now on, directories report writes as well, because files cannot be watched one by one. Returns whether
    /// that is new; directories that are watched already take part at the next rescan.
    pub(super) fn report_writes(&mut self) -> bool {
        std::mem::replace(&mut self.directory_events, DirectoryEvents::NamesAndWrites) == DirectoryEvents::Names
    }

    /// Adds a location of `source`; [`search`](Self::search) looks for its files.
    pub(super) fn add_location(&mut self, path: &Path, source: SourceId) -> Option<RouteId> {
        self.routes.add_route(path, true, Target::Source(source))
    }

    pub(super) fn remove_location(&mut self, route: RouteId) {
        self.routes.remove_route(route);
    }

    pub(super) fn remove_all_locations(&mut self) {
        self.routes.remove_source_routes();
    }

    /// Forgets directories that no location leads through any more.
    pub(super) fn drop_unused_directories(&mut self) {
        let watches = self.routes.remove_unused();
        self.remove_watches(watches);
    }

    /// Looks for the files of a location, and watches the directories on the way.
    pub(super) fn search(&mut self, route: RouteId) -> Vec<Found> {
        let mut found = Vec::new();
        self.visit(Path::new("/"), Step { route, depth: 0 }, &mut found);
        found
    }

    /// Watches what the symbolic link at `path`, the path of `entry`, leads through.
    pub(super) fn follow_links(&mut self, entry: EntryId, path: &Path) {
        let hops = link_hops(path);
        let known = self.links.get(&entry).map(Vec::as_slice).unwrap_or_default();
        if known.iter().map(|(hop, _)| hop).eq(hops.iter()) {
            return;
        }
        let routes: Vec<(PathBuf, RouteId)> = hops
            .into_iter()
            .filter_map(|hop| Some((hop.clone(), self.routes.add_route(&hop, false, Target::LinkOf(entry))?)))
            .collect();
        for (_, route) in &routes {
            // Whoever asks checks the entry itself after this, with the watches in place.
            self.search(*route);
        }
        let old = if routes.is_empty() { self.links.remove(&entry) } else { self.links.insert(entry, routes) };
        for (_, route) in old.into_iter().flatten() {
            self.routes.remove_route(route);
        }
    }

    /// The entry is gone: what its symbolic link led through is of no interest.
    pub(super) fn forget_links(&mut self, entry: EntryId) {
        for (_, route) in self.links.remove(&entry).into_iter().flatten() {
            self.routes.remove_route(route);
        }
    }

    /// The entry whose symbolic link leads to `name` in `directory`.
    pub(super) fn link_owner(&self, directory: &Path, name: &OsStr) -> Option<EntryId> {
        let steps = self.routes.steps_for(directory, name);
        steps.into_iter().filter(|step| self.routes.is_last(*step)).find_map(|step| match self.routes.target(step)? {
            Target::LinkOf(entry) => Some(entry),
            Target::Source(_) => None,
        })
    }

    /// The directories that a watch belongs to; none if it is not one of a directory.
    pub(super) fn watched_as(&self, watch: WatchId) -> Vec<PathBuf> {
        self.routes.watched_as(watch)
    }

    /// All directories on the way to files.
    pub(super) fn directories(&self) -> Vec<PathBuf> {
        self.routes.directories()
    }

    /// A name in `directory` has come, gone or changed.
    pub(super) fn name_changed(&mut self, directory: &Path, name: &OsStr, what: ReadFlags) -> Vec<Found> {
        let mut found = Vec::new();
        let is_gone = what.intersects(ReadFlags::DELETE | ReadFlags::MOVED_FROM);
        for step in self.routes.steps_for(directory, name) {
            self.advance(directory, name, step, &mut found);
            if is_gone && !self.routes.is_last(step) {
                found.push(Found::Below(directory.join(name)));
            }
        }
        found
    }

    /// `directory` itself has changed: its permissions, or it is another one.
    pub(super) fn directory_changed(&mut self, directory: &Path, what: ReadFlags) -> Vec<Found> {
        if what.intersects(SELF_GONE)
            && let Some(watch) = self.routes.set_watch(directory, None)
        {
            self.remove_watches([watch]);
        }
        self.rescan(directory)
    }

    /// Looks again for everything of interest in `directory`.
    pub(super) fn rescan(&mut self, directory: &Path) -> Vec<Found> {
        let watch = self.watch(directory);
        if matches!(watch, DirectoryWatch::Missing) {
            self.forget_directory(directory);
            return vec![Found::Below(directory.to_owned())];
        }
        self.enter_watch(directory, &watch);
        let mut found = Vec::new();
        for (name, step) in self.routes.wanted_in(directory, || names_in(directory)) {
            if self.routes.is_last(step) || !self.routes.has_directory(&directory.join(&name)) {
                self.advance(directory, &name, step, &mut found);
            }
        }
        found
    }

    /// Looks in `directory` for what `step` wants and watches it from now on.
    fn visit(&mut self, directory: &Path, step: Step, found: &mut Vec<Found>) {
        let watch = self.watch(directory);
        if matches!(watch, DirectoryWatch::Missing) {
            return self.forget_directory(directory);
        }
        self.routes.add_step(directory, step);
        self.enter_watch(directory, &watch);
        for name in self.candidates(directory, step) {
            self.advance(directory, &name, step, found);
        }
    }

    fn candidates(&self, directory: &Path, step: Step) -> Vec<OsString> {
        match self.routes.component(step) {
            Some(RouteComponent::Literal(name)) => vec![name.clone()],
            Some(RouteComponent::Wildcard(_)) => {
                names_in(directory).filter(|name| self.routes.matches(step, name)).collect()
            }
            None => Vec::new(),
        }
    }

    /// `name` is (or was) in `directory` and is what `step` looks for.
    fn advance(&mut self, directory: &Path, name: &OsStr, step: Step, found: &mut Vec<Found>) {
        let path = directory.join(name);
        if !self.routes.is_last(step) {
            return self.visit(&path, Step { depth: step.depth + 1, ..step }, found);
        }
        match self.routes.target(step) {
            Some(Target::LinkOf(entry)) => found.push(Found::LinkTarget(entry)),
            Some(Target::Source(source)) => {
                let leftover = self.leftover(&path, name, step);
                found.push(Found::Log(FoundLog { path, source, leftover }));
            }
            None => {}
        }
    }

    /// What a wildcard has found may be left behind by the rotation of a file that is tailed itself.
    fn leftover(&self, path: &Path, name: &OsStr, step: Step) -> Option<Leftover> {
        if matches!(self.routes.component(step), Some(RouteComponent::Literal(_))) {
            return None;
        }
        if is_compressed(name) {
            return Some(Leftover::Compressed);
        }
        let before = name_before_rotation(name).filter(|before| self.routes.matches(step, before))?;
        Some(Leftover::Of(path.with_file_name(before)))
    }

    fn watch(&self, directory: &Path) -> DirectoryWatch {
        if self.keeps_watches && self.routes.is_watched(directory) {
            return DirectoryWatch::Unchanged;
        }
        match self.watches.watch_directory(directory, self.directory_events) {
            Ok(Some(watch)) => DirectoryWatch::Watched(watch),
            Ok(None) if directory.is_dir() => DirectoryWatch::Unchanged,
            Err(error) if directory.is_dir() => {
                warn!(path = %directory.display(), error = %error, consequence = "new files in it are found late",
                    help = "raise fs.inotify.max_user_watches", "cannot watch directory");
                DirectoryWatch::Unchanged
            }
            Ok(None) | Err(_) => DirectoryWatch::Missing,
        }
    }

    fn enter_watch(&mut self, directory: &Path, watch: &DirectoryWatch) {
        if let DirectoryWatch::Watched(watch) = watch
            && let Some(old) = self.routes.set_watch(directory, Some(*watch))
        {
            self.remove_watches([old]);
        }
    }

    /// Forgets a directory that is gone, with all below it; an event of its parent reports when it comes back.
    fn forget_directory(&mut self, directory: &Path) {
        let watches = self.routes.remove_below(directory);
        self.remove_watches(watches);
    }

    fn remove_watches(&self, watches: impl IntoIterator<Item = WatchId>) {
        watches
            .into_iter()
            .filter(|watch| !self.routes.uses_watch(*watch))
            .for_each(|watch| self.watches.remove(watch));
    }
}

fn names_in(directory: &Path) -> impl Iterator<Item = OsString> {
    fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.file_name())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logs(found: &[Found]) -> Vec<(&Path, Option<&Leftover>)> {
        let logs = found.iter().filter_map(|found| match found {
            Found::Log(log) => Some((log.path.as_path(), log.leftover.as_ref())),
            _ => None,
        });
        let mut logs: Vec<_> = logs.collect();
        logs.sort_by_key(|(path, _)| *path);
        logs
    }

    #[test]
    fn files_of_a_wildcard_are_found_with_what_rotation_left_of_them() {
        let root = tempfile::tempdir().expect("directory");
        let root = fs::canonicalize(root.path()).expect("it exists");
        for name in ["a.log", "a.log.1", "b.log.gz"] {
            fs::write(root.join(name), "").expect("a file");
        }
        let mut discovery = Discovery::new(KernelWatches::open());
        let route = discovery.add_location(&root.join("*.log*"), SourceId(3)).expect("a location");
        let found = discovery.search(route);
        let (log, copy, packed) = (root.join("a.log"), root.join("a.log.1"), root.join("b.log.gz"));
        let leftover = Leftover::Of(log.clone());
        assert_eq!(logs(&found), [(&*log, None), (&*copy, Some(&leftover)), (&*packed, Some(&Leftover::Compressed))]);
    }

    #[test]
    fn a_directory_that_appears_leads_to_the_files_in_it() {
        let root = tempfile::tempdir().expect("directory");
        let root = fs::canonicalize(root.path()).expect("it exists");
        let mut discovery = Discovery::new(KernelWatches::open());
        let route = discovery.add_location(&root.join("app/a.log"), SourceId(0)).expect("a location");
        assert_eq!(discovery.search(route), []);
        fs::create_dir(root.join("app")).expect("directory");
        let found = discovery.name_changed(&root, OsStr::new("app"), ReadFlags::CREATE);
        assert_eq!(logs(&found), [(&*root.join("app/a.log"), None)]);
        fs::remove_dir(root.join("app")).expect("removed");
        let found = discovery.name_changed(&root, OsStr::new("app"), ReadFlags::DELETE);
        assert_eq!(found, [Found::Below(root.join("app"))]);
    }

    #[test]
    fn what_a_link_leads_through_belongs_to_its_entry() {
        let root = tempfile::tempdir().expect("directory");
        let root = fs::canonicalize(root.path()).expect("it exists");
        fs::create_dir(root.join("data")).expect("directory");
        fs::write(root.join("data/x"), "").expect("a file");
        std::os::unix::fs::symlink("data/x", root.join("link.log")).expect("link");
        let mut discovery = Discovery::new(KernelWatches::open());
        discovery.follow_links(EntryId(4), &root.join("link.log"));
        assert_eq!(discovery.link_owner(&root.join("data"), OsStr::new("x")), Some(EntryId(4)));
        discovery.forget_links(EntryId(4));
        assert_eq!(discovery.link_owner(&root.join("data"), OsStr::new("x")), None);
    }
}
