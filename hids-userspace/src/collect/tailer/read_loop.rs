//! What a file does in its turn, and what is done for it later.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use hids_core::model::{Channel, LogBatch, LogSource, SourcePosition, Timestamp};
use tracing::warn;

use super::batcher::Batcher;
use super::entry::{Entry, FileId};
use super::event_loop::{FileTailer, pattern_key};
use super::initial_offset::{Content, identity_of, is_not_there, offset_after_change};
use super::log_file::{LogFile, ReadOutcome};
use super::open::{LastLink, open};
use super::path_tracker::quiet_for;
use super::position::{NO_POSITIONS, render_positions};
use super::timers::Due;
use crate::collect::batch_sender::{Disconnected, now};
use crate::collect::report::SourceState;

impl FileTailer {
    /// Reads one file for a while.
    pub(super) fn read_quantum(&mut self, id: FileId) -> Result<(), Disconnected> {
        let Some(mut file) = self.files.remove(&id) else { return Ok(()) };
        file.queued = false;
        if self.waits_for_older(&file) {
            self.files.insert(id, file);
            self.make_ready(id);
            return Ok(());
        }
        file.used = true;
        self.reopen(id, &mut file);
        let end = with_batcher(
            &self.entries,
            &self.files,
            &self.batch_sender,
            self.noticed_at,
            id,
            |batcher, file| file.read_quantum(&mut self.buffer, batcher),
            &mut file,
        );
        let end = match end {
            Some(end) => end?,
            None => ReadOutcome::AtEnd,
        };
        file.at_end = !matches!(end, ReadOutcome::More | ReadOutcome::Rewritten);
        file.caught_up = file.rotated.is_some() && (file.caught_up || file.at_end);
        if file.note_finished() {
            // After a restart nothing of it is missing, whatever has become of it.
            self.moved.push(file.entry);
        }
        match end {
            ReadOutcome::AtEnd => {
                if let Some(pause) = file.flush_after() {
                    let at = Instant::now() + pause;
                    file.flush_at = Some(at);
                    self.timers.set(at, Due::Flush(id));
                }
                self.files.insert(id, file);
            }
            ReadOutcome::More => {
                self.files.insert(id, file);
                self.make_ready(id);
            }
            ReadOutcome::Rewritten => {
                self.restart(id, &mut file)?;
                self.files.insert(id, file);
                self.make_ready(id);
            }
            ReadOutcome::Failed(error) => {
                self.set_state(file.entry, SourceState::Unreadable(error.to_string()));
                self.files.insert(id, file);
            }
        }
        Ok(())
    }

    /// A new file waits until those that were at its path before have been read to their ends.
    fn waits_for_older(&self, file: &LogFile) -> bool {
        let Some(entry) = self.entries.get(&file.entry) else { return false };
        if file.rotated.is_some() {
            return false;
        }
        entry.rotated.iter().any(|older| self.files.get(older).is_some_and(|older| older.queued && !older.caught_up))
    }

    /// Opens a file that was closed to save descriptors.
    fn reopen(&mut self, id: FileId, file: &mut LogFile) {
        if file.descriptor.is_some() {
            return;
        }
        let Some(entry) = self.entries.get(&file.entry) else { return };
        match open(&entry.path, LastLink::Follow) {
            Ok(opened) if identity_of(&opened.meta) == file.identity => {
                file.take_descriptor(opened.file);
                self.count_open(id);
            }
            // Rotated: the events of its directory say what is at the path now.
            Ok(_) => {}
            Err(error) if is_not_there(&error) => {}
            Err(error) => self.set_state(file.entry, SourceState::Unreadable(error.to_string())),
        }
    }

    /// Notes one more open descriptor and closes idle ones when there are too many.
    pub(super) fn count_open(&mut self, id: FileId) {
        self.open_files += 1;
        self.open_order.push_back(id);
        let mut looked_at = 0;
        while self.open_files > self.max_open && looked_at < self.open_order.len() * 2 {
            looked_at += 1;
            let Some(oldest) = self.open_order.pop_front() else { return };
            let Some(file) = self.files.get_mut(&oldest).filter(|file| file.descriptor.is_some()) else {
                if oldest == id {
                    self.open_order.push_back(oldest);
                }
                continue;
            };
            // Pipes and rotated files could not be opened again; files that wait for their turn can.
            let needed = oldest == id || file.fifo || file.rotated.is_some();
            if needed || std::mem::take(&mut file.used) {
                self.open_order.push_back(oldest);
                continue;
            }
            file.descriptor = None;
            self.open_files -= 1;
        }
    }

