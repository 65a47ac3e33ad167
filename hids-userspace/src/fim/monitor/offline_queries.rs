//! The baseline without a daemon: what `hidsctl fim` shows while nothing watches.

use std::path::Path;

use hids_core::fim::Policy;
use jiff::tz::TimeZone;

use super::open::{BASELINE, KEY};
use super::scan_scheduler::Roots;
use crate::config::{Paths, SyscheckConfig};
use crate::fim::protocol::FimRequest;
use crate::fim::store::{Store, StoreKey, StoreLimits};
use crate::fim::{QueryError, policy_def, queries};

/// Whether there is a baseline in `state`.
pub(crate) fn has_baseline(state: &Path) -> bool {
    state.join(BASELINE).exists()
}

/// Answers from the baseline in the state directory; refuses when a daemon holds it.
pub(crate) fn answer_offline(
    request: &FimRequest,
    paths: &Paths,
    syscheck: &SyscheckConfig,
    strict: bool,
) -> Result<serde_json::Value, QueryError> {
    let state = paths.state.as_path();
    let path = state.join(BASELINE);
    let key = StoreKey::load_or_create(&state.join(KEY))?;
    let (store, damages) = Store::open_without_repair(&path, &key, StoreLimits::default())?;
    if let Some(damage) = damages.first() {
        return Err(QueryError::Damaged { what: damage.what.clone() });
    }
    let known = Roots::known(&store.view())?;
    let policy = Policy::compile(policy_def(syscheck, paths, strict, &known));
    queries::answer(request, &store, &policy, state, &TimeZone::system())
}
