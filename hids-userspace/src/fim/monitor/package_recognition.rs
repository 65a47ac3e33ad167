//! Which changed files are as a package of the system has them, for `hidsctl fim accept --packages`.

use std::collections::BTreeSet;
use std::path::Path;

use hids_core::model::FimEvent;

use crate::fim::Entry;
use crate::fim::packages::Packages;
use crate::fim::store::{StoreError, StoreView};

/// Recognises files, and remembers the packages that it found.
#[derive(Debug)]
pub(super) struct PackageRecognition {
    /// `None` = every file is recognised.
    databases: Option<Packages>,
    names: BTreeSet<String>,
}

impl PackageRecognition {
    /// Recognises every file.
    pub(super) const fn any() -> Self {
        Self::by(None)
    }

    /// Recognises files that are as an installed package has them.
    pub(super) fn installed() -> Self {
        Self::by(Some(Packages::open(Path::new("/"))))
    }

    const fn by(databases: Option<Packages>) -> Self {
        Self { databases, names: BTreeSet::new() }
    }

    /// Whether only files of packages are recognised.
    pub(super) const fn is_restricted(&self) -> bool {
        self.databases.is_some()
    }

    /// Whether a changed file may be accepted: its content must be the one of a package, by a database
    /// that is newer than what it replaced, and nothing else of it may have changed since it was accepted
    /// last.
    pub(super) fn recognises(&mut self, view: &StoreView, path: &[u8], entry: &Entry) -> Result<bool, StoreError> {
        let Some(databases) = &self.databases else { return Ok(true) };
        let Some(state) = &entry.state else { return Ok(false) };
        let Some(before) = before(view, path, entry)? else { return Ok(false) };
        let Some(found) = databases.explains(path, before.as_ref(), state, |_| None) else { return Ok(false) };
        self.names.insert(format!("{} {}", found.package, found.version));
        Ok(true)
    }

    /// Names and versions.
    pub(super) fn names(&self) -> Vec<String> {
        self.names.iter().cloned().collect()
    }
}

