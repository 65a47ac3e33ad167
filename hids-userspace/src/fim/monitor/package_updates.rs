//! Package updates: reported once, as what they are, instead of file by file.
//!
//! With `<package_updates>summarise` a path that a package manager (or a program that it started) wrote is held back
//! until the package manager has been quiet for [`QUIET`]. Then each such path is inspected: what a package database
//! explains becomes part of one summary, everything else is reported like any other change. See `docs/design/fim.md`.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hids_core::fim::is_package_manager;
use hids_core::model::{Acceptance, FileChange, Who};

use super::event_context::EventContext;
use crate::fim::Entry;
use crate::fim::packages::{Owned, Packages};

/// A package manager that has written nothing for this long is done.
const QUIET: Duration = Duration::from_secs(10);
/// After this long its files are judged although it continues.
const MAX_HELD_TIME: Duration = Duration::from_secs(300);
/// Most paths that are held back; more are reported at once.
const MAX_HELD: usize = 100_000;
/// Paths that the summary names.
const MAX_EXAMPLES: usize = 16;
/// Reasons that the summary names.
const MAX_REASONS: usize = 64;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct PackageUpdates {
    /// Whether updates are reported as a summary.
    pub summarise: bool,
    held: HashMap<Vec<u8>, EventContext>,
    first: Option<Instant>,
    last: Option<Instant>,
    judging: Option<Judging>,
    owned: OwnedBefore,
}

/// The paths of packages before an update: a package that is removed takes its list with it.
#[derive(Debug, Default)]
enum OwnedBefore {
    #[default]
    Unknown,
    /// Being read.
    Reading(JoinHandle<Owned>),
    Known(Owned),
}

/// An update that is being judged.
#[derive(Debug)]
struct Judging {
    packages: Packages,
    /// The paths of packages now, if they were known before.
    owned: Owned,
    /// Inspections that have not come back.
    outstanding: usize,
    files: u64,
    reasons: BTreeSet<String>,
    examples: Vec<Vec<u8>>,
}

impl PackageUpdates {
    /// Nothing is held back.
    pub(super) fn new(summarise: bool) -> Self {
        Self { summarise, ..Self::default() }
    }

    /// Reads which paths packages have, if that will be needed.
    pub(super) fn started(summarise: bool) -> Self {
        let mut updates = Self::new(summarise);
        let read = || Owned::read(Path::new("/"));
        // Without it removals are reported file by file.
        if summarise && let Ok(thread) = std::thread::Builder::new().name("package-lists".into()).spawn(read) {
            updates.owned = OwnedBefore::Reading(thread);
        }
        updates
    }

    /// Takes what was read since the start.
    fn learn_owned(&mut self) {
        self.owned = match std::mem::take(&mut self.owned) {
            OwnedBefore::Reading(thread) if thread.is_finished() => {
                thread.join().map_or(OwnedBefore::Unknown, OwnedBefore::Known)
            }
            other => other,
        };
    }

    /// Whether `path` waits for the end of an update.
    pub(super) fn holds(&self, path: &[u8]) -> bool {
        self.held.contains_key(path)
    }

    /// Holds `path` back if a package manager wrote it; whether it did.
    pub(super) fn hold(&mut self, path: &[u8], context: &EventContext, now: Instant) -> bool {
        let by_manager = !context.who.is_empty() && context.who.iter().all(is_manager);
        if !self.summarise || context.after_update || !by_manager || self.held.len() >= MAX_HELD {
            return false;
        }
        self.first.get_or_insert(now);
        self.last = Some(now);
        match self.held.get_mut(path) {
            Some(held) => held.merge(context.clone()),
            None => _ = self.held.insert(path.to_vec(), context.clone()),
        }
        true
    }

    /// Takes what is held back once the package manager is done.
    fn take_finished(&mut self, now: Instant) -> Option<HashMap<Vec<u8>, EventContext>> {
        let (first, last) = (self.first?, self.last?);
        if self.judging.is_some() || (now < last + QUIET && now < first + MAX_HELD_TIME) {
            return None;
        }
        (self.first, self.last) = (None, None);
        Some(std::mem::take(&mut self.held))
    }

    /// Begins to judge an update that is complete: its paths, to be inspected.
    pub(super) fn begin_if_due(&mut self, now: Instant) -> Vec<(Vec<u8>, EventContext)> {
        let Some(held) = self.take_finished(now) else { return Vec::new() };
        let packages = Packages::open(Path::new("/"));
        for problem in packages.problems() {
            tracing::warn!(why = %problem, "cannot read a package database; files of its packages are reported one by one");
        }
        self.learn_owned();
        self.judging = Some(Judging {
            packages,
            owned: Owned::read(Path::new("/")),
            outstanding: held.len(),
            files: 0,
            reasons: BTreeSet::new(),
            examples: Vec::new(),
        });
        held.into_iter().map(|(path, context)| (path, EventContext { after_update: true, ..context })).collect()
    }

