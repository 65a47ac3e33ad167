//! Changes of the firewall by other programs.

use std::time::{Duration, Instant};

use hids_tests::wait;

use super::fixture::{Place, Responder, alert};
use super::network::{Ear, FAR, FRIEND, NEAR, run, with_cable};
use hids_userspace::respond::Request;

fn wait_for_repair(responder: &Responder) -> Duration {
    let start = Instant::now();
    wait::until("the repair", Duration::from_secs(5), || responder.report().repairs > 0).expect("repaired");
    start.elapsed()
}

#[test]
fn a_flushed_ruleset_comes_back_with_the_remaining_time() {
    with_cable(|far| {
        let (place, ear) = (Place::new(), Ear::on(NEAR));
        let responder = place.start(100);
        responder.alert(FAR);
        std::thread::sleep(Duration::from_millis(1100));
        run("nft", &["flush", "ruleset"]);
        println!("repaired within {:?}", wait_for_repair(&responder));
        assert!(ear.hears_nothing(far, FAR));
        let report = responder.report();
        assert_eq!((report.restored, report.restored_because.as_deref()), (1, Some("table missing")));
        let text = run("nft", &["list", "set", "inet", "hids", "blocked4"]);
        // A busy machine takes some seconds for the repair; a block that began anew would have 1m39s or more.
        let left = text.split_once("timeout 1m40s expires 1m3").and_then(|(_, rest)| rest.chars().next());
        assert!(left.is_some_and(|second| ('0'..='8').contains(&second)), "{text}");
    });
}

#[test]
fn a_deleted_element_comes_back_and_a_foreign_one_goes() {
    with_cable(|far| {
        let (place, ear) = (Place::new(), Ear::on(NEAR));
        let responder = place.start(100);
        responder.alert(FAR);
        run("nft", &["delete", "element", "inet", "hids", "blocked4", &format!("{{ {FAR} }}")]);
        run("nft", &["add", "element", "inet", "hids", "blocked4", &format!("{{ {FRIEND} }}")]);
        wait_for_repair(&responder);
        assert!(ear.hears(far, FRIEND));
        wait::until("both repairs", Duration::from_secs(5), || ear.hears_nothing(far, FAR)).expect("repaired");
        let report = responder.report();
        assert!(report.restored > 0, "{report:?}");
        assert!(report.restored_because.is_some_and(|reason| reason.contains("removed, added or modified")));
    });
}

#[test]
fn a_rule_that_would_let_packets_pass_is_removed() {
    with_cable(|far| {
        let (place, ear) = (Place::new(), Ear::on(NEAR));
        let responder = place.start(100);
        responder.alert(FAR);
        run("nft", &["insert", "rule", "inet", "hids", "input_guard", "accept"]);
        wait_for_repair(&responder);
        assert!(ear.hears_nothing(far, FAR));
    });
}

#[test]
fn own_changes_and_other_tables_cause_no_repair() {
    with_cable(|_| {
        let place = Place::new();
        let responder = place.start(100);
        for last in 1..200 {
            responder.send(Request::Alert(alert(&format!("203.0.113.{last}"))));
        }
        run("nft", &["add", "table", "inet", "other"]);
        run("nft", &["add", "set", "inet", "other", "blocked4", "{ type ipv4_addr; }"]);
        run("nft", &["delete", "table", "inet", "other"]);
        // Longer than a repair takes after a change of our own table.
        std::thread::sleep(Duration::from_millis(200));
        let report = responder.report();
        assert_eq!((report.repairs, report.blocked, report.active, report.kept_out), (0, 199, 199, 0));
        assert_eq!((report.restored, report.restored_because), (0, None));
    });
}

#[test]
fn a_stop_in_a_storm_of_foreign_changes_does_not_hang() {
    with_cable(|_| {
        let place = Place::new();
        let responder = place.start(100);
        responder.alert(FAR);
        for _ in 0..30 {
            run("nft", &["flush", "set", "inet", "hids", "blocked4"]);
        }
        let (done, stopped) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            drop(responder);
            let _ = done.send(());
        });
        stopped.recv_timeout(Duration::from_secs(10)).expect("stopped");
    });
}
