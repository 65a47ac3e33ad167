//! Which packets arrive while an address is blocked.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use hids_userspace::respond::Request;

use super::fixture::{Place, alert, blocking, white_list};
use super::network::{Ear, FAR, FAR6, FRIEND, NEAR, NEAR6, ip, run, with_cable};

#[test]
fn packets_of_a_blocked_address_are_dropped_until_its_time_is_up() {
    with_cable(|far| {
        let (place, ear) = (Place::new(), Ear::on(NEAR));
        let responder = place.start(2);
        assert!(ear.hears(far, FAR));
        responder.alert(FAR);
        assert!(ear.hears_nothing(far, FAR), "a packet came through");
        assert!(ear.hears(far, FRIEND), "another address is blocked too");
        responder.wait_until_unblocked(FAR);
        assert!(ear.hears(far, FAR), "the block did not end");
    });
}

#[test]
fn ipv6_packets_are_dropped_too() {
    with_cable(|far| {
        let (place, ear) = (Place::new(), Ear::on(NEAR6));
        let responder = place.start(60);
        assert!(ear.hears(far, FAR6));
        responder.alert(FAR6);
        assert!(ear.hears_nothing(far, FAR6));
    });
}

#[test]
fn an_established_connection_dies() {
    with_cable(|far| {
        let place = Place::new();
        let responder = place.start(60);
        let listener = TcpListener::bind((NEAR, 0)).expect("a listener");
        let (mut theirs, mut ours) = far.connect(&listener);
        ours.set_read_timeout(Some(Duration::from_millis(500))).expect("a time-out");
        let mut byte = [0];
        theirs.write_all(b"1").expect("sent");
        ours.read_exact(&mut byte).expect("the connection works");
        let source = ours.peer_addr().expect("a peer").ip().to_string();
        responder.alert(&source);
        theirs.write_all(b"2").expect("queued");
        let error = ours.read_exact(&mut byte).expect_err("a byte came through");
        assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
    });
}

#[test]
fn a_mapped_address_blocks_the_ipv4_packets() {
    with_cable(|far| {
        let (place, ear) = (Place::new(), Ear::on(NEAR));
        let responder = place.start(60);
        responder.alert(&format!("::ffff:{FAR}"));
        assert!(ear.hears_nothing(far, FAR));
    });
}

#[test]
fn white_listed_own_and_gateway_addresses_are_never_blocked_whatever_their_spelling() {
    with_cable(|far| {
        ip(&["route", "add", "default", "via", FAR]);
        let (place, ear) = (Place::new(), Ear::on(NEAR));
        let responder = place.start_with(place.options(white_list(blocking(60), "198.51.100.64/28")));
        for source in [FRIEND, FAR, NEAR, NEAR6, "127.0.0.1", "::1"] {
            responder.alert(source);
            responder.alert(&format!("::ffff:{source}"));
        }
        responder.alert("64:ff9b::198.51.100.77");
        assert!(ear.hears(far, FRIEND) && ear.hears(far, FAR));
        assert!(responder.list().is_empty());
        let why = responder.why(FRIEND);
        assert!(why.never_blocked.is_some_and(|text| text.contains("white_list")));
        assert_eq!(why.history[0].event, "refused");
        assert!(responder.why(NEAR).never_blocked.is_some_and(|text| text.contains("address of this host")));
    });
}

#[test]
fn a_gateway_is_protected_without_a_white_list() {
    with_cable(|far| {
        ip(&["route", "add", "default", "via", FAR]);
        let (place, ear) = (Place::new(), Ear::on(NEAR));
        let responder = place.start(60);
        responder.alert(FAR);
        assert!(ear.hears(far, FAR));
        responder.alert(FRIEND);
        assert!(ear.hears_nothing(far, FRIEND));
    });
}

#[test]
fn a_name_server_is_protected_and_a_new_one_is_noticed() {
    with_cable(|far| {
        let (place, ear) = (Place::new(), Ear::on(NEAR));
        let resolvers = place.path().join("resolv.conf");
        std::fs::write(&resolvers, format!("nameserver {FAR}\n")).expect("written");
        let mut options = place.options(blocking(60));
        options.resolver_files = Some(vec![resolvers.clone()]);
        let responder = place.start_with(options);
        responder.alert(FAR);
        responder.alert(FRIEND);
        assert!(ear.hears(far, FAR) && ear.hears_nothing(far, FRIEND));
        std::fs::write(&resolvers, format!("nameserver {FAR}\nnameserver {FRIEND}\n")).expect("written");
        // The files are looked at when something is blocked, at most once a second.
        std::thread::sleep(Duration::from_millis(1100));
        responder.alert("203.0.113.1");
        assert!(ear.hears(far, FRIEND));
    });
}

