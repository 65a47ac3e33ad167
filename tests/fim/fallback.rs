//! A kernel that gives neither fanotify nor BPF: the daemon says what that costs, and scans.

use hids_tests::daemon::wait_for;
use hids_tests::require;

use crate::fixture::{Fim, REALTIME, rule};

/// Without these the kernel answers as one without the features (`EPERM` instead of `ENOSYS`).
const WITHOUT: &[&str] = &["setpriv", "--bounding-set", "-sys_admin,-bpf,-perfmon", "--inh-caps", "-all"];

#[test]
fn without_fanotify_and_bpf_changes_are_found_by_scans_and_the_administrator_knows() {
    if !require::root() || !require::programs("root", &["setpriv"]) {
        return;
    }
    let mut fim = Fim::new(REALTIME);
    fim.write("a", "one");
    fim.daemon.start_by(WITHOUT);
    fim.daemon.start();
    wait_for("the first scan", || fim.status().filter(|status| status["last_scan"].is_object()).map(drop));
    let messages = fim.daemon.messages();
    for said in ["realtime file monitoring unavailable", "changes are detected by scans only", "tier=tracepoint"] {
        assert!(messages.contains(said), "{said:?} is not said: {messages}");
    }
    let status = String::from_utf8(fim.daemon.hidsctl(&["status", "--verbose"]).stdout).expect("text");
    for tier in ["tracepoint", "fanotify"] {
        assert!(status.contains(&format!("tier: {tier}, available: false")), "{status}");
    }
    assert!(status.contains("tier: scan, available: true"), "{status}");
    fim.write("a", "two");
    fim.write("b", "new");
    fim.answer(&["scan"]);
    wait_for("the alerts", || {
        let mut told = fim.tree_alerts();
        told.sort();
        (told == [(rule::CHANGED[0], "a".to_owned()), (rule::ADDED, "b".to_owned())]).then_some(())
    });
    // What happened while it was down is told at the start, as with events.
    fim.daemon.stop();
    fim.write("a", "three");
    fim.daemon.start();
    wait_for("the alert of what happened meanwhile", || {
        fim.tree_alerts().contains(&(rule::CHANGED[1], "a".to_owned())).then_some(())
    });
}