    /// The content of the file is no longer what was read: truncated or rewritten in place.
    fn restart(&mut self, id: FileId, file: &mut LogFile) -> Result<(), Disconnected> {
        let flushed = with_batcher(
            &self.entries,
            &self.files,
            &self.batch_sender,
            self.noticed_at,
            id,
            |batcher, file| file.flush(batcher),
            &mut *file,
        );
        flushed.unwrap_or(Ok(()))?;
        let Some(entry) = self.entries.get(&file.entry) else { return Ok(()) };
        let (offset, content) = match &file.descriptor {
            Some(descriptor) => offset_after_change(descriptor, &file.position, file.tail(), &entry.path),
            None => (0, Content::New),
        };
        let path = entry.path.clone();
        file.restart_at(offset, content);
        if let Some(cut_off) = file.cut_off.clone().filter(|_| content == Content::New) {
            self.read_copies(file.entry, &path, &cut_off);
        }
        self.batch_sender.counters().truncations.fetch_add(1, Ordering::Relaxed);
        self.notices.push(format!("ossec: File size reduced (inode remained): '{}'.", path.display()));
        self.moved.push(file.entry);
        Ok(())
    }

    /// Hands on what the assembler holds when no line has come for a while.
    pub(super) fn flush_if_due(&mut self, id: FileId, at: Instant) -> Result<(), Disconnected> {
        let Some(mut file) = self.files.remove(&id) else { return Ok(()) };
        if file.flush_at != Some(at) {
            self.files.insert(id, file);
            return Ok(());
        }
        let done = with_batcher(
            &self.entries,
            &self.files,
            &self.batch_sender,
            self.noticed_at,
            id,
            |batcher, file| file.flush(batcher),
            &mut file,
        );
        self.files.insert(id, file);
        done.unwrap_or(Ok(()))
    }

    /// Lets a rotated file go when it has been quiet for long enough.
    pub(super) fn retire_if_quiet(&mut self, id: FileId) -> Result<(), Disconnected> {
        let now = Instant::now();
        let Some(file) = self.files.get(&id) else { return Ok(()) };
        if file.rotated.is_none() {
            return Ok(());
        }
        let deleted = file
            .descriptor
            .as_ref()
            .is_none_or(|file| file.metadata().is_ok_and(|meta| std::os::unix::fs::MetadataExt::nlink(&meta) == 0));
        let grace = if deleted { self.tuning.deleted_grace } else { self.tuning.rotated_grace };
        let quiet = quiet_for(file, now);
        if file.queued || quiet < self.tuning.partial_grace {
            let pause = self.tuning.partial_grace.saturating_sub(quiet).max(std::time::Duration::from_millis(10));
            self.timers.set(now + pause, Due::Retire(id));
            return Ok(());
        }
        self.finish_file(id)?;
        if quiet < grace {
            let pause = (grace - quiet).min(self.tuning.deleted_grace).max(std::time::Duration::from_millis(10));
            self.timers.set(now + pause, Due::Retire(id));
            return Ok(());
        }
        self.retire(id)
    }

    fn finish_file(&mut self, id: FileId) -> Result<(), Disconnected> {
        let Some(mut file) = self.files.remove(&id) else { return Ok(()) };
        let mut done = None;
        if file.has_unfinished_line() || file.holds_lines() {
            done = with_batcher(
                &self.entries,
                &self.files,
                &self.batch_sender,
                self.noticed_at,
                id,
                |batcher, file| file.finish(&mut self.buffer, batcher),
                &mut file,
            );
        }
        self.files.insert(id, file);
        done.unwrap_or(Ok(()))
    }

    fn retire(&mut self, id: FileId) -> Result<(), Disconnected> {
        let Some(entry) = self.files.get(&id).map(|file| file.entry) else { return Ok(()) };
        if let Some(entry) = self.entries.get_mut(&entry) {
            entry.rotated.retain(|other| *other != id);
        }
        self.close_file(id);
        // Successors first: should the program end between the two, the file is listed twice, not never.
        self.send_notices()?;
        self.send_position(entry)?;
        self.release_if_unused(entry);
        Ok(())
    }

