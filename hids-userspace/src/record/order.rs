//! What the record stage is asked while it runs.

use std::sync::Arc;

use crossbeam_channel::Sender;
use hids_core::model::Alert;

use super::error::RecordError;
use crate::config::RecordConfig;
use crate::contracts::alert_spool::AlertSpool;

/// What becomes of the mail spool.
pub(crate) enum SpoolChange {
    /// It stays.
    Keep,
    /// Alerts are no longer spooled; what waits stays where it is.
    Off,
    /// Alerts are spooled here from now on.
    On(Box<dyn AlertSpool + Send>),
}

/// What the record stage takes up.
pub(crate) struct Reconfiguration {
    /// What is written.
    pub config: RecordConfig,
    /// Where mailed alerts go.
    pub spool: SpoolChange,
    /// Where committed alerts go; `None`: where they went before.
    pub after_commit: Option<Sender<Arc<Alert>>>,
}

/// A question or a change.
pub(super) enum Order {
    /// Another configuration; answered when it is in force.
    Reconfigure(Box<Reconfiguration>, Sender<Result<(), RecordError>>),
    /// The position of a source that was committed last.
    Position(String, Sender<Option<String>>),
}
