//! Updates of packages: told once, as what they are, instead of file by file.
//!
//! With `<package_updates>summarise` a path that a package manager (or a program that it started) wrote
//! is not judged at once. When the package manager has been quiet for [`QUIET`], each such path is looked
//! at; a file whose content is the one that the package database has for it becomes part of one summary,
//! what is gone and which no package has any more, though one had it, belongs to the summary as well;
//! everything else is told as any other change. Until then the baseline still has the old file, so a
//! crash in between only means that the files are found and told at the next start.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hids_core::fim::is_package_manager;
use hids_core::model::{Acceptance, FileChange, FileNews, Who};

use super::debounce::EventContext;
use super::event_loop::Monitor;
use crate::fim::Entry;
use crate::fim::packages::{Owned, Packages};

/// A package manager that has written nothing for so long is done.
const QUIET: Duration = Duration::from_secs(10);
/// After so long its files are judged although it goes on.
const LONGEST: Duration = Duration::from_secs(300);
/// Paths that are held back at most; more are told at once.
const MOST: usize = 100_000;
/// Paths and packages that the summary names.
const EXAMPLES: usize = 16;
const NAMES: usize = 64;

/// The paths that are held back, and what has become of those that were.
#[derive(Debug, Default)]
pub(super) struct Updates {
    /// Whether updates are told as a summary.
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
    /// Being read since the start.
    Reading(JoinHandle<Owned>),
    Known(Owned),
}

/// An update that is being judged.
#[derive(Debug)]
struct Judging {
    packages: Packages,
    /// The paths of packages now, if they were known before.
    owned: Owned,
    /// Looks that have not come back.
    outstanding: usize,
    files: u64,
    reasons: BTreeSet<String>,
    examples: Vec<Vec<u8>>,
}

impl Updates {
    /// Nothing is held back.
    pub(super) fn new(summarise: bool) -> Self {
        Self { summarise, ..Self::default() }
    }

    /// Nothing is held back; which paths packages have is being read, if that will be asked.
    pub(super) fn started(summarise: bool) -> Self {
        let mut updates = Self::new(summarise);
        let read = || Owned::read(Path::new("/"));
        // Without it removals are told file by file.
        if summarise && let Ok(thread) = std::thread::Builder::new().name("package-lists".into()).spawn(read) {
            updates.owned = OwnedBefore::Reading(thread);
        }
        updates
    }

    /// Takes what the start has read, if it is done.
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

    /// Holds `path` back when a package manager wrote it; whether it did.
    pub(super) fn hold(&mut self, path: &[u8], context: &EventContext, now: Instant) -> bool {
        let by_manager = !context.who.is_empty() && context.who.iter().all(is_manager);
        if !self.summarise || context.after_update || !by_manager || self.held.len() >= MOST {
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
        if self.judging.is_some() || (now < last + QUIET && now < first + LONGEST) {
            return None;
        }
        (self.first, self.last) = (None, None);
        Some(std::mem::take(&mut self.held))
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
        if judging.reasons.len() < NAMES {
            judging.reasons.insert(reason);
        }
        if judging.examples.len() < EXAMPLES {
            judging.examples.push(change.path.clone());
        }
        true
    }
}

impl Monitor {
    /// Begins to judge an update that is done.
    pub(super) fn judge_updates(&mut self) {
        let Some(held) = self.updates.take_finished(Instant::now()) else { return };
        let packages = Packages::open(Path::new("/"));
        for problem in packages.problems() {
            tracing::warn!(why = %problem, "a package database cannot be read; files of its packages are told one by one");
        }
        self.updates.learn_owned();
        let judging = Judging {
            packages,
            owned: Owned::read(Path::new("/")),
            outstanding: held.len(),
            files: 0,
            reasons: BTreeSet::new(),
            examples: Vec::new(),
        };
        self.updates.judging = Some(judging);
        for (path, mut context) in held {
            context.after_update = true;
            self.inspect_again(&path, context);
        }
    }

    /// A look at a path of an update has been applied, or led to nothing.
    pub(super) fn update_looked_at(&mut self, looks: usize) {
        let Some(judging) = &mut self.updates.judging else { return };
        judging.outstanding = judging.outstanding.saturating_sub(looks);
        // What is left when nothing waits any more was merged with other looks.
        if judging.outstanding > 0 && self.debouncer.len() > 0 {
            return;
        }
        let Some(judging) = self.updates.judging.take() else { return };
        self.updates.owned = OwnedBefore::Known(judging.owned);
        if judging.files == 0 {
            return;
        }
        let reasons = judging.reasons.into_iter().collect();
        let acceptance = Acceptance { reasons, files: judging.files, examples: judging.examples };
        self.tell(vec![FileNews::Acceptance(acceptance)]);
    }
}

/// Who calls himself so only makes his changes wait: they are told all the same, unless the package
/// database has the very content.
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

    fn summarising() -> Updates {
        Updates::new(true)
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
        assert!(!Updates::default().hold(b"/usr/bin/ls", &by("/usr/bin/dpkg", "/sbin/init"), now));
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
}
