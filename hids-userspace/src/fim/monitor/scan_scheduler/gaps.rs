//! Gaps in the store: opened and closed, each with its record in the history.

use hids_core::model::{FimEvent, Gap, GapCause};

use crate::fim::monitor::baseline_writer::BaselineWriter;
use crate::fim::monitor::status::Status;
use crate::fim::store::GapId;
use crate::platform::clock;

/// Adds a gap to the store; `None` after a failure, which is noted.
pub(super) fn open(gap: Gap, writer: &mut BaselineWriter, status: &Status) -> Option<GapId> {
    let id = writer.write_synced(|txn| {
        let id = txn.open_gap(&gap)?;
        // That the daemon was down is not alerted: whoever restarts it knows.
        txn.notice(gap.opened, gap.cause != GapCause::DaemonDown, FimEvent::Gap(gap.clone()))?;
        Ok(id)
    })?;
    status.lists().gaps.push((id, gap));
    Some(id)
}

/// Closes gaps in which a scan found a number of changes; how many were open. `None` after a failure.
pub(super) fn close(ids: &[GapId], found: u64, writer: &mut BaselineWriter, status: &Status) -> Option<u64> {
    let closed = writer.write_synced(|txn| {
        let mut closed = 0;
        for id in ids {
            if let Some(gap) = txn.close_gap(*id, clock::now(), found)? {
                closed += 1;
                // After a restart only changes are alerted.
                let alerted = gap.cause != GapCause::DaemonDown || found > 0;
                txn.notice(clock::now(), alerted, FimEvent::Gap(gap))?;
            }
        }
        Ok(closed)
    })?;
    status.lists().gaps.retain(|(id, _)| !ids.contains(id));
    Some(closed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fim::monitor::testing::Baseline;

    fn gap(cause: GapCause) -> Gap {
        Gap { subtree: b"/etc".to_vec(), cause, opened: clock::now(), closed: None, found: 0 }
    }

    /// Which records of a gap, opened and closed, are alerted.
    fn alerted(cause: GapCause, found: u64) -> Vec<bool> {
        let mut baseline = Baseline::new();
        let id = open(gap(cause), &mut baseline.writer, &baseline.status).expect("opened");
        assert_eq!(baseline.status.lists().gaps.len(), 1);
        assert_eq!(close(&[id], found, &mut baseline.writer, &baseline.status), Some(1));
        assert_eq!(close(&[id], found, &mut baseline.writer, &baseline.status), Some(0), "closed twice");
        assert!(baseline.status.lists().gaps.is_empty());
        assert_eq!(baseline.writer.view().open_gaps().expect("readable"), []);
        baseline.records().iter().map(|record| record.alerted).collect()
    }

    #[test]
    fn a_gap_is_alerted_when_it_is_opened_and_closed() {
        assert_eq!(alerted(GapCause::QueueOverflow, 0), [true, true]);
    }

    #[test]
    fn after_a_restart_only_changes_are_alerted() {
        assert_eq!(alerted(GapCause::DaemonDown, 0), [false, false]);
        assert_eq!(alerted(GapCause::DaemonDown, 3), [false, true]);
    }
}
