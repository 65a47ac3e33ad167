//! Another configuration while the stage runs.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};
use hids_core::model::{Alert, Timestamp};

use super::batch::Batch;
use super::day::Day;
use super::error::RecordError;
use super::handle::RecordHandle;
use super::recorder::Recorder;
use crate::config::RecordConfig;
use crate::contracts::alert_spool::AlertSpool;

/// How long an order waits to be taken, and to be carried out.
const ORDER_PATIENCE: Duration = Duration::from_secs(5);

/// What becomes of the mail spool.
pub enum SpoolChange {
    /// It stays.
    Keep,
    /// Alerts are no longer spooled; what waits stays where it is.
    Off,
    /// Alerts are spooled here from now on.
    On(Box<dyn AlertSpool + Send>),
}

/// What the record stage takes up.
pub struct Reconfiguration {
    /// What is written.
    pub config: RecordConfig,
    /// Where mailed alerts go.
    pub spool: SpoolChange,
    /// Where committed alerts go; `None`: where they went before.
    pub after_commit: Option<Sender<Arc<Alert>>>,
}

/// What the stage is asked while it runs.
pub(super) enum Order {
    /// Another configuration; answered when it is in force.
    Reconfigure(Box<Reconfiguration>, Sender<Result<(), String>>),
    /// The position of a source that was committed last.
    Position(String, Sender<Option<String>>),
}

impl RecordHandle {
    /// Records by another configuration from now on.
    ///
    /// # Errors
    /// When files cannot be opened, or the stage waits for the disk: nothing has changed then.
    pub fn reconfigure(&self, change: Reconfiguration) -> Result<(), String> {
        let (reply, answer) = bounded(1);
        let order = Order::Reconfigure(Box::new(change), reply);
        self.orders.send_timeout(order, ORDER_PATIENCE).map_err(|_| "the record stage waits".to_owned())?;
        answer.recv_timeout(ORDER_PATIENCE).unwrap_or_else(|_| Err("the record stage does not answer".to_owned()))
    }

    /// The position of a source that was committed last; `None` also when the stage waits for the disk.
    pub fn position(&self, key: &str) -> Option<String> {
        let (reply, answer) = bounded(1);
        self.orders.send_timeout(Order::Position(key.to_owned(), reply), ORDER_PATIENCE).ok()?;
        answer.recv_timeout(ORDER_PATIENCE).ok().flatten()
    }
}

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
