//! From what was seen to what is kept and told: one transaction for many looks.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use hids_core::fim::PathKind;
use hids_core::model::{ChangeKind, FileNews, FileState, GapCause, Timestamp};

use super::classify::{Circumstances, Classification, classify};
use super::debounce::EventContext;
use super::event_loop::Monitor;
use super::workers::{INSPECTED, Inspected, Inspection};
use crate::fim::store::{Durability, StoreError, WriteTxn};
use crate::fim::{Entry, Unaccepted, clock};

/// Entries after which a commit goes to the disk, though nothing was told.
const UNSYNCED_ENTRIES: u64 = 20_000;

/// Looks at a path that may fail before it is called unreadable; until then it is looked at again.
const MOST_FAILED_LOOKS: u8 = 3;

/// One outcome to be applied.
#[derive(Debug)]
pub(super) struct Outcome {
    pub path: Vec<u8>,
    pub context: EventContext,
    /// Nothing = it is gone.
    pub state: Option<FileState>,
    /// The content as text, if differences of text are reported.
    pub text: Option<Vec<u8>>,
    /// When the look began.
    pub read: Timestamp,
    /// The entry that a scan compared with; it must still be there.
    pub compared_with: Option<Option<Entry>>,
}

/// What became of some outcomes.
#[derive(Debug, Default)]
pub(super) struct Committed {
    /// Changes that were written into the history.
    pub changes: u64,
    /// Paths whose entry was another one than the scan had seen.
    pub stale: Vec<(Vec<u8>, EventContext)>,
}

impl Monitor {
    /// Takes looks that have ended.
    pub(super) fn take_inspected(&mut self, first: Inspected) {
        let mut outcomes = Vec::new();
        let more: Vec<Inspected> = self.workers.inspected.try_iter().take(INSPECTED).collect();
        let now = Instant::now();
        let mut of_updates = 0;
        for seen in std::iter::once(first).chain(more) {
            of_updates += usize::from(seen.context.after_update);
            outcomes.extend(self.outcome_of(seen, now));
        }
        self.apply_or_fail(outcomes);
        self.update_looked_at(of_updates);
    }

    fn outcome_of(&mut self, seen: Inspected, now: Instant) -> Option<Outcome> {
        let Inspected { path, context, inspection } = seen;
        let read = inspection.began();
        match (inspection.unread(), &inspection) {
            (Some(unread), _) => self.note_unreadable(&path, unread),
            (None, Inspection::Failed(_)) => {}
            (None, _) => self.shared.unreadable().clear(&path),
        }
        let (state, text) = match inspection {
            Inspection::NotWatched => {
                self.debouncer.finished(&path, now);
                return None;
            }
            Inspection::Failed(_) if context.failed_looks < MOST_FAILED_LOOKS => {
                self.debouncer.failed(&path, context, now);
                return None;
            }
            Inspection::Failed(error) => {
                self.note_unreadable(&path, &error);
                self.debouncer.finished(&path, now);
                return None;
            }
            // Perhaps an editor is between deleting the old file and writing the new one.
            Inspection::Gone if !context.was_gone && self.is_known(&path) => {
                self.debouncer.gone(&path, context, now);
                return None;
            }
            Inspection::Gone => {
                if self.scans.running().next().is_some() {
                    self.deleted_during_scan.note(&path);
                }
                (None, None)
            }
            Inspection::There { examined, text } => (Some(examined.state), text),
        };
        self.debouncer.finished(&path, now);
        if self.updates.hold(&path, &context, now) {
            return None;
        }
        Some(Outcome { path: path.to_vec(), context, state, text, read, compared_with: None })
    }

    /// Whether the baseline holds `path` as something that is there.
    fn is_known(&self, path: &[u8]) -> bool {
        // When the baseline cannot be read the next step says so.
        self.view_entry(path).ok().flatten().is_some_and(|entry| entry.state.is_some())
    }

    /// Writes the outcomes. When that fails nothing of them is lost: the trees are scanned again once
    /// the store works.
    pub(super) fn apply_or_fail(&mut self, outcomes: Vec<Outcome>) -> Committed {
        if outcomes.is_empty() {
            return Committed::default();
        }
        let applied = self.apply(outcomes);
        match applied {
            Ok(applied) => {
                for (path, context) in &applied.stale {
                    self.inspect_again(path, context.clone());
                }
                applied
            }
            Err(error) => {
                self.store_failed(&error);
                Committed::default()
            }
        }
    }

    fn apply(&mut self, outcomes: Vec<Outcome>) -> Result<Committed, StoreError> {
        let store = std::sync::Arc::clone(&self.store);
        let mut update = store.begin()?;
        let (mut applied, mut told, mut written) = (Committed::default(), false, 0);
        for outcome in outcomes {
            let known = update.entry(&outcome.path)?;
            if outcome.compared_with.as_ref().is_some_and(|compared| *compared != known) {
                applied.stale.push((outcome.path, outcome.context));
                continue;
            }
            // Of a directory that was not looked at in time, files may be known.
            let was_directory = is_directory(known.as_ref()) || (known.is_none() && outcome.context.is_directory);
            let deletes_tree = outcome.state.is_none() && was_directory;
            if deletes_tree && written > 0 {
                // What is below is read from what was committed.
                update.commit(Durability::Deferred)?;
                update = store.begin()?;
            }
            let path = outcome.path.clone();
            let context = outcome.context.clone();
            let (changed, alerted, wrote) = self.apply_one(&mut update, known, outcome)?;
            (applied.changes, told) = (applied.changes + u64::from(changed), told | alerted);
            written += u64::from(wrote);
            if deletes_tree {
                let below = self.delete_below(&mut update, &path, &context)?;
                applied.changes += below;
                told |= below > 0;
            }
        }
        self.unsynced += written;
        self.worked += written;
        let synced = told || applied.changes > 0 || self.unsynced >= UNSYNCED_ENTRIES;
        update.commit(if synced { Durability::Synced } else { Durability::Deferred })?;
        if synced {
            self.unsynced = 0;
        }
        self.shared.changes.fetch_add(applied.changes, Relaxed);
        if told {
            self.wake_outbox();
        }
        Ok(applied)
    }

