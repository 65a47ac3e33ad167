//! Monitored paths and their options.

mod order;
mod paths;
#[cfg(test)]
mod tests;
mod watch;

use self::order::Roots;
use self::paths::{PathSet, below, has_more_levels_than};
pub use self::watch::{PathPattern, Watch};
use super::repeat::OSSEC_CHANGES;
use crate::model::{ChangeKind, FileKind};
use crate::pattern::{Pattern, Subject};

/// What the configuration says, as plain data. Wildcards are expanded and links resolved already.
#[derive(Clone, Debug, Default)]
pub struct PolicyDef {
    /// `<directories>`. Of several with the same root the first counts.
    pub watches: Vec<Watch>,
    /// Paths of `<directories>` with wildcards, whether or not something fits them now.
    pub wildcards: Vec<Vec<u8>>,
    /// `<ignore>`.
    pub ignore: Vec<PathPattern>,
    /// Directories of the daemon itself, in which it writes all the time: what is in them does not count
    /// under a root above them. A root that is one of them, or lies in one, is watched as it is asked.
    pub own: Vec<Vec<u8>>,
    /// `<nodiff>`.
    pub no_diff: Vec<PathPattern>,
    /// `<alert_new_files>`.
    pub alert_new_files: bool,
    /// `<auto_ignore>`.
    pub auto_ignore: bool,
    /// `<skip_nfs>`.
    pub skip_nfs: bool,
    /// Whether everything is as in OSSEC (`--ossec-strict`).
    pub strict: bool,
}

/// What a path leads to, as far as the policy cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathKind {
    /// A directory.
    Directory,
    /// Anything else, or it is not known (the path is gone).
    Other,
}

impl From<FileKind> for PathKind {
    fn from(kind: FileKind) -> Self {
        if kind == FileKind::Directory { Self::Directory } else { Self::Other }
    }
}

/// The compiled policy. Questions about a path allocate nothing: one comes for every kernel event.
#[derive(Debug, Default)]
pub struct Policy {
    watches: Vec<Watch>,
    wildcards: Vec<Vec<u8>>,
    roots: Roots,
    restrict: Vec<Option<Pattern>>,
    ignore: PathSet,
    own: Vec<Vec<u8>>,
    no_diff: PathSet,
    alert_new_files: bool,
    auto_ignore: bool,
    skip_nfs: bool,
    strict: bool,
    unusable: Vec<String>,
}

impl Policy {
    /// Compiles what the configuration has checked. A pattern that does not compile after all leaves
    /// nothing out (rather too much is told than too little), and is in [`unusable`](Self::unusable).
    ///
    /// ```
    /// use hids_core::fim::{PathKind, PathPattern, Policy, PolicyDef, Watch};
    ///
    /// let policy = Policy::compile(PolicyDef {
    ///     watches: vec![Watch { root: b"/etc".to_vec(), ..Watch::default() }],
    ///     ignore: vec![PathPattern::Prefix(b"/etc/mtab".to_vec())],
    ///     ..PolicyDef::default()
    /// });
    /// assert!(policy.watch_of(b"/etc/ssh/sshd_config", PathKind::Other).is_some());
    /// assert!(policy.watch_of(b"/etc/mtab.tmp", PathKind::Other).is_none());
    /// assert!(policy.watch_of(b"/etcetera", PathKind::Other).is_none());
    /// ```
    pub fn compile(def: PolicyDef) -> Self {
        let subject = if def.strict { Subject::StrictUtf8 } else { Subject::Bytes };
        let mut unusable = Vec::new();
        let mut watches = paths::distinct(def.watches);
        if def.strict {
            watches.iter_mut().for_each(|watch| watch.checks.extended = false);
        }
        let restrict =
            watches.iter().map(|watch| paths::pattern(watch.restrict.as_deref()?, subject, &mut unusable)).collect();
        Self {
            roots: Roots::new(&watches),
            restrict,
            ignore: PathSet::new(def.ignore, subject, &mut unusable),
            own: def.own.iter().map(|own| paths::one_form(own)).collect(),
            no_diff: PathSet::new(def.no_diff, subject, &mut unusable),
            alert_new_files: def.alert_new_files,
            auto_ignore: def.auto_ignore,
            skip_nfs: def.skip_nfs,
            strict: def.strict,
            watches,
            wildcards: def.wildcards,
            unusable,
        }
    }

