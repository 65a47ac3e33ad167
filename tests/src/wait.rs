//! Waiting for a condition, with a deadline; never for a time to pass.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Long enough for a loaded machine; a test that passes never waits this long.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The environment variable that multiplies each patience: set in guests without hardware virtualisation and by
/// `cargo xtask test --under-load`, where a start of the daemon was seen to take 14 s and a status 40 s more.
const FACTOR: &str = "HIDS_PATIENCE";

/// How often a condition is looked at.
const STEP: Duration = Duration::from_millis(10);

/// Waits until `condition` holds, at most `patience`.
///
/// # Errors
/// When the time is over; the message names `what` was waited for.
pub fn until(what: &str, patience: Duration, mut condition: impl FnMut() -> bool) -> Result<()> {
    value(what, patience, || condition().then_some(()))
}

/// Sets a flag when it goes, also when the test fails: a thread that runs until then ends, and the test with it.
#[derive(Debug)]
pub struct SetOnDrop<'a>(pub &'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// As long as that here, for waits of other kinds.
pub fn scaled(patience: Duration) -> Duration {
    patience * factor()
}

/// By what `cargo xtask test --under-load` multiplies bounds.
const BOUND_FACTOR: &str = "HIDS_UNDER_LOAD";

/// An upper bound on what is promised: longer only where the harness itself keeps the machine busy.
pub fn bound(limit: Duration) -> Duration {
    limit * number(BOUND_FACTOR)
}

/// By what patience is multiplied here.
fn factor() -> u32 {
    number(FACTOR)
}

fn number(variable: &str) -> u32 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(1).clamp(1, 100)
}

/// Waits until `look` gives a value, at most `patience`.
///
/// # Errors
/// When the time is over; the message names `what` was waited for.
pub fn value<T>(what: &str, patience: Duration, mut look: impl FnMut() -> Option<T>) -> Result<T> {
    let patience = scaled(patience);
    let deadline = Instant::now() + patience;
    loop {
        if let Some(found) = look() {
            return Ok(found);
        }
        if Instant::now() >= deadline {
            bail!("waited {} s in vain for {what}", patience.as_secs());
        }
        std::thread::sleep(STEP);
    }
}
