//! Missed-event windows are reported, shown and closed by rescans.

use std::fs;

use hids_tests::daemon::wait_for;
use hids_tests::require;

use crate::fixture::{Fim, rule};

/// More than the kernel's queue of 16,384 events holds.
const FILES: usize = 17_000;

/// Stops the daemon from reading events, makes more of them than the kernel keeps, lets it go on.
pub(crate) fn overflow(fim: &Fim, change: impl FnOnce()) {
    fim.daemon.signal(rustix::process::Signal::STOP);
    change();
    fim.daemon.signal(rustix::process::Signal::CONT);
}

#[test]
fn an_overflow_of_the_kernels_queue_is_told_and_no_change_is_lost() {
    if !require::root() {
        return;
    }
    let mut fim = Fim::new(crate::fixture::REALTIME);
    for number in 0..FILES {
        fim.write(&format!("{}/{number}", number % 100), "one");
    }
    fim.start();
    overflow(&fim, || {
        for number in 0..FILES {
            fs::write(fim.path(format!("{}/{number}", number % 100)), "other").expect("written");
        }
    });
    let gap = wait_for("an open gap in hidsctl fim status", || fim.status()?["gaps"].as_array()?.first().cloned());
    assert_eq!(gap["cause"], "queue-overflow");
    let opened = fim.daemon.wait_for_alert(rule::GAP);
    assert_eq!(opened["SyscheckFile"]["cause"], "queue-overflow");
    let closed = fim.daemon.wait_for_alert(rule::GAP_CLOSED);
    assert!(closed["SyscheckFile"]["found"].as_u64() > Some(0), "{closed}");
    fim.calm();
    fim.fence();
    let changed: std::collections::HashSet<_> =
        fim.tree_alerts().into_iter().filter(|(rule, _)| *rule == rule::CHANGED[0]).collect();
    assert_eq!(changed.len(), FILES, "files with an alert");
    assert!(fim.status().is_some_and(|status| status["rescans_completed"].as_u64() > Some(0)));
    fim.assert_no_alert_twice();
}