#[test]
fn an_address_that_becomes_a_gateway_or_is_white_listed_is_unblocked_at_once() {
    with_cable(|far| {
        let (place, ear) = (Place::new(), Ear::on(NEAR));
        let responder = place.start(60);
        responder.alert(FAR);
        responder.alert(FRIEND);
        assert!(ear.hears_nothing(far, FAR) && ear.hears_nothing(far, FRIEND));
        ip(&["route", "add", "default", "via", FAR]);
        responder.wait_until_unblocked(FAR);
        assert!(ear.hears(far, FAR));
        let config = Box::new(white_list(blocking(60), FRIEND_NET));
        responder.ask(|reply| Request::Reload(config, reply));
        assert!(ear.hears(far, FRIEND));
    });
}

const FRIEND_NET: &str = "198.51.100.77/32";

#[test]
fn blocks_by_hand_come_and_go() {
    with_cable(|far| {
        let (place, ear) = (Place::new(), Ear::on(NEAR));
        let responder = place.start(60);
        let address = FAR.parse().expect("an address");
        let added = responder.ask(|reply| Request::Add { address, duration: None, reason: "noisy".into(), reply });
        assert!(added.is_ok_and(|view| view.block.active && view.block.remaining_seconds.is_none()));
        assert!(ear.hears_nothing(far, FAR));
        assert!(responder.ask(|reply| Request::Remove { address, reply }));
        assert!(ear.hears(far, FAR));
        let own = NEAR.parse().expect("an address");
        let refused =
            responder.ask(|reply| Request::Add { address: own, duration: None, reason: String::new(), reply });
        assert!(refused.is_err());
        responder.alert(FAR);
        responder.alert(FRIEND);
        assert_eq!(responder.ask(|reply| Request::Flush { reply }), 2);
        assert!(ear.hears(far, FAR) && ear.hears(far, FRIEND));
    });
}

#[test]
fn dropped_packets_are_counted_per_address() {
    with_cable(|far| {
        let (place, ear) = (Place::new(), Ear::on(NEAR));
        let responder = place.start(60);
        responder.alert(FAR);
        assert!(ear.hears_nothing(far, FAR) && ear.hears_nothing(far, FAR));
        assert_eq!(responder.block_of(FAR).and_then(|view| view.packets), Some(2));
    });
}

#[test]
fn the_set_shows_remaining_time_and_rule() {
    with_cable(|_| {
        let place = Place::new();
        let responder = place.start(1200);
        responder.alert(FAR);
        let text = run("nft", &["list", "set", "inet", "hids", "blocked4"]);
        let element = text.lines().find(|line| line.contains(FAR)).expect("the address");
        assert!(element.contains("timeout 20m expires 19m5"), "{element}");
        assert!(element.contains("comment \"rule 5712 alert 1795558167.15\""), "{element}");
    });
}

#[test]
fn packets_are_dropped_before_the_kernel_keeps_track_of_their_connection() {
    with_cable(|_| {
        let place = Place::new();
        let _responder = place.start(60);
        let text = run("nft", &["list", "chain", "inet", "hids", "input_guard"]);
        assert!(text.contains("type filter hook prerouting priority raw; policy accept;"), "{text}");
        assert!(text.contains("ip saddr @blocked4 counter") && text.contains("ip6 saddr @blocked6 counter"), "{text}");
    });
}

#[test]
fn a_dry_run_records_and_touches_nothing() {
    with_cable(|far| {
        let (place, ear) = (Place::new(), Ear::on(NEAR));
        let mut options = place.options(blocking(60));
        options.mode = hids_userspace::respond::Mode::DryRun;
        let responder = place.start_with(options);
        responder.send(Request::Alert(alert(FAR)));
        assert!(responder.block_of(FAR).is_some_and(|view| !view.active));
        assert!(ear.hears(far, FAR));
        assert_eq!(run("nft", &["list", "ruleset"]), "");
        assert!(
            place
                .read("active-responses.log")
                .contains(" dry-run:/var/ossec/active-response/bin/firewall-drop.sh add - ")
        );
        assert!(!place.path().join("respond").exists());
    });
}
