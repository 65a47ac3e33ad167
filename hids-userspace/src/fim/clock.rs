//! Wall clock for stored and reported times.

use std::time::{SystemTime, UNIX_EPOCH};

use hids_core::model::Timestamp;

/// Now.
pub(crate) fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix_nanos(i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX))
}
