//! What the running daemon is made of, shared by its threads.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::problem::Problem;
use super::wiring::Stages;
use crate::config::Config;

/// What runs, and what is to run.
pub(super) struct State {
    /// What each stage acts by.
    pub(super) running: Config,
    /// What was read last.
    pub(super) wanted: Config,
    pub(super) stages: Stages,
    /// Parts of the configuration that cannot be used on this machine.
    pub(super) unusable: Vec<Problem>,
    /// Whether the changes of files from before the start have been recorded.
    pub(super) caught_up: bool,
}

/// The state, whatever happened to a thread that held it.
pub(super) fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
