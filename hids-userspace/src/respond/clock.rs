//! Wall clock and boot clock for block timeouts.
//!
//! Owns nothing. The wall clock gives ends that mean something after a reboot; `CLOCK_BOOTTIME`,
//! which nobody can set, tells what is left of them as long as the machine runs.

use std::time::Duration;

use hids_core::respond::Clock;
use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::platform::clock as wall_clock;

/// Two readings of the wall clock this far apart have something between them: they are read again.
const TOO_FAR_APART: Duration = Duration::from_millis(100);

/// Both clocks now.
pub(super) fn read() -> Clock {
    let mut clock = read_once();
    for _ in 0..3 {
        let again = read_once();
        let apart = again.wall.since(clock.wall).max(clock.wall.since(again.wall));
        clock = again;
        if apart < TOO_FAR_APART {
            break;
        }
    }
    clock
}

/// What names this boot; empty where the kernel does not say (then every start counts as another boot).
pub(super) fn boot_id() -> String {
    let read = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
    read.map(|text| text.trim().to_owned()).unwrap_or_default()
}

fn read_once() -> Clock {
    Clock { wall: wall_clock::now(), since_boot: duration(clock_gettime(ClockId::Boottime)) }
}

fn duration(time: Timespec) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_clocks_go_on_by_the_same_time() {
        let before = read();
        std::thread::sleep(Duration::from_millis(20));
        let after = read();
        let (wall, boot) = (after.wall.since(before.wall), after.since_boot - before.since_boot);
        assert!(boot >= Duration::from_millis(20) && wall.abs_diff(boot) < Duration::from_secs(1), "{wall:?} {boot:?}");
    }
}
