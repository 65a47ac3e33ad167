//! Reads the files: one for a while, then the next, and each to its end before it is closed.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tracing::warn;

use super::ids::FileId;
use super::initial_offset::{Content, identity_of, is_not_there, offset_after_change};
use super::line_reader::{READ_QUANTUM_BYTES, ReadOutcome};
use super::log_file::LogFile;
use super::open::{LastLink, open};
use super::path_tracker::PathTracker;
use super::timers::Due;
use crate::collect::batch_sender::Disconnected;
use crate::collect::report::SourceState;

/// Shortest pause before a rotated file is checked again.
const MIN_PAUSE: Duration = Duration::from_millis(10);

/// The reader of all files.
#[derive(Debug)]
pub(super) struct ReadLoop {
    buffer: Vec<u8>,
}

impl ReadLoop {
    pub(super) fn new() -> Self {
        Self { buffer: vec![0; READ_QUANTUM_BYTES] }
    }

    /// Reads one file for a while.
    pub(super) fn read_quantum(&mut self, tracker: &mut PathTracker, id: FileId) -> Result<(), Disconnected> {
        let Some(mut file) = tracker.files.lend(id) else { return Ok(()) };
        file.queued = false;
        if waits_for_older(tracker, &file) {
            tracker.files.put_back(id, file);
            tracker.files.make_ready(id);
            return Ok(());
        }
        file.used = true;
        reopen(tracker, id, &mut file);
        let outcome = match tracker.batcher(id, &file) {
            Some(mut batcher) => file.reader.read_quantum(&mut self.buffer, &mut batcher)?,
            None => ReadOutcome::AtEnd,
        };
        if !matches!(outcome, ReadOutcome::Rewritten | ReadOutcome::Failed(_)) {
            file.intact_at = tracker.noticed_at_ms();
        }
        file.note_end(!matches!(outcome, ReadOutcome::More | ReadOutcome::Rewritten));
        if file.note_finished() {
            // After a restart nothing of it is missing, whatever has become of it.
            tracker.reports.position_changed(file.entry);
        }
        match outcome {
            ReadOutcome::AtEnd => {
                if let Some(pause) = file.reader.flush_after() {
                    let at = Instant::now() + pause;
                    file.flush_at = Some(at);
                    tracker.timers.set(at, Due::Flush(id));
                }
                tracker.files.put_back(id, file);
            }
            ReadOutcome::More => {
                tracker.files.put_back(id, file);
                tracker.files.make_ready(id);
            }
            ReadOutcome::Rewritten => {
                restart(tracker, id, &mut file)?;
                tracker.files.put_back(id, file);
                tracker.files.make_ready(id);
            }
            ReadOutcome::Failed(error) => {
                tracker.entries.set_state(file.entry, SourceState::Unreadable(error.to_string()));
                tracker.files.put_back(id, file);
            }
        }
        Ok(())
    }

    /// Sends what the assembler of a file holds when no line has come for a while.
    pub(super) fn flush_if_due(
        &mut self,
        tracker: &mut PathTracker,
        id: FileId,
        at: Instant,
    ) -> Result<(), Disconnected> {
        if tracker.files.get(id).is_none_or(|file| file.flush_at != Some(at)) {
            return Ok(());
        }
        let Some(mut file) = tracker.files.lend(id) else { return Ok(()) };
        let result = match tracker.batcher(id, &file) {
            Some(mut batcher) => file.flush(&mut batcher),
            None => Ok(()),
        };
        tracker.files.put_back(id, file);
        result
    }

