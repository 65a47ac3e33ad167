//! The running daemon: start and stop order, wiring, reload, status.

mod alert_log;
mod analysis;
mod beside;
mod format;
mod integrity;
mod lifecycle;
mod load;
mod lock;
pub(crate) mod logins;
mod losses;
mod parts;
mod places;
mod problem;
mod problems;
mod protection;
mod ready;
mod request_error;
mod restored;
mod running;
mod script_log;
mod set_aside;
mod signals;
mod standings;
mod state;
mod status;
mod take_up;
mod wiring;

use lock::{LockError, StateLock};

pub(crate) use lifecycle::{DaemonError, DaemonOptions, run};

use std::path::Path;

/// Keeps a daemon from starting on this state directory for as long as the claim lives. Where there is no such
/// directory, nothing is claimed.
///
/// # Errors
/// When a daemon uses it, or it cannot be locked.
pub(crate) fn claim_state(state: &Path) -> Result<Option<StateLock>, LockError> {
    if !state.exists() {
        return Ok(None);
    }
    StateLock::take(state).map(Some)
}
