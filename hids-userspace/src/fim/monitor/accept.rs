//! `hidsctl fim accept`: changes that an administrator accepts into the baseline.

use hids_core::model::{Acceptance, FimEvent};

use super::baseline_writer::BaselineWriter;
use super::package_recognition::PackageRecognition;
use crate::fim::protocol::{AcceptView, PathText};
use crate::fim::store::StoreError;

/// Entries that are rewritten in one transaction.
const BATCH: usize = 10_000;
/// Paths named in the record and in the answer.
const MAX_EXAMPLES: usize = 16;
/// Reasons named in the record.
const MAX_REASONS: usize = 64;

/// Resets the number of changes of every entry below `paths` and forgets deleted ones; of those only that
/// `packages` recognises.
pub(super) fn accept(
    paths: &[Vec<u8>],
    mut packages: PackageRecognition,
    writer: &mut BaselineWriter,
) -> Result<AcceptView, StoreError> {
    let mut answer = AcceptView::default();
    let mut examples: Vec<Vec<u8>> = Vec::new();
    for subtree in paths {
        let mut batch = Vec::new();
        for entry in writer.view().subtree(subtree)? {
            let (path, entry) = entry?;
            if entry.is_accepted() {
                continue;
            }
            if !packages.recognises(writer.view(), &path, &entry)? {
                answer.refused += 1;
                if answer.refused_examples.len() < MAX_EXAMPLES {
                    answer.refused_examples.push(PathText::from(path.as_slice()));
                }
                continue;
            }
            answer.accepted += 1;
            if examples.len() < MAX_EXAMPLES {
                examples.push(path.clone());
            }
            batch.push(path);
            if batch.len() == BATCH {
                accept_batch(&std::mem::take(&mut batch), writer)?;
            }
        }
        accept_batch(&batch, writer)?;
    }
    answer.packages = packages.names();
    if answer.accepted > 0 {
        let command = |path: &Vec<u8>| format!("hidsctl fim accept {}", hids_core::render::visible_string(path));
        let reasons = if packages.is_restricted() {
            answer.packages.iter().take(MAX_REASONS).cloned().collect()
        } else {
            paths.iter().take(MAX_REASONS).map(command).collect()
        };
        writer.report(vec![FimEvent::Acceptance(Acceptance { reasons, files: answer.accepted, examples })]);
    }
    Ok(answer)
}

fn accept_batch(paths: &[Vec<u8>], writer: &mut BaselineWriter) -> Result<(), StoreError> {
    if paths.is_empty() {
        return Ok(());
    }
    writer.transact_synced(|txn| {
        for path in paths {
            match txn.entry(path)? {
                Some(mut entry) if entry.state.is_some() => {
                    (entry.changes, entry.unaccepted) = (0, None);
                    txn.put(path, &entry)?;
                }
                Some(_) => _ = txn.remove(path)?,
                None => {}
            }
        }
        Ok(())
    })
}
