//! `restart-ossec`: the daemon reloads its configuration instead of starting OSSEC's own daemons.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use rustix::process::{Signal, getpid, kill_process};
use tracing::{info, warn};

/// Between two reloads: one compiles all rules, and alerts that ask for it can be many.
const PAUSE: Duration = Duration::from_secs(10);

/// When the last reload was asked for, or is going to be.
static NEXT: Mutex<Option<Instant>> = Mutex::new(None);

/// Asks the daemon to reload, at once or when the pause is over; never waits. Asking again meanwhile changes
/// nothing.
pub(super) fn ask() {
    let now = Instant::now();
    let mut last = NEXT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let Some(wait) = wait(*last, now) else { return };
    *last = Some(now + wait);
    drop(last);
    if wait.is_zero() {
        return signal();
    }
    let later = move || {
        std::thread::sleep(wait);
        signal();
    };
    if let Err(error) = std::thread::Builder::new().name("respond-reload".into()).spawn(later) {
        warn!(%error, help = "hidsctl reload", "cannot start a thread to reload the configuration");
    }
}

/// How long to wait; `None` when a reload is about to come anyway.
fn wait(last: Option<Instant>, now: Instant) -> Option<Duration> {
    match last {
        Some(last) if last > now => None,
        Some(last) => Some((last + PAUSE).saturating_duration_since(now)),
        None => Some(Duration::ZERO),
    }
}

fn signal() {
    info!("configuration reload requested by an active response");
    if let Err(error) = kill_process(getpid(), Signal::HUP) {
        warn!(%error, help = "hidsctl reload", "configuration reload failed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // B6: a flood of alerts is one reload each ten seconds, and the last one is never forgotten.
    #[test]
    fn a_flood_reloads_once_a_pause() {
        let start = Instant::now();
        assert_eq!(wait(None, start), Some(Duration::ZERO));
        assert_eq!(wait(Some(start), start + Duration::from_secs(3)), Some(Duration::from_secs(7)));
        assert_eq!(wait(Some(start + PAUSE), start + Duration::from_secs(4)), None, "one is about to come");
        assert_eq!(wait(Some(start), start + Duration::from_secs(60)), Some(Duration::ZERO));
    }
}
