//! A baseline of its own for each test, and what the parts of the monitor are called with.

use std::path::PathBuf;
use std::sync::Arc;

use crossbeam_channel::{Receiver, bounded};
use hids_core::fim::{Checks, Policy, PolicyDef, Watch};
use hids_core::model::{Digests, FileKind, FileNotice, FileState};

use super::baseline_writer::BaselineWriter;
use super::status::Status;
use crate::fim::Entry;
use crate::fim::store::{Store, StoreKey, StoreLimits};

/// A writer on a new baseline.
pub(super) struct Baseline {
    directory: tempfile::TempDir,
    pub writer: BaselineWriter,
    pub status: Arc<Status>,
    /// The notifier was woken.
    pub woken: Receiver<()>,
}

impl Baseline {
    pub(super) fn new() -> Self {
        Self::with(StoreLimits::default())
    }

    pub(super) fn with(limits: StoreLimits) -> Self {
        let directory = tempfile::tempdir().expect("tempdir");
        let key = StoreKey::from_bytes([1; 32]);
        let (store, damages) = Store::open(&directory.path().join("fim.redb"), &key, limits).expect("opens");
        assert_eq!(damages, []);
        let (notifier, woken) = bounded(1);
        let status: Arc<Status> = Arc::default();
        let writer = BaselineWriter::new(Arc::new(store), Arc::clone(&status), notifier);
        Self { directory, writer, status, woken }
    }

    pub(super) fn file(&self) -> PathBuf {
        self.directory.path().join("fim.redb")
    }

    /// Puts entries into the baseline that nobody has to accept.
    pub(super) fn put(&mut self, entries: &[(&str, FileState)]) {
        let written = self.writer.write_synced(|txn| {
            entries.iter().try_for_each(|(path, state)| {
                txn.put(path.as_bytes(), &Entry { state: Some(state.clone()), ..Entry::default() })
            })
        });
        written.expect("written");
    }

    /// The records so far.
    pub(super) fn records(&self) -> Vec<FileNotice> {
        self.writer.view().notices_after(0, 1000).expect("readable")
    }

    /// The paths in the baseline.
    pub(super) fn paths(&self) -> Vec<String> {
        let entries = self.writer.view().entries().map(|entry| entry.expect("readable").0);
        entries.map(|path| String::from_utf8_lossy(&path).into_owned()).collect()
    }
}

/// A regular file whose content differs from those with another number.
pub(super) fn file(number: u8) -> FileState {
    let digests = Digests { sha256: Some([number; 32]), ..Digests::default() };
    FileState { mode: 0o100_644, digests, ..FileState::default() }
}

pub(super) fn directory() -> FileState {
    FileState { kind: FileKind::Directory, mode: 0o040_755, ..FileState::default() }
}

/// Everything about the files below a root.
pub(super) fn watch(root: &str) -> Watch {
    Watch { root: root.into(), checks: Checks::all(true), realtime: true, ..Watch::default() }
}

pub(super) fn policy(watches: Vec<Watch>) -> Arc<Policy> {
    Arc::new(Policy::compile(PolicyDef { watches, alert_new_files: true, ..PolicyDef::default() }))
}