    /// Whether it was a change, whether rules shall see it, whether the entry was written.
    fn apply_one(
        &mut self,
        update: &mut WriteTxn<'_>,
        known: Option<Entry>,
        outcome: Outcome,
    ) -> Result<(bool, bool, bool), StoreError> {
        let Outcome { path, context, state, text, read, .. } = outcome;
        let policy = std::sync::Arc::clone(&self.policy);
        let kind = state.as_ref().map_or(PathKind::Other, |state| state.kind.into());
        let mut watch = policy.watch_of(&path, kind);
        if state.is_none() {
            // What is gone may have been a directory, which `restrict` does not leave out.
            watch = watch.or_else(|| policy.watch_of(&path, PathKind::Directory));
        }
        let Some(watch) = watch else { return Ok((false, false, false)) };
        let has_baseline = (self.baselined.contains(&watch.root) && !context.first_scan) || policy.alerts_first_scan();
        let circumstances = Circumstances { policy: &policy, watch, has_baseline, now: read };
        let classification = classify(&path, known.as_ref(), state, &context, circumstances);
        let shows_text = watch.report_changes && policy.shows_diff(&path);
        match classification {
            Classification::Same => {
                let text = text.filter(|_| watch.report_changes && shows_text);
                let is_new = match &text {
                    Some(text) => update.text(&path)?.as_ref() != Some(text),
                    None => false,
                };
                if let Some(text) = text.filter(|_| is_new) {
                    update.set_text(&path, &text)?;
                }
                Ok((false, false, is_new))
            }
            Classification::Refresh(entry) => {
                update.put(&path, &entry)?;
                if let Some(text) = text.filter(|_| shows_text) {
                    update.set_text(&path, &text)?;
                }
                Ok((false, false, true))
            }
            Classification::Change { mut entry, mut change, alerted } => {
                let explained = context.after_update && self.updates.explains(known.as_ref(), &change);
                let alerted = alerted && !explained;
                if watch.report_changes && change.kind == ChangeKind::Modified {
                    let old = if shows_text { update.text(&path)? } else { None };
                    change.diff = self.difference_of_text(shows_text, old.as_deref(), text.as_deref());
                }
                match text.filter(|_| shows_text) {
                    Some(text) => _ = update.set_text(&path, &text)?,
                    None => _ = update.remove_text(&path)?,
                }
                let time = if context.operations.is_empty() { read } else { context.time.max(read) };
                let sequence = update.notice(time, alerted, FileNews::Change(change))?;
                if explained {
                    // The summary accepts it: what was accepted before still is, what was not is not.
                    entry.changes = known.as_ref().map_or(0, |known| known.changes);
                } else {
                    entry.unaccepted = unaccepted(known.as_ref(), sequence);
                }
                update.put(&path, &entry)?;
                Ok((true, alerted, true))
            }
        }
    }

    /// Everything below a directory that is gone is gone with it.
    fn delete_below(
        &mut self,
        update: &mut WriteTxn<'_>,
        directory: &[u8],
        context: &EventContext,
    ) -> Result<u64, StoreError> {
        let mut changes = 0;
        // Read from what was committed: this update has not touched anything below.
        for entry in self.view.subtree(directory)? {
            let (path, _) = entry?;
            if path == directory {
                continue;
            }
            let Some(known) = update.entry(&path)?.filter(|entry| entry.state.is_some()) else { continue };
            let gone = Outcome {
                path,
                context: context.clone(),
                state: None,
                text: None,
                read: clock::now(),
                compared_with: None,
            };
            let (changed, ..) = self.apply_one(update, Some(known), gone)?;
            changes += u64::from(changed);
        }
        Ok(changes)
    }

    /// Looks at a path again without an event behind it.
    pub(super) fn inspect_again(&mut self, path: &[u8], context: EventContext) {
        if self.debouncer.schedule(path, context, Instant::now()).is_err() {
            self.open_gap(path.to_vec(), GapCause::BacklogFull);
        }
    }

    pub(super) fn note_unreadable(&self, path: &[u8], why: &dyn std::error::Error) {
        if self.shared.unreadable().note(path, Instant::now()) {
            tracing::warn!(
                path = %hids_core::render::visible_string(path),
                why = %error_text(why),
                lost = "changes of its content are not seen; other changes of it are",
                help = "hidsctl fim status names such files",
                "a watched file cannot be read"
            );
        }
    }
}

/// What is to be noted of a change with this notice, given the entry that it replaces.
pub(super) fn unaccepted(known: Option<&Entry>, sequence: u64) -> Option<Unaccepted> {
    let replaced_read = known.map(|known| known.read);
    match known {
        None => Some(Unaccepted { since: sequence, replaced_read, is_new: true }),
        Some(known) => match known.unaccepted {
            Some(earlier) => Some(Unaccepted { replaced_read, ..earlier }),
            None if known.is_accepted() => Some(Unaccepted { since: sequence, replaced_read, is_new: false }),
            // Changed under an older version, which did not note since when.
            None => None,
        },
    }
}

fn is_directory(entry: Option<&Entry>) -> bool {
    let state = entry.and_then(|entry| entry.state.as_ref());
    state.is_some_and(|state| state.kind == hids_core::model::FileKind::Directory)
}

/// An error with its causes.
pub fn error_text(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
