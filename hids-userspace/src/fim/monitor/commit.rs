//! Commits observations: the new baseline entries, and a record in the history for each change, in one
//! transaction.

use hids_core::fim::{DiffLimits, NO_DIFF, PathKind, Policy, diff};
use hids_core::model::{ChangeKind, FileKind, FimEvent};

use super::baseline_writer::{BaselineWriter, Flush};
use super::classify::{Circumstances, Classification, classify};
use super::event_context::EventContext;
use super::observation::Observation;
use super::package_updates::PackageUpdates;
use super::scan_scheduler::Coverage;
use super::windows::Windows;
use crate::fim::store::{StoreError, WriteTxn};
use crate::fim::{Entry, Unaccepted};
use crate::platform::clock;

/// Entries below a deleted directory that are read at a time.
const CHUNK: usize = 512;

/// What decides about an observation besides the baseline.
pub(super) struct Committer<'a> {
    pub policy: &'a Policy,
    pub coverage: &'a Coverage,
    pub updates: &'a mut PackageUpdates,
    pub windows: &'a mut Windows,
}

/// The outcome of a commit.
#[derive(Debug, Default)]
pub(super) struct Committed {
    /// Changes added to the history.
    pub changes: u64,
    /// Entries and texts written.
    pub written: u64,
    /// Paths whose entry is no longer the one that the scan compared with; they have to be inspected.
    pub stale: Vec<(Vec<u8>, EventContext)>,
}

/// What became of one observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    Nothing,
    /// The entry or the text was replaced.
    Refreshed,
    /// The history has another change.
    Changed,
}

impl Committed {
    fn add(&mut self, effect: Effect) {
        self.written += u64::from(effect != Effect::Nothing);
        self.changes += u64::from(effect == Effect::Changed);
    }
}

impl Committer<'_> {
    /// Commits observations; `None` after a failure, which loses them.
    pub(super) fn commit(&mut self, observations: Vec<Observation>, writer: &mut BaselineWriter) -> Option<Committed> {
        let noted = self.windows.noted();
        let done = writer.write(|txn| {
            let mut committed = Committed::default();
            for observation in observations {
                self.apply(txn, observation, &mut committed)?;
            }
            self.windows.save_if_changed(txn)?;
            let flush = if committed.changes > 0 { Flush::Now } else { Flush::Later { rows: committed.written } };
            Ok((committed, flush))
        });
        if done.is_none() {
            self.windows.put_back(noted);
        }
        done
    }

    fn apply(
        &mut self,
        txn: &mut WriteTxn<'_>,
        observation: Observation,
        committed: &mut Committed,
    ) -> Result<(), StoreError> {
        let known = txn.entry(&observation.path)?;
        if observation.compared_with.as_ref().is_some_and(|compared| *compared != known) {
            committed.stale.push((observation.path, observation.context));
            return Ok(());
        }
        // Files may be known of a directory that was deleted before it was inspected.
        let was_directory = is_directory(known.as_ref()) || (known.is_none() && observation.context.is_directory);
        let deleted_tree = (observation.state.is_none() && was_directory)
            .then(|| (observation.path.clone(), observation.context.clone()));
        committed.add(self.apply_one(txn, known, observation)?);
        match deleted_tree {
            Some((directory, context)) => self.delete_below(txn, &directory, &context, committed),
            None => Ok(()),
        }
    }

    /// Everything below a deleted directory is deleted with it.
    fn delete_below(
        &mut self,
        txn: &mut WriteTxn<'_>,
        directory: &[u8],
        context: &EventContext,
        committed: &mut Committed,
    ) -> Result<(), StoreError> {
        let mut after: Option<Vec<u8>> = None;
        loop {
            let entries = txn.entries_below(directory, after.as_deref(), CHUNK)?;
            let Some((last, _)) = entries.last() else { return Ok(()) };
            after = Some(last.clone());
            for (path, known) in entries.into_iter().filter(|(_, entry)| entry.state.is_some()) {
                let (context, read) = (context.clone(), clock::now());
                let deleted = Observation { path, context, state: None, text: None, read, compared_with: None };
                committed.add(self.apply_one(txn, Some(known), deleted)?);
            }
        }
    }

    fn apply_one(
        &mut self,
        txn: &mut WriteTxn<'_>,
        known: Option<Entry>,
        observation: Observation,
    ) -> Result<Effect, StoreError> {
        let Observation { path, context, state, text, read, .. } = observation;
        let policy = self.policy;
        let kind = state.as_ref().map_or(PathKind::Other, |state| state.kind.into());
        let mut watch = policy.watch_of(&path, kind);
        if state.is_none() {
            // It may have been a directory, to which `restrict` does not apply.
            watch = watch.or_else(|| policy.watch_of(&path, PathKind::Directory));
        }
        let Some(watch) = watch else { return Ok(Effect::Nothing) };
        let has_baseline = (self.coverage.holds(&watch.root) && !context.first_scan) || policy.alerts_first_scan();
        let circumstances = Circumstances { policy, watch, has_baseline, now: read };
        let keeps_text = watch.report_changes && policy.shows_diff(&path);
        let text = text.filter(|_| keeps_text);
        match classify(&path, known.as_ref(), state, &context, circumstances) {
            Classification::Same => refresh_text(txn, &path, text),
            Classification::Refresh(entry) => {
                txn.put(&path, &entry)?;
                if let Some(text) = text {
                    txn.set_text(&path, &text)?;
                }
                Ok(Effect::Refreshed)
            }
            Classification::Change { mut entry, mut change, alerted } => {
                let is_announced = self.windows.take(&path, &context);
                let is_explained =
                    is_announced || (context.after_update && self.updates.explains(known.as_ref(), &change));
                if watch.report_changes && change.kind == ChangeKind::Modified {
                    let old = if keeps_text { txn.text(&path)? } else { None };
                    change.diff = if keeps_text {
                        text_diff(policy, old.as_deref(), text.as_deref())
                    } else {
                        Some(NO_DIFF.to_owned())
                    };
                }
                match text {
                    Some(text) => _ = txn.set_text(&path, &text)?,
                    None => _ = txn.remove_text(&path)?,
                }
                let time = if context.operations.is_empty() { read } else { context.time.max(read) };
                let sequence = txn.notice(time, alerted && !is_explained, FimEvent::Change(change))?;
                if is_explained {
                    // The summary accepts it: what was accepted before still is, what was not is not.
                    entry.changes = known.as_ref().map_or(0, |known| known.changes);
                } else {
                    entry.unaccepted = unaccepted(known.as_ref(), sequence);
                }
                if is_announced && entry.state.is_none() {
                    // Accepted: as `hidsctl fim accept` does it.
                    txn.remove(&path)?;
                } else {
                    txn.put(&path, &entry)?;
                }
                Ok(Effect::Changed)
            }
        }
    }
}

