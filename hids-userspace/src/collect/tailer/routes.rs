//! Which names in which directories are of interest.
//!
//! Each location is a *route*: its path components, some of them with wildcards. Every directory on
//! the way is a node that knows which names in it lead on, so that an event of the kernel costs one
//! look-up however many files there are. Directories that do not exist yet are nodes as well: the
//! event of the directory above leads to them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};

use super::ids::{EntryId, SourceId};
use super::kernel_watches::WatchId;
use super::names::has_wildcard;

/// Number of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct RouteId(usize);

/// A location that leads to files.
#[derive(Debug)]
pub(super) struct Route {
    components: Vec<RouteComponent>,
    target: Target,
}

/// What a route is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Files to tail, of this source.
    Source(SourceId),
    /// A file that the symbolic link at the path of this entry leads to.
    LinkOf(EntryId),
}

/// One component of a location.
#[derive(Debug)]
pub(super) enum RouteComponent {
    Literal(OsString),
    Wildcard(glob::Pattern),
}

/// How far along a route a directory is: `components[depth]` is looked for in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Step {
    pub route: RouteId,
    pub depth: usize,
}

/// A directory on the way of some routes.
#[derive(Debug, Default)]
pub(super) struct Node {
    watch: Option<WatchId>,
    literals: HashMap<OsString, BTreeSet<Step>>,
    wildcards: BTreeSet<Step>,
}

/// All routes and the directories on their way.
#[derive(Debug, Default)]
pub(super) struct Routes {
    routes: HashMap<RouteId, Route>,
    next_route: usize,
    nodes: BTreeMap<PathBuf, Node>,
    by_watch: HashMap<WatchId, Vec<PathBuf>>,
}

const MATCH: glob::MatchOptions =
    glob::MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

impl Routes {
    /// Adds a route along `path`; `None` when it has no last component.
    pub(super) fn add_route(&mut self, path: &Path, wildcards: bool, target: Target) -> Option<RouteId> {
        let components: Vec<_> = path
            .components()
            .filter_map(|component| match component {
                Component::Normal(name) => Some(route_component(name, wildcards)),
                Component::ParentDir => Some(RouteComponent::Literal(OsString::from(".."))),
                _ => None,
            })
            .collect();
        if components.is_empty() {
            return None;
        }
        let id = RouteId(self.next_route);
        self.next_route += 1;
        self.routes.insert(id, Route { components, target });
        Some(id)
    }

    /// Takes a route away again.
    pub(super) fn remove_route(&mut self, id: RouteId) {
        if self.routes.remove(&id).is_some() {
            self.drop_steps_without_route();
        }
    }

    /// Takes away all routes of sources.
    pub(super) fn remove_source_routes(&mut self) {
        self.routes.retain(|_, route| !matches!(route.target, Target::Source(_)));
        self.drop_steps_without_route();
    }

    fn drop_steps_without_route(&mut self) {
        let routes = &self.routes;
        for node in self.nodes.values_mut() {
            node.wildcards.retain(|step| routes.contains_key(&step.route));
            node.literals.retain(|_, steps| {
                steps.retain(|step| routes.contains_key(&step.route));
                !steps.is_empty()
            });
        }
    }

    /// Notes that `step` looks for something in `directory`.
    pub(super) fn add_step(&mut self, directory: &Path, step: Step) {
        let Some(route) = self.routes.get(&step.route) else { return };
        if !self.nodes.contains_key(directory) {
            self.nodes.insert(directory.to_owned(), Node::default());
        }
        let Some(node) = self.nodes.get_mut(directory) else { return };
        match &route.components[step.depth] {
            RouteComponent::Literal(name) => {
                if let Some(steps) = node.literals.get_mut(name) {
                    steps.insert(step);
                } else {
                    node.literals.insert(name.clone(), BTreeSet::from([step]));
                }
            }
            RouteComponent::Wildcard(_) => {
                node.wildcards.insert(step);
            }
        }
    }

