//! Which names in which directories are of interest.
//!
//! Each location is a *route*: its path components, some of them with wildcards. Every directory on
//! the way is a node that knows which names in it lead on, so that an event of the kernel costs one
//! look-up however many files there are. Directories that do not exist yet are nodes as well: the
//! event of the directory above brings them to life.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};

use super::names::has_wildcard;

/// A location that leads to files.
#[derive(Debug)]
pub(super) struct Route {
    pub components: Vec<RouteComponent>,
    pub target: Target,
}

/// What a route is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Files to follow, of the source with this number.
    Source(usize),
    /// A file that the symbolic link at the path of this entry leads to.
    LinkOf(usize),
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
    pub route: usize,
    pub depth: usize,
}

/// A directory on the way of some routes.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub watch: Option<i32>,
    pub literals: HashMap<OsString, BTreeSet<Step>>,
    pub wildcards: BTreeSet<Step>,
}

/// All routes and the directories on their way.
#[derive(Debug, Default)]
pub(super) struct Routes {
    pub routes: HashMap<usize, Route>,
    next_route: usize,
    pub nodes: BTreeMap<PathBuf, Node>,
    pub by_watch: HashMap<i32, Vec<PathBuf>>,
}

const MATCH: glob::MatchOptions =
    glob::MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

impl Routes {
    /// Adds a route along `path`; `None` when it has no last component.
    pub fn add_route(&mut self, path: &Path, wildcards: bool, target: Target) -> Option<usize> {
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
        let number = self.next_route;
        self.next_route += 1;
        self.routes.insert(number, Route { components, target });
        Some(number)
    }

    /// Takes a route away again.
    pub fn remove_route(&mut self, number: usize) {
        if self.routes.remove(&number).is_some() {
            self.drop_steps_without_route();
        }
    }

    /// Takes away all routes of sources.
    pub fn remove_source_routes(&mut self) {
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
    pub fn add_step(&mut self, directory: &Path, step: Step) {
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
    pub fn steps_for(&self, directory: &Path, name: &OsStr) -> Vec<Step> {
        let Some(node) = self.nodes.get(directory) else { return Vec::new() };
        let literal = node.literals.get(name).into_iter().flatten().copied();
        let wildcard = node.wildcards.iter().copied().filter(|step| self.matches(*step, name));
        literal.chain(wildcard).collect()
    }

    /// Whether the route may lead to exactly this path.
    pub fn leads_to(&self, route: usize, path: &Path) -> bool {
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
    pub fn matches(&self, step: Step, name: &OsStr) -> bool {
        match self.routes.get(&step.route).map(|route| &route.components[step.depth]) {
            Some(RouteComponent::Literal(literal)) => literal == name,
            Some(RouteComponent::Wildcard(pattern)) => pattern.matches_with(&name.to_string_lossy(), MATCH),
            None => false,
        }
    }

    /// Whether `step` looks for the last component of its route.
    pub fn is_last(&self, step: Step) -> bool {
        self.routes.get(&step.route).is_none_or(|route| step.depth + 1 == route.components.len())
    }

    /// Notes that `directory` is now watched as `watch`; answers the watch that it had before.
    pub fn set_watch(&mut self, directory: &Path, watch: Option<i32>) -> Option<i32> {
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
