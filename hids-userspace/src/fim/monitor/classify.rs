//! What an observation means: nothing, a new entry, or a change.
//!
//! Pure: compares a state with an entry; `commit` writes what follows.

use hids_core::fim::{Policy, Watch, compare};
use hids_core::model::{ChangeKind, FileChange, FileKind, FileState, Timestamp};

use super::event_context::EventContext;
use crate::fim::Entry;

/// What is to be written into the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Classification {
    /// Nothing differs from the baseline.
    Same,
    /// Only parts that do not count differ: the entry is replaced, nothing is reported.
    Refresh(Entry),
    /// The entry is replaced and the change is added to the history.
    Change {
        /// The new entry.
        entry: Entry,
        /// For the history; the text difference is still to be added.
        change: Box<FileChange>,
        /// Whether it is reported to the rules.
        alerted: bool,
    },
}

/// What decides besides the states.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circumstances<'a> {
    pub policy: &'a Policy,
    pub watch: &'a Watch,
    /// Whether this tree has been scanned completely before: until then unknown files are no changes.
    pub has_baseline: bool,
    /// When the file was inspected.
    pub now: Timestamp,
}

/// Compares what was seen with what the baseline holds.
pub(super) fn classify(
    path: &[u8],
    known: Option<&Entry>,
    seen: Option<FileState>,
    context: &EventContext,
    circumstances: Circumstances<'_>,
) -> Classification {
    let Circumstances { policy, watch, has_baseline, now } = circumstances;
    let old = known.and_then(|entry| entry.state.as_ref());
    let kind = match (known, old, &seen) {
        (None, _, None) | (Some(_), None, None) => return Classification::Same,
        (None, _, Some(_)) => ChangeKind::Added,
        (Some(_), None, Some(_)) => ChangeKind::Readded,
        (Some(_), Some(_), None) => ChangeKind::Deleted,
        (Some(_), Some(old), Some(new)) if compare(old, new, watch.checks).is_empty() => {
            return if old == new {
                Classification::Same
            } else {
                Classification::Refresh(refreshed(known, seen, now))
            };
        }
        (Some(_), Some(_), Some(_)) => ChangeKind::Modified,
    };
    if kind == ChangeKind::Added && !has_baseline {
        return Classification::Refresh(Entry { state: seen, read: now, ..Entry::default() });
    }
    // The baseline has to know directories to find what has gone below them, also where nobody asks for them.
    if [old, seen.as_ref()].into_iter().flatten().all(|state| !policy.counts(state.kind)) {
        return Classification::Refresh(refreshed(known, seen, now));
    }
    let changes = known.map_or(0, |entry| entry.changes).saturating_add(u32::from(kind != ChangeKind::Added));
    let is_directory = |state: Option<&FileState>| state.is_some_and(|state| state.kind == FileKind::Directory);
    // What is in a directory is reported by itself.
    let is_reported_by_content = kind != ChangeKind::Modified && (is_directory(old) || is_directory(seen.as_ref()));
    let alerted = !is_reported_by_content && policy.alerts_change(kind, changes);
    let change = FileChange {
        path: path.to_vec(),
        kind,
        old: old.cloned().map(Box::new),
        new: seen.clone().map(Box::new),
        count: changes.max(1),
        who: context.who.clone(),
        operations: context.operations,
        diff: None,
    };
    // `commit` adds the number of the record that nobody has accepted.
    let unaccepted = known.and_then(|entry| entry.unaccepted);
    let entry = Entry { state: with_known_sums(known, seen), changes, read: now, unaccepted };
    Classification::Change { entry, change: Box::new(change), alerted }
}

fn refreshed(known: Option<&Entry>, seen: Option<FileState>, now: Timestamp) -> Entry {
    let (changes, unaccepted) = known.map_or((0, None), |entry| (entry.changes, entry.unaccepted));
    Entry { state: with_known_sums(known, seen), changes, read: now, unaccepted }
}

/// A sum that could not be taken this time stays as it was: else a change of a file that was unreadable
/// for a while would never be found.
fn with_known_sums(known: Option<&Entry>, seen: Option<FileState>) -> Option<FileState> {
    let mut state = seen?;
    if let Some(old) = known.and_then(|entry| entry.state.as_ref()).filter(|old| old.kind == state.kind) {
        let (new, old) = (&mut state.digests, &old.digests);
        new.md5 = new.md5.or(old.md5);
        new.sha1 = new.sha1.or(old.sha1);
        new.sha256 = new.sha256.or(old.sha256);
        new.blake3 = new.blake3.or(old.blake3);
    }
    Some(state)
}

