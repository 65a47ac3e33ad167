//! Recovery at start: truncates alert files to the lengths in the progress journal.

use std::collections::HashMap;

use hids_core::engine::SavedState;
use hids_core::join::Held;
use serde::Deserialize as _;

use super::error::RecordError;
use super::journal::{Progress, Record};
use super::mark::{MarkFile, may_cut};
use super::output::{holds, same_file};
use super::root::Root;
use crate::contracts::alert_spool::AlertSpool;

/// What the last run had recorded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recovered {
    /// How far each source had been read: key and value of [`hids_core::model::SourcePosition`].
    pub positions: HashMap<String, String>,
    /// Number for the next alert, 1 at the first start.
    pub next_sequence: u64,
    /// Bytes cut away from output files: lines that will be analysed again.
    pub cut_bytes: u64,
    /// Batches given up because the machine lost power before they reached the disk.
    pub lost_batches: u64,
    /// Files named in the journal that somebody replaced or removed meanwhile; left alone.
    pub replaced_files: u64,
    /// Bytes left in place behind the journal's lengths, because no batch explains them: an older state
    /// directory was put back, or somebody else wrote there.
    pub kept_bytes: u64,
    /// The joined alerts whose text is not written ([`RecorderOptions::left_out`]), if they were held.
    ///
    /// [`RecorderOptions::left_out`]: super::RecorderOptions::left_out
    pub left_out: Option<Held>,
    /// What rules remembered; empty at the first start.
    pub rule_state: SavedState,
}

/// The progress to go on from.
///
/// After a `kill -9` (same boot) every whole record counts: what was written is in the page cache.
/// After a power loss the journal may have reached the disk before the files it speaks of. Records
/// up to the last `synced` mark are safe; of those after it, the first whose files are shorter than
/// it says, or end in something else than was written, ends the count.
pub(super) fn progress(
    records: &[Record],
    boot: &str,
    root: &Root,
    spool: Option<&(dyn AlertSpool + Send)>,
) -> (Progress, u64) {
    let mut progress = Progress { next_sequence: 1, ..Progress::default() };
    let same_boot = records.first().is_some_and(|first| first.boot.as_deref() == Some(boot));
    let safe = match records.iter().rposition(|record| record.synced) {
        _ if same_boot => records.len(),
        Some(at) => at + 1,
        None => 0,
    };
    records[..safe].iter().for_each(|record| progress.apply(record));
    let mut lost = 0;
    for (number, record) in records[safe..].iter().enumerate() {
        let mail = record.mailed.is_none_or(|sequence| spool.is_none_or(|spool| spool.holds(sequence)));
        if !mail || !record.files.iter().all(|mark| holds(root, mark)) {
            lost = (records.len() - safe - number) as u64;
            break;
        }
        progress.apply(record);
    }
    (progress, lost)
}

/// Cuts the files of `progress` back to their recorded lengths.
///
/// Only files named there are touched, and only if they are still the same (device and inode): one
/// that was rotated or replaced by hand is left alone, one that is shorter is never lengthened.
///
/// What the last batch cannot explain is not cut away: see [`mark`](super::mark).
pub(super) fn cut_back(progress: &Progress, root: &Root, boot: &str) -> Result<Recovered, RecordError> {
    let same_boot = progress.boot.as_deref() == Some(boot);
    let mark = MarkFile::read(root);
    let may_cut = may_cut(mark.as_ref(), progress, same_boot);
    let mut recovered = Recovered {
        positions: progress.positions.clone(),
        next_sequence: progress.next_sequence,
        ..Recovered::default()
    };
    for mark in progress.files.values() {
        let Some(file) = same_file(root, &mark.path, mark) else {
            recovered.replaced_files += 1;
            continue;
        };
        let fail = |source| RecordError::Cut { path: root.path.join(&mark.path), length: mark.length, source };
        let length = file.metadata().map_err(fail)?.len();
        if length > mark.length && !may_cut {
            tracing::warn!(file = %root.path.join(&mark.path).display(), bytes = length - mark.length,
                help = "if an older state directory was restored, lines since then may be recorded twice",
                "alert file longer than recorded in the state directory; content kept");
            recovered.kept_bytes += length - mark.length;
        } else if length > mark.length {
            file.set_len(mark.length).map_err(fail)?;
            file.sync_data().map_err(fail)?;
            recovered.cut_bytes += length - mark.length;
        }
    }
    if recovered.kept_bytes > 0 {
        // Numbers that the kept alerts have are not given again.
        let next = mark.map_or(0, |mark| mark.next);
        recovered.next_sequence = recovered.next_sequence.max(next);
    }
    Ok(recovered)
}

/// What was held back and not written when the last run ended. What cannot be read is forgotten: each
/// alert of it is in alerts.json.
pub(super) fn held(progress: &mut Progress) -> Vec<Held> {
    let mut held = Vec::new();
    let mut unreadable = Vec::new();
    for (number, value) in &progress.held {
        match Held::deserialize(value) {
            Ok(one) => held.push(one),
            Err(error) => {
                tracing::warn!(alert = number, %error, help = "its alerts are in alerts.json",
                    "cannot read a delayed alert text of another version; omitted from alerts.log");
                unreadable.push(*number);
            }
        }
    }
    unreadable.iter().for_each(|number| _ = progress.held.remove(number));
    held
}

/// The kernel's random name of this boot; empty if it cannot be read (then nothing is trusted that
/// was not synced).
pub(super) fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|id| id.trim().to_owned()).unwrap_or_default()
}
