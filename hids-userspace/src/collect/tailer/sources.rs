//! How many files are followed, and that nothing is kept of those that are gone.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use hids_core::model::{LogBatch, SourcePosition};
use tracing::warn;

use super::event_loop::FileTailer;
use super::read_loop::collector_source;
use crate::collect::batch_sender::{Disconnected, now};

/// Entries let go after which the memory is worth giving back: some megabytes.
const MANY: usize = 1000;

impl FileTailer {
    /// Whether the source follows as many files as it may.
    pub(super) fn is_at_limit(&self, source: usize) -> bool {
        self.sources.get(&source).is_some_and(|source| source.files >= self.tuning.max_files_per_location)
    }

    /// Counts a file that a wildcard has found beyond the limit; the next look at everything counts anew.
    pub(super) fn leave_out(&mut self, source: usize) {
        self.batch_sender.counters().files_left_out.fetch_add(1, Ordering::Relaxed);
        let limit = self.tuning.max_files_per_location;
        let Some(source) = self.sources.get_mut(&source).filter(|source| !source.limit_logged) else { return };
        source.limit_logged = true;
        warn!(location = %source.pattern, limit, lost = "lines of the files that came last",
            help = "name fewer files in <location>, or remove files that are no logs; hidsctl status counts those left out",
            "wildcard names more files than are followed");
    }

    /// Notes that an entry now belongs to the source `to` and no longer to `from`.
    pub(super) fn count_entry(&mut self, from: Option<usize>, to: Option<usize>) {
        if let Some(source) = from.and_then(|from| self.sources.get_mut(&from)) {
            source.files = source.files.saturating_sub(1);
            source.limit_logged &= source.files > 0;
        }
        if let Some(source) = to.and_then(|to| self.sources.get_mut(&to)) {
            source.files += 1;
        }
    }

    /// After many files have gone, the memory that they took goes back to the kernel.
    pub(super) fn trim_memory(&mut self) {
        let files = &self.files;
        self.open_order.retain(|file| files.contains_key(file));
        if self.released < MANY {
            return;
        }
        self.released = 0;
        self.open_order.shrink_to_fit();
        self.ready.shrink_to_fit();
        self.files.shrink_to_fit();
        self.by_identity.shrink_to_fit();
        self.by_watch.shrink_to_fit();
        self.resume.shrink_to_fit();
        crate::sys::memory::give_back();
    }

    /// Hands on that some positions are of no interest any more.
    pub(super) fn send_forgotten(&mut self) -> Result<(), Disconnected> {
        for key in std::mem::take(&mut self.forgotten) {
            let mut batch = LogBatch::new(Arc::clone(&collector_source()), now());
            batch.position = Some(SourcePosition { key, value: String::new() });
            self.batch_sender.send(batch)?;
        }
        Ok(())
    }
}