#[cfg(test)]
mod tests {
    use hids_core::fim::{Checks, PolicyDef};
    use hids_core::model::Digests;

    use super::*;

    fn policy(alert_new_files: bool) -> Policy {
        let watch = Watch { root: b"/etc".to_vec(), checks: Checks::all(true), ..Watch::default() };
        Policy::compile(PolicyDef { watches: vec![watch], alert_new_files, ..PolicyDef::default() })
    }

    fn file(sum: Option<u8>) -> FileState {
        let digests = Digests { sha256: sum.map(|sum| [sum; 32]), ..Digests::default() };
        FileState { mode: 0o100_644, digests, ..FileState::default() }
    }

    fn entry(state: Option<FileState>, changes: u32) -> Entry {
        Entry { state, changes, ..Entry::default() }
    }

    fn classified(
        policy: &Policy,
        known: Option<&Entry>,
        seen: Option<FileState>,
        has_baseline: bool,
    ) -> Classification {
        let watch = &policy.watches()[0];
        let circumstances = Circumstances { policy, watch, has_baseline, now: Timestamp::default() };
        classify(b"/etc/passwd", known, seen, &EventContext::default(), circumstances)
    }

    #[test]
    fn a_change_is_reported_with_both_states_and_counted() {
        let known = entry(Some(file(Some(1))), 4);
        let Classification::Change { entry, change, alerted } =
            classified(&policy(false), Some(&known), Some(file(Some(2))), true)
        else {
            panic!("no change")
        };
        assert!(alerted);
        assert_eq!((change.kind, change.count, entry.changes), (ChangeKind::Modified, 5, 5));
        assert_eq!((change.old.as_deref(), change.new.as_deref()), (known.state.as_ref(), Some(&file(Some(2)))));
    }

    #[test]
    fn files_of_an_initial_scan_are_no_changes_and_later_ones_are_reported_if_wanted() {
        assert!(matches!(classified(&policy(true), None, Some(file(Some(1))), false), Classification::Refresh(_)));
        let later = |wanted| match classified(&policy(wanted), None, Some(file(Some(1))), true) {
            Classification::Change { alerted, entry, .. } => (alerted, entry.changes),
            other => panic!("{other:?}"),
        };
        assert_eq!((later(true), later(false)), ((true, 0), (false, 0)));
    }

    #[test]
    fn a_file_that_reappears_is_reported_as_such() {
        let gone = entry(None, 1);
        let classification = classified(&policy(false), Some(&gone), Some(file(Some(1))), true);
        assert!(matches!(classification, Classification::Change { change, .. } if change.kind == ChangeKind::Readded));
        assert_eq!(classified(&policy(false), Some(&gone), None, true), Classification::Same);
    }

    #[test]
    fn what_ossec_does_not_know_is_kept_but_not_reported_in_the_strict_mode() {
        let watch = Watch { root: b"/etc".to_vec(), checks: Checks::all(true), ..Watch::default() };
        let strict = Policy::compile(PolicyDef { watches: vec![watch], strict: true, ..PolicyDef::default() });
        let directory = |mode| FileState { kind: FileKind::Directory, mode, ..FileState::default() };
        let known = entry(Some(directory(0o040_755)), 0);
        for seen in [Some(directory(0o040_777)), None] {
            assert!(matches!(classified(&strict, Some(&known), seen.clone(), true), Classification::Refresh(_)));
            assert!(matches!(classified(&policy(false), Some(&known), seen, true), Classification::Change { .. }));
        }
    }

    #[test]
    fn a_sum_that_cannot_be_taken_is_kept_for_the_next_inspection() {
        let known = entry(Some(file(Some(1))), 0);
        let unreadable = FileState { mode: 0o100_000, ..file(None) };
        let Classification::Change { entry, .. } = classified(&policy(false), Some(&known), Some(unreadable), true)
        else {
            panic!("the permissions differ")
        };
        assert_eq!(entry.state.unwrap().digests.sha256, Some([1; 32]));
    }
}