    /// Closes a rotated file when it has been quiet for long enough.
    pub(super) fn retire_if_quiet(&mut self, tracker: &mut PathTracker, id: FileId) -> Result<(), Disconnected> {
        let now = Instant::now();
        let Some(file) = tracker.files.get(id).filter(|file| file.rotated.is_some()) else { return Ok(()) };
        let graces = tracker.graces;
        let grace = if file.is_deleted() { graces.deleted } else { graces.rotated };
        let quiet = file.quiet_for(now);
        if file.queued || quiet < graces.partial {
            let pause = graces.partial.saturating_sub(quiet).max(MIN_PAUSE);
            tracker.timers.set(now + pause, Due::Retire(id));
            return Ok(());
        }
        self.finish(tracker, id)?;
        if quiet < grace {
            let pause = (grace - quiet).min(graces.deleted).max(MIN_PAUSE);
            tracker.timers.set(now + pause, Due::Retire(id));
            return Ok(());
        }
        tracker.retire(id)
    }

    /// At the end: what a pipe gave cannot be read again, so it is sent now.
    pub(super) fn finish_pipes(&mut self, tracker: &mut PathTracker) -> Result<(), Disconnected> {
        for pipe in tracker.files.ids(|file| file.is_fifo) {
            if let Err(Disconnected) = self.finish(tracker, pipe) {
                warn!("lost the last lines of a named pipe: the receiver is closed");
                return Err(Disconnected);
            }
        }
        Ok(())
    }

    /// Sends what is left of a file of which no more is expected.
    fn finish(&mut self, tracker: &mut PathTracker, id: FileId) -> Result<(), Disconnected> {
        let Some(mut file) = tracker.files.lend(id) else { return Ok(()) };
        let mut result = Ok(());
        if (file.reader.has_unfinished_line() || file.reader.holds_lines())
            && let Some(mut batcher) = tracker.batcher(id, &file)
        {
            result = file.reader.finish(&mut self.buffer, &mut batcher);
        }
        tracker.files.put_back(id, file);
        result
    }
}

/// A new file waits until those that were at its path before have been read to their ends.
fn waits_for_older(tracker: &PathTracker, file: &LogFile) -> bool {
    let Some(entry) = tracker.entries.get(file.entry) else { return false };
    if file.rotated.is_some() {
        return false;
    }
    let mut older = entry.rotated.iter().filter_map(|older| tracker.files.get(*older));
    older.any(|older| older.queued && !older.caught_up)
}

/// Opens a file that was closed to save descriptors.
fn reopen(tracker: &mut PathTracker, id: FileId, file: &mut LogFile) {
    if file.is_open() {
        return;
    }
    let Some(entry) = tracker.entries.get(file.entry) else { return };
    match open(&entry.path, LastLink::Follow) {
        Ok(opened) if identity_of(&opened.meta) == file.identity => {
            file.reader.open(opened.file);
            tracker.files.count_open(id);
        }
        // Rotated: the events of its directory say what is at the path now.
        Ok(_) => {}
        Err(error) if is_not_there(&error) => {}
        Err(error) => tracker.entries.set_state(file.entry, SourceState::Unreadable(error.to_string())),
    }
}

/// The content of the file is no longer what was read: truncated or rewritten in place.
fn restart(tracker: &mut PathTracker, id: FileId, file: &mut LogFile) -> Result<(), Disconnected> {
    if let Some(mut batcher) = tracker.batcher(id, file) {
        file.flush(&mut batcher)?;
    }
    let Some(path) = tracker.entries.get(file.entry).map(|entry| entry.path.clone()) else { return Ok(()) };
    let is_unread = file.reader.is_unread();
    let (offset, content) = match file.reader.descriptor() {
        Some(descriptor) => offset_after_change(descriptor, &file.reader.position, file.reader.tail(), &path),
        None => (0, Content::New),
    };
    file.restart_at(offset, content);
    if let Some(cut_off) = file.reader.cut_off.clone().filter(|_| content == Content::New) {
        let found = tracker.read_copies(file.entry, &cut_off, file.intact_at);
        if is_unread && found == 0 {
            tracker.recovery.note_unread(&path);
        }
    }
    file.intact_at = tracker.noticed_at_ms();
    tracker.reports.counters().truncations.fetch_add(1, Ordering::Relaxed);
    tracker.reports.message(format!("ossec: File size reduced (inode remained): '{}'.", path.display()));
    tracker.reports.position_changed(file.entry);
    Ok(())
}
