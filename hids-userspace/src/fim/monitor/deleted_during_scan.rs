//! Paths that were created and deleted while a scan ran.
//!
//! A scan reports what it saw a moment ago. If a known path was inspected since, its entry has changed and shows
//! that. A path that is not in the baseline leaves no trace there when it is found deleted; it leaves one here.

use std::collections::HashSet;

/// Most paths that are remembered; beyond that every new path of a scan is inspected again.
const MAX_PATHS: usize = 50_000;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct DeletedDuringScan {
    /// Whether a scan runs.
    is_recording: bool,
    paths: HashSet<Vec<u8>>,
    is_full: bool,
}

impl DeletedDuringScan {
    /// Begins to remember paths, or forgets them, as scans run or not.
    pub(super) fn set_recording(&mut self, is_recording: bool) {
        if !is_recording && self.is_recording {
            *self = Self::default();
        }
        self.is_recording = is_recording;
    }

    /// An inspection found nothing at `path`.
    pub(super) fn note(&mut self, path: &[u8]) {
        if !self.is_recording {
            return;
        }
        if self.paths.len() >= MAX_PATHS {
            self.is_full = true;
        } else {
            self.paths.insert(path.to_vec());
        }
    }

    /// Whether what a scan saw at `path` may be older than an inspection.
    pub(super) fn may_hold(&self, path: &[u8]) -> bool {
        self.is_full || self.paths.contains(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_remembered_while_a_scan_runs_and_no_longer() {
        let mut deleted = DeletedDuringScan::default();
        deleted.note(b"/before");
        deleted.set_recording(true);
        deleted.note(b"/during");
        deleted.set_recording(true);
        assert!(deleted.may_hold(b"/during") && !deleted.may_hold(b"/before"));
        deleted.set_recording(false);
        assert!(!deleted.may_hold(b"/during"));
    }

    #[test]
    fn when_too_many_are_remembered_every_path_counts_as_deleted() {
        let mut deleted = DeletedDuringScan::default();
        deleted.set_recording(true);
        (0..=MAX_PATHS).for_each(|number| deleted.note(number.to_string().as_bytes()));
        assert!(deleted.may_hold(b"/any"));
        deleted.set_recording(false);
        assert!(!deleted.may_hold(b"/any"));
    }
}
