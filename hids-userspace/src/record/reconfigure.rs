//! Another configuration while the stage runs.

use hids_core::model::Timestamp;

use super::batch::Batch;
use super::day::Day;
use super::error::RecordError;
use super::order::SpoolChange;
use super::recorder::Recorder;
use crate::config::RecordConfig;

impl Recorder {
    /// Writes by another configuration from now on. On an error all stays as it was.
    pub(super) fn reconfigure(
        &mut self,
        config: RecordConfig,
        spool: SpoolChange,
        now: Timestamp,
    ) -> Result<(), RecordError> {
        let old = std::mem::replace(&mut self.config, config);
        // Files of kinds that are new are opened, those of others closed; the rest goes on in its file.
        let entered =
            self.enter(Day::of(now, &self.zone)).and_then(|()| self.commit(&Batch::default(), self.progress.next_mail));
        if let Err(error) = entered {
            self.undo();
            self.config = old;
            return Err(error);
        }
        match spool {
            SpoolChange::Keep => {}
            SpoolChange::Off => self.spool = None,
            SpoolChange::On(mut spool) => {
                let next = self.progress.next_mail;
                spool.drop_from(next).map_err(RecordError::Spool)?;
                spool.sync().map_err(RecordError::Spool)?;
                spool.committed(next);
                self.spool = Some(spool);
            }
        }
        Ok(())
    }

    /// The position committed last under `key`.
    pub(super) fn position(&self, key: &str) -> Option<String> {
        self.progress.positions.get(key).cloned()
    }
}