    /// The steps for which `name` in `directory` is of interest.
    pub(super) fn steps_for(&self, directory: &Path, name: &OsStr) -> Vec<Step> {
        let Some(node) = self.nodes.get(directory) else { return Vec::new() };
        let literal = node.literals.get(name).into_iter().flatten().copied();
        let wildcard = node.wildcards.iter().copied().filter(|step| self.matches(*step, name));
        literal.chain(wildcard).collect()
    }

    /// Whether the route may lead to exactly this path.
    pub(super) fn leads_to(&self, route: RouteId, path: &Path) -> bool {
        let Some(known) = self.routes.get(&route) else { return false };
        let names: Vec<&OsStr> = path
            .components()
            .filter_map(|component| match component {
                Component::Normal(name) => Some(name),
                _ => None,
            })
            .collect();
        names.len() == known.components.len()
            && names.iter().enumerate().all(|(depth, name)| self.matches(Step { route, depth }, name))
    }

    /// Whether `name` is what `step` looks for.
    pub(super) fn matches(&self, step: Step, name: &OsStr) -> bool {
        match self.routes.get(&step.route).map(|route| &route.components[step.depth]) {
            Some(RouteComponent::Literal(literal)) => literal == name,
            Some(RouteComponent::Wildcard(pattern)) => pattern.matches_with(&name.to_string_lossy(), MATCH),
            None => false,
        }
    }

    /// Whether `step` looks for the last component of its route.
    pub(super) fn is_last(&self, step: Step) -> bool {
        self.routes.get(&step.route).is_none_or(|route| step.depth + 1 == route.components.len())
    }

    /// What `step` looks for.
    pub(super) fn component(&self, step: Step) -> Option<&RouteComponent> {
        self.routes.get(&step.route).map(|route| &route.components[step.depth])
    }

    /// What the route of `step` is for.
    pub(super) fn target(&self, step: Step) -> Option<Target> {
        self.routes.get(&step.route).map(|route| route.target)
    }

    /// Everything that is looked for in `directory`; `names` lists what is in it, for wildcards.
    pub(super) fn wanted_in<N: Iterator<Item = OsString>>(
        &self,
        directory: &Path,
        names: impl FnOnce() -> N,
    ) -> Vec<(OsString, Step)> {
        let Some(node) = self.nodes.get(directory) else { return Vec::new() };
        let mut wanted: Vec<(OsString, Step)> = Vec::new();
        for (name, steps) in &node.literals {
            wanted.extend(steps.iter().map(|step| (name.clone(), *step)));
        }
        if !node.wildcards.is_empty() {
            for name in names() {
                let matching = node.wildcards.iter().filter(|step| self.matches(**step, &name));
                wanted.extend(matching.map(|step| (name.clone(), *step)));
            }
        }
        wanted
    }

    /// All directories on the way of some route.
    pub(super) fn directories(&self) -> Vec<PathBuf> {
        self.nodes.keys().cloned().collect()
    }

    /// Whether `directory` is on the way of some route.
    pub(super) fn has_directory(&self, directory: &Path) -> bool {
        self.nodes.contains_key(directory)
    }

    /// Whether `directory` has a watch.
    pub(super) fn is_watched(&self, directory: &Path) -> bool {
        self.nodes.get(directory).is_some_and(|node| node.watch.is_some())
    }

    /// The directories that are watched as `watch`.
    pub(super) fn watched_as(&self, watch: WatchId) -> Vec<PathBuf> {
        self.by_watch.get(&watch).cloned().unwrap_or_default()
    }

    /// Whether some directory is watched as `watch`.
    pub(super) fn uses_watch(&self, watch: WatchId) -> bool {
        self.by_watch.contains_key(&watch)
    }

