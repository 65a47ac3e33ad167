//! Refused blocks, and link-local peers.

use hids_core::model::{FieldName, RuleFacts};
use hids_userspace::respond::Request;

use super::fixture::{Place, alert, alert_with, blocking};
use super::network::{FAR6, FRIEND, NEAR, ip, run, with_cable};

#[test]
fn a_peer_of_the_same_link_is_blocked_and_this_machines_own_address_is_not() {
    // C60
    with_cable(|_| {
        let place = Place::new();
        let responder = place.start(600);
        responder.alert("fe80::ba27:ebff:fec1:df77%veth0");
        assert!(responder.block_of("fe80::ba27:ebff:fec1:df77").is_some_and(|view| view.active));
        assert!(run("nft", &["list", "set", "inet", "hids", "blocked6"]).contains("fe80::ba27:ebff:fec1:df77"));
        let text = run("ip", &["-6", "-o", "address", "show", "dev", "veth0", "scope", "link"]);
        let own = text.split_whitespace().find_map(|word| word.strip_suffix("/64")).expect("a link-local address");
        responder.alert(&format!("{own}%veth0"));
        assert!(responder.block_of(own).is_none());
        let why = responder.why(own);
        assert_eq!(why.history.last().map(|event| event.event.as_str()), Some("refused"), "{why:?}");
        assert_eq!(why.never_blocked.as_deref(), Some("address of this host"));
        ip(&["-6", "route", "add", "2001:db8:9::/48", "via", "fe80::99", "dev", "veth0"]);
        responder.alert("fe80::99%veth0");
        hids_tests::wait::until("the router", hids_tests::wait::PATIENCE, || {
            responder.why("fe80::99").never_blocked.is_some()
        })
        .expect("protected");
        assert!(responder.block_of("fe80::99").is_none());
    });
}

#[test]
fn routers_of_any_route_and_broadcast_addresses_are_not_blocked() {
    // L9
    with_cable(|_| {
        ip(&["route", "add", "203.0.113.0/24", "via", FRIEND]);
        ip(&["-6", "route", "add", "2001:db8:9::/48", "via", FAR6]);
        let place = Place::new();
        let responder = place.start(600);
        for (address, reason) in [
            (FRIEND, "gateway of this host"),
            (FAR6, "gateway of this host"),
            ("198.51.100.255", "address of this host"),
            ("198.51.100.0", "address of this host"),
        ] {
            responder.alert(address);
            assert!(responder.block_of(address).is_none(), "{address}");
            assert_eq!(responder.why(address).never_blocked.as_deref(), Some(reason));
        }
    });
}

#[test]
fn why_shows_what_was_refused_and_the_text_that_the_log_has() {
    // B9
    with_cable(|_| {
        let place = Place::new();
        let mut config = blocking(60);
        config.never_block_names.push("198.51.100.9".into());
        let responder = place.start_with(place.options(config));
        responder.alert("203.0.113.10:4000");
        responder.alert(NEAR);
        let facts = RuleFacts { may_respond: false, ..(*alert(FRIEND).rule).clone() };
        let mut forbidden = (*alert_with(&[(FieldName::SrcIp, FRIEND.as_bytes())])).clone();
        forbidden.rule = facts.into();
        responder.send(Request::Alert(forbidden.into()));
        for (address, subject, cause) in [
            ("203.0.113.10", Some("203.0.113.10:4000"), "the source is not an address"),
            (NEAR, None, "address of this host"),
            (FRIEND, None, "the rule does not allow responses (option no_ar, or accuracy 0)"),
        ] {
            let why = responder.why(address);
            let [refused] = &why.history[..] else { panic!("{why:?}") };
            assert_eq!((refused.event.as_str(), refused.cause.as_deref()), ("refused", Some(cause)));
            assert_eq!(refused.subject.as_deref(), subject);
            assert_eq!(refused.lines.len(), 2, "the lines that led to it");
        }
        assert_eq!(responder.report().blocked, 0);
        drop(responder);
        assert_eq!(place.start(60).why("203.0.113.10").history.len(), 1, "it survives a restart");
    });
}
