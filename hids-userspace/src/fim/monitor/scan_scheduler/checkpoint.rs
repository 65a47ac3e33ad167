//! How far a whole scan has come, for the next start of the daemon, also after `kill -9`.
//!
//! A checkpoint is committed after everything that it says is done. A crash takes back the last commits only,
//! so a checkpoint never promises more than the baseline holds.

use std::time::Instant;

use hids_core::model::Timestamp;
use serde::{Deserialize, Serialize};

use super::running::RunningScan;
use crate::fim::monitor::baseline_writer::{BaselineWriter, Flush, save};
use crate::fim::scan::ResumePoint;
use crate::fim::store::{StoreError, WriteTxn};

/// Its name in the store; empty when no scan was interrupted.
const CHECKPOINT: &str = "interrupted round";

/// A whole scan that did not complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checkpoint {
    began: Timestamp,
    pub(super) subtrees: Vec<Vec<u8>>,
    pub(super) done: ResumePoint,
}

/// The checkpoint of a scan that the last run of the daemon did not complete.
pub(super) fn load(writer: &BaselineWriter) -> Option<Checkpoint> {
    writer.load(CHECKPOINT)
}

/// Writes the checkpoint of a scan when it is due. `is_waiting` says which paths wait for an inspection.
pub(super) fn write_if_due(scan: &mut RunningScan, is_waiting: impl Fn(&[u8]) -> bool, writer: &mut BaselineWriter) {
    let Some(done) = scan.checkpoint_if_due(is_waiting, Instant::now()) else { return };
    // What a failed store has lost is scanned again from the beginning.
    if scan.failures != writer.failures() || writer.is_failing() {
        return;
    }
    let checkpoint = Checkpoint { began: scan.began, subtrees: scan.plan.subtrees.clone(), done };
    writer.write(|txn| {
        save(txn, CHECKPOINT, &checkpoint)?;
        Ok(((), Flush::Later { rows: 1 }))
    });
}

/// No whole scan is to be resumed.
pub(super) fn clear(writer: &mut BaselineWriter) {
    writer.write(|txn| {
        remove(txn)?;
        Ok(((), Flush::Later { rows: 1 }))
    });
}

/// The same within another transaction.
pub(super) fn remove(txn: &mut WriteTxn<'_>) -> Result<(), StoreError> {
    txn.set_metadata(CHECKPOINT, &[])
}

#[cfg(test)]
mod tests {
    use super::super::testing::running;
    use super::*;
    use crate::fim::monitor::testing::{Baseline, policy};

    fn done(baseline: &Baseline) -> Option<Vec<bool>> {
        let checkpoint = load(&baseline.writer)?;
        Some([b"/etc".as_slice(), b"/usr"].map(|directory| checkpoint.done.covers(directory)).to_vec())
    }

    #[test]
    fn a_checkpoint_holds_what_is_done_without_what_waits_for_an_inspection() {
        let mut baseline = Baseline::new();
        let mut scan = running(&policy(Vec::new()), &baseline);
        scan.committed(0, std::iter::once(b"/usr/late".to_vec()), vec![b"/etc".to_vec(), b"/usr".to_vec()]);
        write_if_due(&mut scan, |_| true, &mut baseline.writer);
        assert_eq!(done(&baseline), None, "it is not due");
        scan.stop();
        write_if_due(&mut scan, |path| path == b"/usr/late", &mut baseline.writer);
        assert_eq!(done(&baseline), Some(vec![true, false]));
        scan.stop();
        write_if_due(&mut scan, |_| false, &mut baseline.writer);
        assert_eq!(done(&baseline), Some(vec![true, true]));
        clear(&mut baseline.writer);
        assert_eq!(done(&baseline), None);
    }

    #[test]
    fn after_a_failure_of_the_store_no_checkpoint_is_written() {
        let mut baseline = Baseline::new();
        let mut scan = running(&policy(Vec::new()), &baseline);
        baseline.writer.write_synced(|txn| txn.remove(b"not absolute"));
        scan.stop();
        write_if_due(&mut scan, |_| false, &mut baseline.writer);
        assert_eq!(done(&baseline), None);
    }
}
