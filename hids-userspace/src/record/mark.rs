//! Marker of the last write, next to the alert files: `logs/.record-mark`.
//!
//! The journal lies in the state directory. When an older state directory is put back (a backup, a
//! snapshot), its lengths are those of long ago, and cutting the alert files back to them would destroy
//! alerts. So each batch is announced here before it is written, and again when it is committed:
//! only what an announced batch left behind may be cut away.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::RecordError;
use super::journal::Progress;
use super::root::Root;
use crate::platform::clock;

const NAME: &str = ".record-mark";
/// The file's fixed size: it is written over in place, so that a full disk does not matter.
const BYTES: usize = 256;
/// After a power loss the journal may have lost what was not synced: about a second of it.
const UNSYNCED_SECONDS: i64 = 60;

/// Where a batch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Phase {
    /// It is about to be written.
    Open,
    /// The journal has it.
    Done,
}

/// The batch written last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// The run of the daemon, as in its journal.
    pub run: String,
    /// Number of the commit.
    pub commit: u64,
    pub phase: Phase,
    /// Seconds since 1970.
    pub time: i64,
    /// Number of the next alert after it.
    pub next: u64,
}

impl Mark {
    /// Whether what stands in a file behind the journal's length can be of this batch, cut off by a
    /// crash. `same_boot`: the journal was written during this boot.
    fn explains(&self, progress: &Progress, same_boot: bool) -> bool {
        if progress.run.as_deref() != Some(self.run.as_str()) {
            return false;
        }
        if same_boot {
            return self.phase == Phase::Open && self.commit == progress.commit + 1;
        }
        self.time <= progress.time.saturating_add(UNSYNCED_SECONDS)
    }
}

/// Whether files may be cut back to the lengths of `progress`.
pub(super) fn may_cut(mark: Option<&Mark>, progress: &Progress, same_boot: bool) -> bool {
    match (mark, &progress.run) {
        // The journal of a version that knew no marks.
        (None, None) => true,
        (mark, _) => mark.is_some_and(|mark| mark.explains(progress, same_boot)),
    }
}

/// The file; made with the first batch, so that a full disk does not keep the daemon from starting.
#[derive(Debug, Default)]
pub(super) struct MarkFile(Option<File>);

impl MarkFile {
    /// What the last run wrote; `None` when there is none that can be read.
    pub(super) fn read(root: &Root) -> Option<Mark> {
        let mut text = [0; BYTES];
        root.read(Path::new(NAME)).ok()?.read_exact_at(&mut text, 0).ok()?;
        serde_json::from_slice(text.trim_ascii()).ok()
    }

    /// Writes `mark` over the one before.
    pub(super) fn write(&mut self, root: &Root, mark: &Mark) -> Result<(), RecordError> {
        let fail = |source: io::Error| RecordError::Write { path: root.path.join(NAME), source };
        let mut text = serde_json::to_vec(mark).map_err(|error| fail(error.into()))?;
        text.resize(BYTES - 1, b' ');
        text.push(b'\n');
        let file = match &self.0 {
            Some(file) => file,
            None => self.0.insert(root.update(Path::new(NAME))?),
        };
        file.write_all_at(&text, 0).map_err(fail)
    }
}

/// Seconds since 1970.
pub(super) fn now_seconds() -> i64 {
    clock::now().unix_seconds()
}

/// A name for this run: no two share it.
pub(super) fn new_run() -> String {
    format!("{:x}-{:x}", clock::now().unix_nanos(), std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(run: &str, commit: u64, phase: Phase, time: i64) -> Mark {
        Mark { run: run.into(), commit, phase, time, next: 1 }
    }

    // M7
    #[test]
    fn only_the_batch_after_the_journals_last_one_is_cut_away() {
        let progress = Progress { run: Some("a".into()), commit: 7, time: 1000, ..Progress::default() };
        let may = |mark: &Mark, same_boot| may_cut(Some(mark), &progress, same_boot);
        assert!(may(&mark("a", 8, Phase::Open, 1001), true));
        assert!(!may(&mark("a", 8, Phase::Done, 1001), true), "the journal had it");
        assert!(!may(&mark("a", 9, Phase::Open, 1001), true), "the journal is older");
        assert!(!may(&mark("a", 7, Phase::Done, 1001), true), "somebody else's bytes");
        assert!(!may(&mark("b", 8, Phase::Open, 1001), true), "another run wrote since");
        assert!(may(&mark("a", 90, Phase::Done, 1002), false), "a power loss took the journal's end");
        assert!(!may(&mark("a", 90, Phase::Done, 4600), false));
        assert!(!may_cut(None, &progress, true));
        assert!(may_cut(None, &Progress::default(), true), "an older version's journal");
    }
}