/// Keeps a text that is not the one kept so far.
fn refresh_text(txn: &mut WriteTxn<'_>, path: &[u8], text: Option<Vec<u8>>) -> Result<Effect, StoreError> {
    let Some(text) = text else { return Ok(Effect::Nothing) };
    if txn.text(path)?.as_ref() == Some(&text) {
        return Ok(Effect::Nothing);
    }
    txn.set_text(path, &text)?;
    Ok(Effect::Refreshed)
}

fn text_diff(policy: &Policy, old: Option<&[u8]>, new: Option<&[u8]>) -> Option<String> {
    let limits = if policy.is_strict() { DiffLimits::STRICT } else { DiffLimits::default() };
    Some(diff(old?, new?, limits)).filter(|diff| !diff.is_empty())
}

/// What an entry says of a change with the record `sequence`, given the entry that it replaces.
pub(super) fn unaccepted(known: Option<&Entry>, sequence: u64) -> Option<Unaccepted> {
    let replaced_read = known.map(|known| known.read);
    match known {
        None => Some(Unaccepted { since: sequence, replaced_read, is_new: true }),
        Some(known) => match known.unaccepted {
            Some(earlier) => Some(Unaccepted { replaced_read, ..earlier }),
            None if known.is_accepted() => Some(Unaccepted { since: sequence, replaced_read, is_new: false }),
            // Changed under an older version, which did not record since when.
            None => None,
        },
    }
}

fn is_directory(entry: Option<&Entry>) -> bool {
    entry.and_then(|entry| entry.state.as_ref()).is_some_and(|state| state.kind == FileKind::Directory)
}

#[cfg(test)]
mod tests {
    use hids_core::fim::Watch;
    use hids_core::model::{FileNotice, FileState, Timestamp};

    use super::super::testing::{Baseline, directory, file, policy, watch};
    use super::*;
    use crate::fim::BaselineView as _;

    fn seen(path: &str, state: Option<FileState>) -> Observation {
        Observation {
            path: path.into(),
            context: EventContext::default(),
            state,
            text: None,
            read: Timestamp::from_unix_seconds(5),
            compared_with: None,
        }
    }

    /// Commits to a baseline that covers all watches of `policy`.
    fn commit(baseline: &mut Baseline, policy: &Policy, observations: Vec<Observation>) -> Committed {
        let coverage = Coverage::of(policy);
        let mut updates = PackageUpdates::default();
        let mut windows = Windows::none();
        let mut committer = Committer { policy, coverage: &coverage, updates: &mut updates, windows: &mut windows };
        committer.commit(observations, &mut baseline.writer).expect("committed")
    }

    fn kinds(records: &[FileNotice]) -> Vec<(String, ChangeKind, bool)> {
        let of = |record: &FileNotice| match &record.news {
            FimEvent::Change(change) => {
                (String::from_utf8_lossy(&change.path).into_owned(), change.kind, record.alerted)
            }
            other => panic!("{other:?}"),
        };
        records.iter().map(of).collect()
    }

