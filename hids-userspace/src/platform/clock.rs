//! The wall clock.

use std::time::{SystemTime, UNIX_EPOCH};

use hids_core::model::Timestamp;

/// The present moment; 1970 if the clock is set before that.
#[expect(clippy::disallowed_methods, reason = "the one place")]
pub(crate) fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix_nanos(i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX))
}