/// The state that was accepted last, with the time at which the present content replaced something else. So neither
/// a database that is older than a forged file, nor one that was written between two changes, explains anything.
///
/// The inner `None` = nothing was known of the path. The outer one = it is not known any more: the history is too
/// short, or an older version wrote the entry.
fn before(view: &StoreView, path: &[u8], entry: &Entry) -> Result<Option<Option<Entry>>, StoreError> {
    let Some(unaccepted) = entry.unaccepted else { return Ok(None) };
    let notices = view.notices_after(unaccepted.since.saturating_sub(1), 1)?;
    let first = notices.into_iter().find(|notice| notice.sequence == unaccepted.since);
    let Some(FimEvent::Change(change)) = first.map(|notice| notice.news) else { return Ok(None) };
    if change.path != path {
        return Ok(None);
    }
    let state = change.old.map(|state| *state);
    Ok(Some(unaccepted.replaced_read.map(|read| Entry { state, read, ..Entry::default() })))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use hids_core::model::{ChangeKind, Digests, FileChange, FileState, Operations, Timestamp};
    use md5::{Digest as _, Md5};

    use super::*;
    use crate::fim::store::{Durability, Store, StoreKey, StoreLimits};
    use crate::fim::{BaselineView as _, Unaccepted};

    const TOOL: &[u8] = b"/usr/bin/tool";

    fn state(content: &str) -> FileState {
        let digests = Digests { md5: Some(Md5::digest(content).into()), ..Digests::default() };
        FileState { mode: 0o100_755, digests, ..FileState::default() }
    }

    /// A database of dpkg that has the tool with this content, and when it was written.
    fn database(content: &str) -> (tempfile::TempDir, Timestamp) {
        let root = tempfile::tempdir().expect("tempdir");
        let dpkg = root.path().join("var/lib/dpkg");
        fs::create_dir_all(dpkg.join("info")).expect("made");
        let stanza = "Package: tool\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2\n\n";
        fs::write(dpkg.join("status"), stanza).expect("written");
        let sum: String = Md5::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
        fs::write(dpkg.join("info/tool.md5sums"), format!("{sum}  usr/bin/tool\n")).expect("written");
        let packages = Packages::open(root.path());
        let found = packages.explains(TOOL, None, &state(content), |_| None).expect("known");
        (root, found.recorded)
    }

    /// Whether the last of `states` (when each was read, and what) is taken by a database that has `content`;
    /// the first of them was accepted, or is nothing.
    fn takes(content: &str, states: impl Fn(Timestamp) -> Vec<(Timestamp, Option<FileState>)>) -> bool {
        let (root, recorded) = database(content);
        let directory = tempfile::tempdir().expect("tempdir");
        let path = directory.path().join("fim.redb");
        let (store, _) = Store::open(&path, &StoreKey::from_bytes([1; 32]), StoreLimits::default()).expect("opens");
        let mut known: Option<Entry> = None;
        for (read, state) in states(recorded) {
            let Some(state) = state else { continue };
            let mut update = store.begin().expect("begins");
            let mut entry = Entry { state: Some(state.clone()), read, ..Entry::default() };
            let old = known.as_ref().and_then(|known| known.state.clone()).map(Box::new);
            if known.is_some() || states(recorded)[0].1.is_none() {
                let change = FileChange {
                    path: TOOL.to_vec(),
                    kind: if old.is_some() { ChangeKind::Modified } else { ChangeKind::Added },
                    old,
                    new: Some(Box::new(state)),
                    count: 1,
                    who: Vec::new(),
                    operations: Operations::NONE,
                    diff: None,
                };
                let sequence = update.notice(read, true, FimEvent::Change(Box::new(change))).expect("noticed");
                entry.unaccepted = super::super::commit::unaccepted(known.as_ref(), sequence);
            }
            update.put(TOOL, &entry).expect("put");
            update.commit(Durability::Synced).expect("committed");
            known = Some(entry);
        }
        let view = store.view();
        let entry = view.entry(TOOL).expect("readable").expect("there");
        PackageRecognition::by(Some(Packages::open(root.path()))).recognises(&view, TOOL, &entry).expect("readable")
    }

    fn minutes(count: u64) -> Duration {
        Duration::from_secs(60 * count)
    }

    #[test]
    fn an_update_is_taken_and_so_is_a_new_file_of_a_package() {
        let (old, new) = (|| Some(state("version 1")), || Some(state("version 2")));
        assert!(takes("version 2", |recorded| vec![(recorded.minus(minutes(9)), old()), (recorded, new())]));
        assert!(takes("version 2", |recorded| vec![(recorded, None), (recorded, new())]));
    }

    #[test]
    fn a_database_that_is_older_than_what_the_baseline_has_explains_nothing() {
        let (forged, packaged) = (|| Some(state("forged")), || Some(state("version 2")));
        // What was taken into the baseline was not the package's, and somebody has put the file back.
        assert!(!takes("version 2", |recorded| vec![
            (recorded.plus(minutes(1)), forged()),
            (recorded.plus(minutes(2)), packaged())
        ]));
        // The update came between two changes: what was there last is no update.
        assert!(!takes("version 2", |recorded| vec![
            (recorded.minus(minutes(9)), Some(state("version 1"))),
            (recorded, packaged()),
            (recorded.plus(minutes(1)), forged()),
            (recorded.plus(minutes(2)), packaged())
        ]));
    }

    #[test]
    fn a_file_that_was_forged_and_installed_again_is_taken_but_not_with_another_mode() {
        let (old, forged) = (|| Some(state("version 1")), || Some(state("forged")));
        let again = |mode| {
            takes("version 2", |recorded| {
                let new = FileState { mode, ..state("version 2") };
                vec![(recorded.minus(minutes(9)), old()), (recorded.minus(minutes(1)), forged()), (recorded, Some(new))]
            })
        };
        assert!(again(0o100_755) && !again(0o104_755));
    }

    #[test]
    fn what_an_older_version_noted_is_left_to_the_administrator() {
        let directory = tempfile::tempdir().expect("tempdir");
        let path = directory.path().join("fim.redb");
        let (store, _) = Store::open(&path, &StoreKey::from_bytes([1; 32]), StoreLimits::default()).expect("opens");
        let (root, recorded) = database("version 2");
        let changed = Entry { state: Some(state("version 2")), changes: 1, read: recorded, unaccepted: None };
        let mut packages = PackageRecognition::by(Some(Packages::open(root.path())));
        assert!(!packages.recognises(&store.view(), TOOL, &changed).expect("readable"));
        let beyond = Unaccepted { since: 7, replaced_read: Some(recorded), is_new: false };
        let pruned = Entry { unaccepted: Some(beyond), ..changed };
        assert!(!packages.recognises(&store.view(), TOOL, &pruned).expect("readable"), "its history is gone");
    }
}
