//! Another configuration while the stage runs.

use hids_core::model::Timestamp;

use super::batch::Batch;
use super::day::Day;
use super::error::RecordError;
use super::order::SpoolChange;
use super::recorder::Recorder;
use crate::config::RecordConfig;

/// Writes by another configuration from now on. On an error all stays as it was.
pub(super) fn reconfigure(
    recorder: &mut Recorder,
    config: RecordConfig,
    spool: SpoolChange,
    now: Timestamp,
) -> Result<(), RecordError> {
    let old = std::mem::replace(&mut recorder.config, config);
    // Files of kinds that are new are opened, those of others closed; the rest goes on in its file.
    let entered = recorder
        .enter(Day::of(now, &recorder.zone))
        .and_then(|()| recorder.commit(&Batch::default(), recorder.progress.next_mail));
    if let Err(error) = entered {
        recorder.undo();
        recorder.config = old;
        return Err(error);
    }
    match spool {
        SpoolChange::Keep => {}
        SpoolChange::Off => recorder.spool = None,
        SpoolChange::On(mut spool) => {
            let next = recorder.progress.next_mail;
            spool.drop_from(next).map_err(RecordError::Spool)?;
            spool.sync().map_err(RecordError::Spool)?;
            spool.committed(next);
            recorder.spool = Some(spool);
        }
    }
    Ok(())
}
