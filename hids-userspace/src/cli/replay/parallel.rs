//! Several threads: each prepares other chunks, one applies the rules in the order of the lines.
//!
//! What is prepared depends on the line alone, so the answers are those of one thread. Queues are
//! bounded; buffers go round.

use std::collections::BTreeMap;
use std::io;

use crossbeam_channel::{Receiver, bounded};
use hids_core::engine::{Analyser, LineAnalysis};
use hids_core::model::{EventRef, LogSource};
use std::sync::Arc;

use super::chunks::{self, Chunks};

/// Chunks per thread that are read or prepared ahead.
const AHEAD_PER_THREAD: usize = 2;

/// A chunk with what is known of each of its lines.
pub(super) struct Batch {
    number: u64,
    chunk: io::Result<Vec<u8>>,
    prepared: Vec<LineAnalysis>,
}

impl Batch {
    fn prepare(&mut self, analyser: &mut Analyser, source: &Arc<LogSource>) {
        let Ok(chunk) = &self.chunk else { return };
        for (at, line) in chunks::lines(chunk).enumerate() {
            if self.prepared.len() == at {
                self.prepared.push(LineAnalysis::default());
            }
            let event = EventRef { source, received: hids_core::model::Timestamp::default(), line, notice: None };
            analyser.prepare(event, &mut self.prepared[at]);
        }
    }
}

/// Hands each chunk, its lines prepared, to `finish` in the order of the file.
///
/// # Errors
/// The file cannot be read, or `finish` fails: the other threads end then, too.
pub(super) fn run(
    chunks: Chunks,
    analysers: Vec<Analyser>,
    source: &Arc<LogSource>,
    mut finish: impl FnMut(&[u8], &mut [LineAnalysis]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let ahead = analysers.len() * AHEAD_PER_THREAD;
    std::thread::scope(|scope| {
        let (to_prepare, raw) = bounded::<Batch>(ahead);
        let (to_finish, ready) = bounded::<Batch>(ahead);
        let (to_recycle, recycled) = bounded::<Vec<LineAnalysis>>(2 * ahead + analysers.len());
        // Every thread ends when the one after it has gone, or when everything is read.
        scope.spawn(move || {
            for (number, chunk) in (0..).zip(chunks) {
                let prepared = recycled.try_recv().unwrap_or_default();
                if to_prepare.send(Batch { number, chunk, prepared }).is_err() {
                    return;
                }
            }
        });
        for mut analyser in analysers {
            let (raw, to_finish): (Receiver<Batch>, _) = (raw.clone(), to_finish.clone());
            scope.spawn(move || {
                for mut batch in raw {
                    batch.prepare(&mut analyser, source);
                    if to_finish.send(batch).is_err() {
                        return;
                    }
                }
            });
        }
        drop((raw, to_finish));
        let mut early = BTreeMap::new();
        let mut next = 0;
        for batch in ready {
            early.insert(batch.number, batch);
            while let Some(Batch { chunk, mut prepared, .. }) = early.remove(&next) {
                next += 1;
                let chunk = chunk?;
                finish(&chunk, &mut prepared)?;
                // Full only if nobody reads any more.
                let _ = to_recycle.try_send(prepared);
            }
        }
        Ok(())
    })
}