    /// The positions of all files of an entry.
    pub(super) fn position_text(&self, id: usize) -> String {
        let Some(entry) = self.entries.get(&id) else { return NO_POSITIONS.to_owned() };
        let files = entry.rotated.iter().chain(&entry.current).filter_map(|file| self.files.get(file));
        // Those of a file that cannot be read at present are kept until it can.
        let positions = files.flat_map(LogFile::positions).chain(entry.start.waiting());
        render_positions(positions, self.noticed_at)
    }

    /// Hands on where the files of an entry stand, without a line.
    pub(super) fn send_position(&mut self, id: usize) -> Result<(), Disconnected> {
        let value = self.position_text(id);
        let Some(entry) = self.entries.get(&id) else { return Ok(()) };
        if value == NO_POSITIONS && !self.resume.contains_key(&*entry.key) {
            return Ok(());
        }
        let mut batch = LogBatch::new(Arc::clone(&entry.source), now());
        batch.position = Some(SourcePosition { key: Arc::clone(&entry.key), value });
        self.batch_sender.send(batch)
    }

    /// Hands on that a pattern is followed.
    pub(super) fn send_marker(&self, pattern: &str) -> Result<(), Disconnected> {
        let mut batch = LogBatch::new(collector_source(), now());
        batch.position = Some(SourcePosition { key: pattern_key(pattern).into(), value: "1".to_owned() });
        self.batch_sender.send(batch)
    }

    /// Hands on messages of the collector's own and positions that changed without a line.
    pub(super) fn send_notices(&mut self) -> Result<(), Disconnected> {
        for entry in std::mem::take(&mut self.moved) {
            self.send_position(entry)?;
        }
        self.send_forgotten()?;
        if self.notices.is_empty() {
            return Ok(());
        }
        let mut batch = LogBatch::new(collector_source(), now());
        for notice in std::mem::take(&mut self.notices) {
            batch.push(notice.as_bytes());
        }
        self.batch_sender.send(batch)
    }

    /// At the end: what a pipe gave cannot be read again, so it is handed on now.
    pub(super) fn finish_pipes(&mut self) -> Result<(), Disconnected> {
        let pipes: Vec<FileId> = self.files.iter().filter(|(_, file)| file.fifo).map(|(id, _)| *id).collect();
        for pipe in pipes {
            if let Err(Disconnected) = self.finish_file(pipe) {
                warn!("the last lines of a named pipe are lost because nobody takes them any more");
                return Err(Disconnected);
            }
        }
        Ok(())
    }
}

/// The source of the collector's own messages; OSSEC's name for it.
pub(super) fn collector_source() -> Arc<LogSource> {
    static SOURCE: std::sync::LazyLock<Arc<LogSource>> = std::sync::LazyLock::new(|| {
        Arc::new(LogSource { location: "ossec-logcollector".to_owned(), channel: Channel::Log })
    });
    Arc::clone(&SOURCE)
}

/// Calls `work` with a batcher for `file`, which has been taken out of `files`.
fn with_batcher<T>(
    entries: &std::collections::BTreeMap<usize, Entry>,
    files: &HashMap<FileId, LogFile>,
    batch_sender: &crate::collect::batch_sender::BatchSender,
    noticed_at: Timestamp,
    id: FileId,
    work: impl FnOnce(&mut Batcher<'_>, &mut LogFile) -> T,
    file: &mut LogFile,
) -> Option<T> {
    let entry = entries.get(&file.entry)?;
    let mut batcher = Batcher::new(&entry.source, &entry.key, &entry.stats, batch_sender, noticed_at);
    let mut passed = false;
    for other in entry.rotated.iter().chain(&entry.current) {
        if *other == id {
            passed = true;
        } else if let Some(other) = files.get(other) {
            let list = if passed { &mut batcher.newer } else { &mut batcher.older };
            list.extend(other.positions().cloned());
        }
    }
    batcher.older.extend(file.cut_off.clone());
    batcher.newer.extend(entry.start.waiting().iter().cloned());
    Some(work(&mut batcher, file))
}