    /// The summary of an update once all its paths have been inspected and committed, `inspected` more of them now.
    /// `is_idle`: no path waits for an inspection.
    pub(super) fn finish_if_done(&mut self, inspected: usize, is_idle: bool) -> Option<Acceptance> {
        let judging = self.judging.as_mut()?;
        judging.outstanding = judging.outstanding.saturating_sub(inspected);
        // What is left when no path waits was merged with other inspections.
        if judging.outstanding > 0 && !is_idle {
            return None;
        }
        let judging = self.judging.take()?;
        self.owned = OwnedBefore::Known(judging.owned);
        let reasons = judging.reasons.into_iter().collect();
        (judging.files > 0).then_some(Acceptance { reasons, files: judging.files, examples: judging.examples })
    }

    /// Whether a package explains the change; it is counted in the summary then.
    pub(super) fn explains(&mut self, known: Option<&Entry>, change: &FileChange) -> bool {
        let Some(judging) = &mut self.judging else { return false };
        let reason = match (change.new.as_deref(), &self.owned, known) {
            (Some(new), ..) => {
                let found = judging.packages.explains(&change.path, known, new, |_| None);
                found.map(|found| format!("update of {} {}", found.package, found.version))
            }
            (None, OwnedBefore::Known(before), Some(known)) => {
                before.reason_of_removal(&judging.owned, &change.path, known.read)
            }
            _ => None,
        };
        let Some(reason) = reason else { return false };
        judging.files += 1;
        if judging.reasons.len() < MAX_REASONS {
            judging.reasons.insert(reason);
        }
        if judging.examples.len() < MAX_EXAMPLES {
            judging.examples.push(change.path.clone());
        }
        true
    }
}

/// Whoever calls a program like this only delays the report of its changes: they are reported all the same, unless
/// the package database has the very content.
fn is_manager(who: &Arc<Who>) -> bool {
    is_package_manager(&who.executable, &who.command)
        || who.parents.iter().any(|parent| is_package_manager(&parent.executable, &parent.command))
}

#[cfg(test)]
mod tests {
    use hids_core::model::Ancestor;

    use super::*;

    fn by(executable: &str, parent: &str) -> EventContext {
        let parents = vec![Ancestor { executable: parent.into(), ..Ancestor::default() }];
        let who = Who { executable: executable.into(), parents, ..Who::default() };
        EventContext { who: vec![Arc::new(who)], ..EventContext::default() }
    }

    fn summarising() -> PackageUpdates {
        PackageUpdates::new(true)
    }

    #[test]
    fn what_a_package_manager_or_its_children_write_waits_until_it_is_quiet() {
        let (mut updates, start) = (summarising(), Instant::now());
        assert!(updates.hold(b"/usr/bin/ls", &by("/usr/bin/dpkg", "/usr/bin/apt-get"), start));
        assert!(updates.hold(b"/etc/alternatives/vi", &by("/usr/bin/update-alternatives", "/usr/bin/dpkg"), start));
        assert!(updates.take_finished(start + QUIET / 2).is_none());
        assert_eq!(updates.take_finished(start + QUIET).unwrap().len(), 2);
        assert!(!updates.holds(b"/usr/bin/ls"));
    }

    #[test]
    fn what_others_write_does_not_wait_nor_does_anything_unless_asked_for() {
        let now = Instant::now();
        assert!(!summarising().hold(b"/usr/bin/ls", &by("/bin/sh", "/usr/sbin/sshd"), now));
        assert!(!summarising().hold(b"/usr/bin/ls", &EventContext::default(), now));
        let mut both = by("/usr/bin/dpkg", "/sbin/init");
        both.merge(by("/bin/sh", "/usr/sbin/sshd"));
        assert!(!summarising().hold(b"/usr/bin/ls", &both, now), "somebody else wrote it as well");
        assert!(!PackageUpdates::default().hold(b"/usr/bin/ls", &by("/usr/bin/dpkg", "/sbin/init"), now));
    }

    #[test]
    fn an_update_without_end_is_judged_all_the_same() {
        let (mut updates, start) = (summarising(), Instant::now());
        let mut judged = false;
        for second in 0..400 {
            let now = start + Duration::from_secs(second);
            updates.hold(b"/usr/bin/ls", &by("/usr/bin/dpkg", "/sbin/init"), now);
            judged |= updates.take_finished(now).is_some();
        }
        assert!(judged);
    }

    /// An update of which `outstanding` paths are still to be inspected and `files` were explained.
    fn judging(outstanding: usize, files: u64) -> PackageUpdates {
        let root = tempfile::tempdir().expect("tempdir");
        let judging = Judging {
            packages: Packages::open(root.path()),
            owned: Owned::read(root.path()),
            outstanding,
            files,
            reasons: BTreeSet::from(["update of tool 2".to_owned()]),
            examples: Vec::new(),
        };
        PackageUpdates { judging: Some(judging), ..PackageUpdates::default() }
    }

    #[test]
    fn the_summary_comes_when_all_paths_were_inspected_or_none_waits_any_more() {
        let mut updates = judging(3, 2);
        assert_eq!(updates.finish_if_done(2, false), None);
        let summary = updates.finish_if_done(1, false).expect("all were inspected");
        assert_eq!((summary.files, summary.reasons), (2, vec!["update of tool 2".to_owned()]));
        assert_eq!(updates.finish_if_done(0, true), None, "one summary");
        assert!(judging(3, 2).finish_if_done(0, true).is_some());
        assert_eq!(judging(0, 0).finish_if_done(0, true), None, "nothing to report");
    }
}
