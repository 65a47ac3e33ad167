//! Whom a response is directed against, and what stands in the record when it is not.

use super::*;

fn refusal(actions: &[Action]) -> (Option<IpAddr>, Refusal) {
    let [Action::Refused(refused)] = actions else { panic!("{actions:?}") };
    (refused.address, refused.refusal)
}

#[test]
fn a_peer_of_the_same_link_is_blocked_without_its_zone() {
    // C60
    let mut planner = planner(vec![drop_response(Some(600)), program(&[Expect::SourceAddress], None)]);
    for (text, address) in [
        ("fe80::ba27:ebff:fec1:df77%eth0", "fe80::ba27:ebff:fec1:df77"),
        ("fe80::2%enp0s31f6.10", "fe80::2"),
        ("fe80::3", "fe80::3"),
        ("FE80::4%wlan0", "fe80::4"),
        ("169.254.7.7", "169.254.7.7"),
    ] {
        let actions = planner.plan(&from(text), seconds(0));
        let [Action::Block(block), Action::Run(call)] = &actions[..] else { panic!("{text}: {actions:?}") };
        assert_eq!((block.address, call.ip.as_str()), (ip(address), address));
    }
}

#[test]
fn own_link_local_addresses_and_those_of_routers_and_name_servers_are_not_blocked() {
    // C60
    let machine = MachineAddresses {
        own: [ip("fe80::a")].into(),
        gateways: [ip("fe80::1")].into(),
        resolvers: [ip("fe80::53")].into(),
    };
    let set = ProtectedSet::new(&[], &[], machine);
    let mut planner = Planner::new(Policy { responses: vec![drop_response(None)], ..Policy::default() }, set);
    for (text, reason) in [
        ("fe80::a%eth0", NeverBlockReason::OwnAddress),
        ("fe80::1%eth0", NeverBlockReason::Gateway),
        ("fe80::1%eth1", NeverBlockReason::Gateway),
        ("fe80::53", NeverBlockReason::Resolver),
        ("169.254.169.254", NeverBlockReason::LinkLocal),
        ("169.254.0.2", NeverBlockReason::LinkLocal),
    ] {
        let (address, refusal) = refusal(&planner.plan(&from(text), seconds(0)));
        assert_eq!(refusal, Refusal::NeverBlock(reason), "{text}");
        assert!(address.is_some());
    }
}

#[test]
fn a_refusal_names_the_address_that_the_text_holds_and_is_called_no_attack() {
    // B9
    let mut planner = planner(vec![drop_response(Some(600))]);
    for text in ["203.0.113.10:4000", "[203.0.113.10]:4000", "203.0.113.10%eth0", "host[203.0.113.10]"] {
        let actions = planner.plan(&from(text), seconds(0));
        assert_eq!(refusal(&actions), (Some(ip("203.0.113.10")), Refusal::NotAnAddress), "{text}");
    }
    let (address, refused) = refusal(&planner.plan(&from("203.0.113.10;id"), seconds(0)));
    assert_eq!((address, refused), (Some(ip("203.0.113.10")), Refusal::UncleanField(ExpectedField::SourceAddress)));
    let (address, refused) = refusal(&planner.plan(&from("$(id)"), seconds(0)));
    assert_eq!((address, refused), (None, Refusal::UncleanField(ExpectedField::SourceAddress)));
}

#[test]
fn a_user_name_that_is_refused_is_shown_with_the_source() {
    // B9
    let mut planner = planner(vec![program(&[Expect::User], None)]);
    let fields: &[(FieldName, &[u8])] = &[(FieldName::SrcIp, b"203.0.113.9"), (FieldName::DstUser, b"$(id)")];
    let (address, refused) = refusal(&planner.plan(&alert(&rule(5712, 10, ""), fields), seconds(0)));
    assert_eq!((address, refused), (Some(ip("203.0.113.9")), Refusal::UncleanField(ExpectedField::User)));
}

#[test]
fn a_rule_that_must_not_respond_says_so() {
    // B9
    let mut planner = planner(vec![drop_response(Some(600))]);
    let facts = Arc::new(RuleFacts { may_respond: false, ..(*rule(5712, 10, "")).clone() });
    let actions = planner.plan(&alert(&facts, &[(FieldName::SrcIp, b"203.0.113.9")]), seconds(0));
    assert_eq!(refusal(&actions), (Some(ip("203.0.113.9")), Refusal::NoResponse));
    let low = Arc::new(RuleFacts { level: Level(3), ..(*facts).clone() });
    assert!(planner.plan(&alert(&low, &[(FieldName::SrcIp, b"203.0.113.9")]), seconds(0)).is_empty());
    assert!(planner.plan(&alert(&facts, &[]), seconds(0)).is_empty());
}