    #[test]
    fn a_change_is_committed_with_its_record_and_what_is_the_same_leaves_none() {
        let (mut baseline, policy) = (Baseline::new(), policy(vec![watch("/etc")]));
        baseline.put(&[("/etc/same", file(1)), ("/etc/other", file(1))]);
        let both = vec![seen("/etc/same", Some(file(1))), seen("/etc/other", Some(file(2)))];
        let committed = commit(&mut baseline, &policy, both);
        assert_eq!((committed.changes, committed.written), (1, 1));
        assert_eq!(kinds(&baseline.records()), [("/etc/other".to_owned(), ChangeKind::Modified, true)]);
        let entry = baseline.writer.view().entry(b"/etc/other").expect("readable").expect("there");
        assert_eq!((entry.state, entry.changes), (Some(file(2)), 1));
        assert_eq!(entry.unaccepted.expect("unaccepted").since, 1);
        assert!(baseline.woken.try_recv().is_ok());
    }

    #[test]
    fn what_a_scan_compared_with_another_entry_is_stale() {
        let (mut baseline, policy) = (Baseline::new(), policy(vec![watch("/etc")]));
        baseline.put(&[("/etc/a", file(2))]);
        let outdated = Entry { state: Some(file(1)), ..Entry::default() };
        let difference = Observation { compared_with: Some(Some(outdated)), ..seen("/etc/a", Some(file(3))) };
        let committed = commit(&mut baseline, &policy, vec![difference]);
        assert_eq!((committed.changes, committed.stale.len()), (0, 1));
        assert!(baseline.records().is_empty());
    }

    #[test]
    fn everything_below_a_deleted_directory_is_deleted_and_its_neighbours_are_not() {
        let (mut baseline, policy) = (Baseline::new(), policy(vec![watch("/etc")]));
        let many: Vec<String> = (0..CHUNK + 9).map(|number| format!("/etc/d/{number}")).collect();
        let mut entries = vec![("/etc/d", directory()), ("/etc/d/sub/deep", file(1)), ("/etc/d2", file(1))];
        entries.extend(many.iter().map(|path| (path.as_str(), file(1))));
        baseline.put(&entries);
        let committed = commit(&mut baseline, &policy, vec![seen("/etc/d", None)]);
        assert_eq!(committed.changes as usize, entries.len() - 1);
        let records = baseline.writer.view().notices_after(0, 10_000).expect("readable");
        assert!(kinds(&records).iter().all(|(path, kind, _)| path != "/etc/d2" && *kind == ChangeKind::Deleted));
        let again = commit(&mut baseline, &policy, vec![seen("/etc/d", None)]);
        assert_eq!(again.changes, 0);
    }

    #[test]
    fn files_in_the_same_commit_are_deleted_with_their_directory() {
        let (mut baseline, policy) = (Baseline::new(), policy(vec![watch("/etc")]));
        baseline.put(&[("/etc/d", directory())]);
        let committed = commit(&mut baseline, &policy, vec![seen("/etc/d/new", Some(file(1))), seen("/etc/d", None)]);
        assert_eq!(committed.changes, 3);
        let last = baseline.records().pop().expect("records");
        assert_eq!(kinds(&[last]), [("/etc/d/new".to_owned(), ChangeKind::Deleted, true)]);
    }

    #[test]
    fn the_initial_scan_is_silent() {
        let (mut baseline, policy) = (Baseline::new(), policy(vec![watch("/etc")]));
        let mut first = seen("/etc/a", Some(file(1)));
        first.context.first_scan = true;
        let committed = commit(&mut baseline, &policy, vec![first]);
        assert_eq!((committed.changes, committed.written), (0, 1));
        assert!(baseline.records().is_empty() && baseline.paths() == ["/etc/a"]);
    }

    #[test]
    fn a_changed_text_is_reported_with_its_difference() {
        let texts = Watch { report_changes: true, ..watch("/etc") };
        let (mut baseline, policy) = (Baseline::new(), policy(vec![texts]));
        let with_text =
            |number, text: &str| Observation { text: Some(text.into()), ..seen("/etc/a", Some(file(number))) };
        commit(&mut baseline, &policy, vec![with_text(1, "old\n")]);
        commit(&mut baseline, &policy, vec![with_text(2, "new\n")]);
        let Some(FimEvent::Change(change)) = baseline.records().pop().map(|record| record.news) else {
            panic!("no change")
        };
        let diff = change.diff.expect("a difference");
        assert!(diff.contains("old") && diff.contains("new"), "{diff}");
    }

    #[test]
    fn an_unwatched_path_is_not_committed() {
        let (mut baseline, policy) = (Baseline::new(), policy(vec![watch("/etc")]));
        assert_eq!(commit(&mut baseline, &policy, vec![seen("/usr/a", Some(file(1)))]).written, 0);
        assert!(baseline.paths().is_empty());
    }
}