    /// Removes `directory` and all below it; returns the watches that they had.
    pub(super) fn remove_below(&mut self, directory: &Path) -> Vec<WatchId> {
        let below = self.nodes.range(directory.to_owned()..).map(|(path, _)| path);
        let below: Vec<PathBuf> = below.take_while(|path| path.starts_with(directory)).cloned().collect();
        self.remove_directories(below)
    }

    /// Removes the directories that no route leads through any more; returns the watches that they had.
    pub(super) fn remove_unused(&mut self) -> Vec<WatchId> {
        let unused = self.nodes.iter().filter(|(_, node)| node.literals.is_empty() && node.wildcards.is_empty());
        let unused: Vec<PathBuf> = unused.map(|(path, _)| path.clone()).collect();
        self.remove_directories(unused)
    }

    fn remove_directories(&mut self, directories: Vec<PathBuf>) -> Vec<WatchId> {
        let mut watches = Vec::new();
        for directory in directories {
            watches.extend(self.set_watch(&directory, None));
            self.nodes.remove(&directory);
        }
        watches
    }

    /// Notes that `directory` is now watched as `watch`; returns the watch that it had before.
    pub(super) fn set_watch(&mut self, directory: &Path, watch: Option<WatchId>) -> Option<WatchId> {
        let node = self.nodes.get_mut(directory)?;
        let old = std::mem::replace(&mut node.watch, watch);
        if old == watch {
            return None;
        }
        if let Some(old) = old
            && let Some(paths) = self.by_watch.get_mut(&old)
        {
            paths.retain(|path| path != directory);
            if paths.is_empty() {
                self.by_watch.remove(&old);
            }
        }
        if let Some(new) = watch {
            self.by_watch.entry(new).or_default().push(directory.to_owned());
        }
        old
    }
}

fn route_component(name: &OsStr, wildcards: bool) -> RouteComponent {
    let text = name.to_string_lossy();
    if wildcards && has_wildcard(&text) {
        // `**` is nothing special for OSSEC (glob(3)).
        let mut pattern = text.into_owned();
        while pattern.contains("**") {
            pattern = pattern.replace("**", "*");
        }
        if let Ok(pattern) = glob::Pattern::new(&pattern) {
            return RouteComponent::Wildcard(pattern);
        }
    }
    RouteComponent::Literal(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_looked_up_in_the_directories_of_its_route_only() {
        let mut routes = Routes::default();
        let source = Target::Source(SourceId(0));
        let route = routes.add_route(Path::new("/var/log/*/a*.log"), true, source).expect("a route");
        let step = Step { route, depth: 3 };
        routes.add_step(Path::new("/var/log/x"), step);
        assert_eq!(routes.steps_for(Path::new("/var/log/x"), OsStr::new("ab.log")), [step]);
        assert!(routes.steps_for(Path::new("/var/log/x"), OsStr::new("b.log")).is_empty());
        assert!(routes.steps_for(Path::new("/var/log"), OsStr::new("ab.log")).is_empty());
        assert!(routes.leads_to(route, Path::new("/var/log/y/a.log")));
        assert!(!routes.leads_to(route, Path::new("/var/log/y/z/a.log")));
        routes.remove_route(route);
        assert!(routes.remove_unused().is_empty());
        assert!(!routes.has_directory(Path::new("/var/log/x")));
    }

    #[test]
    fn a_watch_is_unused_once_the_last_of_its_directories_is_gone() {
        let mut routes = Routes::default();
        let route = routes.add_route(Path::new("/a/b"), false, Target::LinkOf(EntryId(1))).expect("a route");
        for directory in ["/a", "/same"] {
            routes.add_step(Path::new(directory), Step { route, depth: 1 });
            assert_eq!(routes.set_watch(Path::new(directory), Some(5)), None);
        }
        assert_eq!(routes.watched_as(5).len(), 2);
        assert_eq!(routes.remove_below(Path::new("/a")), [5]);
        assert!(routes.uses_watch(5));
        assert_eq!(routes.remove_below(Path::new("/same")), [5]);
        assert!(!routes.uses_watch(5));
    }
}
