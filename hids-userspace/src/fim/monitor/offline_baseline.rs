//! The daemon's baseline, made and brought up to date while no daemon runs.

use std::io;
use std::path::Path;

use hids_core::fim::Policy;
use hids_core::model::{Acceptance, ChangeKind, FileChange, FimEvent, Operations};

use super::open::{BASELINE, KEY};
use super::scan_scheduler::{Coverage, Roots};
use crate::config::{Paths, SyscheckConfig};
use crate::fim::check::Finding;
use crate::fim::offline::{self, OfflineError};
use crate::fim::scan::ScanReport;
use crate::fim::scan_options::scan_options;
use crate::fim::store::{Durability, Store, StoreError, StoreKey, StoreLimits};
use crate::fim::{Entry, policy_def};
use crate::platform::clock;

/// Findings in one transaction.
const BATCH: usize = 10_000;
/// Paths named in the record.
const MAX_EXAMPLES: usize = 16;

/// Why no baseline was made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BeginError {
    /// It is not replaced.
    #[error("a baseline exists already")]
    Exists,
    /// The state directory.
    #[error("cannot create the state directory")]
    State(#[source] io::Error),
    /// The store or the scan.
    #[error(transparent)]
    Offline(#[from] OfflineError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The scan did not come to its end.
    #[error("the scan was stopped")]
    Incomplete,
}

/// Makes the baseline that a daemon would make with its first scans, and that it compares with when it starts.
pub(crate) fn begin_offline(paths: &Paths, syscheck: &SyscheckConfig) -> Result<ScanReport, BeginError> {
    let state = paths.state.as_path();
    make_private(state).map_err(BeginError::State)?;
    let file = state.join(BASELINE);
    if file.exists() && !Roots::known(&open(state)?.view())?.is_empty() {
        return Err(BeginError::Exists);
    }
    let def = policy_def(syscheck, paths, false, &[]);
    let report = offline::build(&file, Policy::compile(def.clone()), scan_options(syscheck))?;
    if !report.complete {
        return Err(BeginError::Incomplete);
    }
    // Only a complete scan makes trees known: after a crash the next one begins anew.
    let (store, policy) = (open(state)?, Policy::compile(def));
    let mut txn = store.begin()?;
    Coverage::save_whole(&policy, &mut txn)?;
    txn.commit(Durability::Synced)?;
    Ok(report)
}

fn make_private(state: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o750).create(state)
}

/// Accepts what a check found. The history has each change and one acceptance, which is alerted when a daemon starts.
pub(crate) fn accept_offline(state: &Path, findings: &[Finding]) -> Result<u64, StoreError> {
    let store = open(state)?;
    for batch in findings.chunks(BATCH) {
        let mut txn = store.begin()?;
        for finding in batch {
            let kind = match (&finding.new, &finding.old) {
                (None, _) => ChangeKind::Deleted,
                (Some(_), None) if finding.differences.is_empty() => ChangeKind::Added,
                _ => ChangeKind::Modified,
            };
            let change = FileChange {
                path: finding.path.clone(),
                kind,
                old: finding.old.clone().map(Box::new),
                new: finding.new.clone().map(Box::new),
                count: 1,
                who: Vec::new(),
                operations: Operations::NONE,
                diff: None,
            };
            txn.notice(clock::now(), false, FimEvent::Change(Box::new(change)))?;
            // The next change has no older text to be compared with.
            txn.remove_text(&finding.path)?;
            match &finding.new {
                Some(state) => {
                    let entry = Entry { state: Some(state.clone()), read: finding.read, ..Entry::default() };
                    txn.put(&finding.path, &entry)?;
                }
                None => _ = txn.remove(&finding.path)?,
            }
        }
        txn.commit(Durability::Synced)?;
    }
    let accepted = findings.len() as u64;
    if accepted > 0 {
        let examples = findings.iter().take(MAX_EXAMPLES).map(|finding| finding.path.clone()).collect();
        let reasons = vec!["hidsctl fim check --update".to_owned()];
        let mut txn = store.begin()?;
        txn.notice(clock::now(), true, FimEvent::Acceptance(Acceptance { reasons, files: accepted, examples }))?;
        txn.commit(Durability::Synced)?;
    }
    Ok(accepted)
}

/// The store in `state`, as it is.
fn open(state: &Path) -> Result<Store, StoreError> {
    let key = StoreKey::load_or_create(&state.join(KEY))?;
    let (store, damages) = Store::open_without_repair(&state.join(BASELINE), &key, StoreLimits::default())?;
    match damages.into_iter().next() {
        Some(damage) => Err(StoreError::Damaged { what: damage.what }),
        None => Ok(store),
    }
}