    /// Everything that is watched, in the order of the configuration; no root twice.
    pub fn watches(&self) -> &[Watch] {
        &self.watches
    }

    /// Patterns that name what is watched; what fits one later is watched from then on.
    pub fn wildcards(&self) -> &[Vec<u8>] {
        &self.wildcards
    }

    /// What holds for `path`: the watch with the deepest root that holds it.
    ///
    /// `None` when no root does, or when the path is ignored, in a directory of the daemon itself, kept out
    /// by `restrict`, or lies deeper than that watch goes.
    pub fn watch_of(&self, path: &[u8], kind: PathKind) -> Option<&Watch> {
        let index = self.roots.holding(path, &self.watches)?;
        let watch = self.watches.get(index)?;
        let rest = below(&watch.root, path)?;
        if watch.levels().is_some_and(|levels| has_more_levels_than(rest, levels)) {
            return None;
        }
        if kind == PathKind::Other
            && let Some(Some(restrict)) = self.restrict.get(index)
            && !restrict.is_match(path)
        {
            return None;
        }
        let is_out =
            self.ignore.holds(path, watch.root.len()) || self.own_holds(path, watch).is_some_and(|own| own != path);
        (!is_out).then_some(watch)
    }

    /// Whether scans and marks go into `directory`: a root, or below one that goes so deep, and not ignored.
    ///
    /// A scan that meets another [root](Self::is_root) on its way passes it by: each root is scanned on its
    /// own.
    pub fn enters(&self, directory: &[u8]) -> bool {
        let Some(watch) = self.roots.holding(directory, &self.watches).and_then(|index| self.watches.get(index)) else {
            return false;
        };
        let Some(rest) = below(&watch.root, directory) else { return false };
        if rest.is_empty() {
            return true;
        }
        let fits = watch.levels().is_none_or(|levels| levels > 0 && !has_more_levels_than(rest, levels - 1));
        fits && !self.ignore.holds(directory, watch.root.len()) && self.own_holds(directory, watch).is_none()
    }

    /// The daemon's own directory below the root of `watch` that is `path` or holds it.
    fn own_holds(&self, path: &[u8], watch: &Watch) -> Option<&[u8]> {
        let is_inside = |own: &[u8]| below(&watch.root, own).is_some_and(|rest| !rest.is_empty());
        let mut own = self.own.iter().map(Vec::as_slice);
        own.find(|own| below(own, path).is_some() && is_inside(own))
    }

    /// Whether `path` is the root of a watch.
    pub fn is_root(&self, path: &[u8]) -> bool {
        self.root(path).is_some()
    }

    /// The watch whose root is `path`.
    pub fn root(&self, path: &[u8]) -> Option<&Watch> {
        let watch = self.watches.get(self.roots.holding(path, &self.watches)?)?;
        (watch.root == path).then_some(watch)
    }

    /// Whether alerts may show text of `path` (`<nodiff>` keeps secrets out of them).
    pub fn shows_diff(&self, path: &[u8]) -> bool {
        !self.no_diff.holds(path, 0)
    }

    /// Whether objects of `kind` are compared: OSSEC knows files and links only.
    pub fn counts(&self, kind: FileKind) -> bool {
        !self.strict || matches!(kind, FileKind::Regular | FileKind::Symlink)
    }

    /// Whether the rules see a change of a path whose `count`-th change it is.
    ///
    /// In the strict mode `auto_ignore` silences everything after the third change of a path, as in OSSEC:
    /// whoever changes a file three times is not seen the fourth time. In the default mode each change alerts.
    pub fn alerts_change(&self, kind: ChangeKind, count: u32) -> bool {
        match kind {
            ChangeKind::Added => self.alert_new_files,
            _ => !(self.strict && self.auto_ignore && count > OSSEC_CHANGES),
        }
    }

    /// Whether the files that the very first scan finds alert as new ones: in OSSEC they do with
    /// `alert_new_files`; in the default mode the first scan makes the baseline and nothing is new.
    pub fn alerts_first_scan(&self) -> bool {
        self.strict && self.alert_new_files
    }

    /// Whether network filesystems are left out.
    pub fn skips_nfs(&self) -> bool {
        self.skip_nfs
    }

    /// Whether everything is as in OSSEC.
    pub fn is_strict(&self) -> bool {
        self.strict
    }

    /// Patterns that did not compile, with the reason. Empty when the configuration was checked.
    pub fn unusable(&self) -> &[String] {
        &self.unusable
    }
}
