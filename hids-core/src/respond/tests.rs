//! The planner's promises, on plain values.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::model::{
    Alert, AlertId, Channel, Doubt, Field, FieldName, Fields, Level, LogSource, RuleFacts, RuleId, Timestamp,
    UntrustedSender,
};
use crate::pattern::Pattern;

mod when_full;
mod when_set;
mod who;

fn seconds(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(1_800_000_000 + seconds)
}

/// Both clocks: the wall's second, and the second since boot.
fn clock(wall: i64, since_boot: u64) -> Clock {
    Clock { wall: seconds(wall), since_boot: Duration::from_secs(since_boot) }
}

fn rule(id: u32, level: u16, group: &str) -> Arc<RuleFacts> {
    Arc::new(RuleFacts {
        id: RuleId(id),
        level: Level(level),
        description: "guessed passwords".into(),
        group: group.into(),
        cve: None,
        info: None,
        mitre: Vec::new(),
        frequency: None,
        may_respond: true,
    })
}

fn alert(rule: &Arc<RuleFacts>, fields: &[(FieldName, &[u8])]) -> Alert {
    let fields = fields.iter().map(|(name, value)| Field { name: name.clone(), value: value.to_vec() }).collect();
    Alert {
        id: AlertId { epoch_seconds: 1_800_000_000, sequence: 7 },
        time: seconds(0),
        rule: Arc::clone(rule),
        fired_times: 1,
        chain: Arc::new([]),
        recorded: true,
        mailed: false,
        decoder: None,
        fields: Fields(fields),
        hostname: b"host".to_vec(),
        program_name: None,
        source: Arc::new(LogSource { location: "/var/log/auth.log".into(), channel: Channel::Log }),
        full_log: b"line".to_vec(),
        log_offset: 0,
        evidence: Vec::new(),
        target: None,
        previous_output: None,
        notice: None,
        untrusted: None,
    }
}

fn from(address: &str) -> Alert {
    alert(&rule(5712, 10, "syslog,sshd,"), &[(FieldName::SrcIp, address.as_bytes())])
}

fn drop_response(timeout: Option<u64>) -> Response {
    Response {
        name: "firewall-drop".into(),
        kind: ResponseKind::Block,
        executable: "/ar/firewall-drop.sh".into(),
        expects: vec![Expect::SourceAddress],
        level: Some(Level(6)),
        rules: Vec::new(),
        group: None,
        timeout: timeout.map(Duration::from_secs),
    }
}

fn program(expects: &[Expect], timeout: Option<u64>) -> Response {
    Response { kind: ResponseKind::Program("/ar/tell.sh".into()), expects: expects.to_vec(), ..drop_response(timeout) }
}

fn planner(responses: Vec<Response>) -> Planner {
    Planner::new(Policy { responses, repeated_offenders: Vec::new() }, ProtectedSet::default())
}

fn white_listed(entries: &[(&str, NeverBlock)]) -> ProtectedSet {
    let nets: Vec<_> = entries.iter().map(|(net, listed)| (net.parse().expect("a network"), *listed)).collect();
    ProtectedSet::new(&nets, &[], MachineAddresses::default())
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

#[test]
fn an_alert_of_the_level_blocks_its_source_until_the_timeout() {
    let mut planner = planner(vec![drop_response(Some(600))]);
    let actions = planner.plan(&from("203.0.113.9"), seconds(0));
    let [Action::Block(block)] = &actions[..] else { panic!("{actions:?}") };
    assert_eq!((block.address, block.expires, block.offence), (ip("203.0.113.9"), Some(seconds(600)), 1));
    assert_eq!(planner.next_due(), Some(seconds(600)));
    assert!(planner.expire(seconds(599)).is_empty());
    assert!(matches!(&planner.expire(seconds(600))[..], [Action::Unblock { cause: EndCause::Expired, .. }]));
    assert!(planner.blocks().is_empty());
}

#[test]
fn level_number_and_group_are_alternatives_and_none_is_never() {
    let unbound = Response { level: None, ..drop_response(None) };
    let by_rule = Response { rules: vec![RuleId(5712)], ..unbound.clone() };
    let by_group = Response { group: Some(Arc::new(Pattern::os_regex("sshd").expect("a pattern"))), ..unbound.clone() };
    let too_high = Response { level: Some(Level(11)), ..unbound.clone() };
    let facts = rule(5712, 10, "syslog,sshd,");
    assert_eq!(
        [&by_rule, &by_group, &too_high, &unbound].map(|response| response.is_bound_to(&facts)),
        [true, true, false, false]
    );
    let both = Response { level: Some(Level(11)), ..by_rule };
    assert!(both.is_bound_to(&facts));
}

#[test]
fn rules_of_level_nought_and_rules_without_responses_never_respond() {
    let mut by_rule = drop_response(None);
    by_rule.rules = vec![RuleId(1)];
    by_rule.level = Some(Level(0));
    assert!(!by_rule.is_bound_to(&rule(1, 0, "")));
    let facts = RuleFacts { may_respond: false, ..(*rule(1, 10, "")).clone() };
    assert!(!by_rule.is_bound_to(&facts));
}

#[test]
fn another_alert_extends_a_block_and_never_shortens_it() {
    let mut planner = planner(vec![drop_response(Some(600))]);
    planner.plan(&from("203.0.113.9"), seconds(0));
    let actions = planner.plan(&from("203.0.113.9"), seconds(100));
    assert!(
        matches!(&actions[..], [Action::Block(block)] if block.expires == Some(seconds(700)) && block.since == seconds(0))
    );
    planner.set_policy(Policy { responses: vec![drop_response(Some(10))], repeated_offenders: Vec::new() });
    assert!(planner.plan(&from("203.0.113.9"), seconds(101)).is_empty());
    assert_eq!(planner.blocks()[&ip("203.0.113.9")].expires, Some(seconds(700)));
}

#[test]
fn lines_that_were_on_their_way_change_nothing() {
    let mut planner = planner(vec![drop_response(Some(600))]);
    planner.plan(&from("203.0.113.9"), seconds(0));
    let soon = seconds(0).plus(Duration::from_millis(5));
    assert!(planner.plan(&from("203.0.113.9"), soon).is_empty());
}

#[test]
fn repeated_offenders_are_blocked_longer_each_time_and_only_a_new_block_counts() {
    let steps = [30 * 60, 60 * 60].map(Duration::from_secs).to_vec();
    let policy = Policy { responses: vec![drop_response(Some(600))], repeated_offenders: steps };
    let mut planner = Planner::new(policy, ProtectedSet::default());
    let mut at = 0;
    for expected in [600, 1800, 3600, 3600] {
        planner.plan(&from("203.0.113.9"), seconds(at));
        planner.plan(&from("203.0.113.9"), seconds(at).plus(Duration::from_millis(1)));
        assert_eq!(planner.blocks()[&ip("203.0.113.9")].expires, Some(seconds(at + expected)));
        at += expected;
        planner.expire(seconds(at));
    }
}

#[test]
fn two_native_responses_to_one_alert_are_one_offence() {
    let mut planner =
        planner(vec![drop_response(Some(600)), Response { name: "host-deny".into(), ..drop_response(Some(900)) }]);
    planner.plan(&from("203.0.113.9"), seconds(0));
    let block = &planner.blocks()[&ip("203.0.113.9")];
    assert_eq!((block.offence, block.expires), (1, Some(seconds(900))));
}

#[test]
fn offences_and_blocks_survive_a_restart() {
    let policy =
        || Policy { responses: vec![drop_response(Some(600))], repeated_offenders: vec![Duration::from_secs(1800)] };
    let mut before = Planner::new(policy(), ProtectedSet::default());
    before.plan(&from("203.0.113.9"), seconds(0));
    let restored = Restored {
        blocks: before.blocks().values().cloned().collect(),
        holds: Vec::new(),
        offences: before.offences().iter().map(|(key, offence)| (key.clone(), *offence)).collect(),
        clock: None,
    };
    let mut after = Planner::new(policy(), ProtectedSet::default());
    assert!(after.restore(restored.clone(), clock(100, 100)).is_empty());
    assert_eq!(after.blocks(), before.blocks());
    let mut much_later = Planner::new(policy(), ProtectedSet::default());
    assert!(matches!(
        &much_later.restore(restored, clock(601, 601))[..],
        [Action::Unblock { cause: EndCause::Expired, .. }]
    ));
    much_later.plan(&from("203.0.113.9"), seconds(700));
    assert_eq!(much_later.blocks()[&ip("203.0.113.9")].expires, Some(seconds(2500)));
}

#[test]
fn an_address_that_becomes_protected_is_unblocked_at_once() {
    let mut planner = planner(vec![drop_response(None)]);
    planner.plan(&from("203.0.113.9"), seconds(0));
    planner.plan(&from("203.0.113.10"), seconds(0));
    let actions = planner.set_protected(white_listed(&[("203.0.113.9/32", NeverBlock::Protect)]));
    let why = EndCause::Protected(NeverBlockReason::WhiteList);
    assert!(
        matches!(&actions[..], [Action::Unblock { block, cause }] if block.address == ip("203.0.113.9") && *cause == why)
    );
    assert_eq!(planner.blocks().len(), 1);
}

#[test]
fn the_first_white_list_entry_that_matches_decides_and_a_last_exception_lists_the_rest() {
    let set = white_listed(&[("10.0.0.5/32", NeverBlock::Except), ("10.0.0.0/8", NeverBlock::Protect)]);
    assert_eq!(set.protects(ip("10.0.0.5")), None);
    assert_eq!(set.protects(ip("10.0.0.6")), Some(NeverBlockReason::WhiteList));
    assert_eq!(set.protects(ip("203.0.113.9")), None);
    let inverted = white_listed(&[("203.0.113.0/24", NeverBlock::Except)]);
    assert_eq!(inverted.protects(ip("203.0.113.9")), None);
    assert_eq!(inverted.protects(ip("192.0.2.1")), Some(NeverBlockReason::WhiteList));
}

#[test]
fn no_spelling_smuggles_a_protected_ipv4_address() {
    let set = white_listed(&[("192.0.2.1/32", NeverBlock::Protect)]);
    let mut planner = Planner::new(Policy { responses: vec![drop_response(None)], ..Policy::default() }, set);
    for spelling in [
        "192.0.2.1",
        "::ffff:192.0.2.1",
        "::ffff:c000:201",
        "::FFFF:192.0.2.1",
        "0:0:0:0:0:ffff:c000:0201",
        "::192.0.2.1",
        "64:ff9b::192.0.2.1",
        "64:ff9b:1::192.0.2.1",
        "2002:c000:201::1",
        "2001:0:1234::3fff:fdfe",
        "::ffff:0:192.0.2.1",
        "::ffff:::ffff:192.0.2.1",
        "127.0.0.1",
        "::1",
        "::ffff:127.0.0.1",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "ff02::1",
        "255.255.255.255",
        "169.254.169.254",
        "169.254.0.2",
        "169.254.169.254%eth0",
        "127.1",
        "2130706433",
        "0x7f.1",
        "192.0.2.1/24",
        "192.0.2.1 ",
        "",
    ] {
        let actions = planner.plan(&from(spelling), seconds(0));
        assert!(!actions.iter().any(|action| matches!(action, Action::Block(_))), "{spelling}: {actions:?}");
    }
    assert!(planner.blocks().is_empty());
}

#[test]
fn a_mapped_address_is_blocked_as_ipv4() {
    let mut planner = planner(vec![drop_response(None)]);
    planner.plan(&from("::ffff:203.0.113.9"), seconds(0));
    assert!(planner.blocks().contains_key(&ip("203.0.113.9")));
}

#[test]
fn a_program_gets_ossecs_arguments_and_is_undone_once() {
    let mut planner = planner(vec![program(&[Expect::SourceAddress, Expect::User], Some(60))]);
    let fields: &[(FieldName, &[u8])] = &[(FieldName::SrcIp, b"::ffff:203.0.113.9"), (FieldName::DstUser, b"root")];
    let alert = alert(&rule(5712, 10, ""), fields);
    let actions = planner.plan(&alert, seconds(0));
    let [Action::Run(call)] = &actions[..] else { panic!("{actions:?}") };
    let expected: [&[u8]; 7] = [b"add", b"root", b"203.0.113.9", b"1800000000.7", b"5712", b"/var/log/auth.log", b"-"];
    assert_eq!(call.arguments(), expected.map(<[u8]>::to_vec));
    assert!(matches!(&planner.plan(&alert, seconds(30))[..], [Action::Prolong(hold)] if hold.due == seconds(90)));
    assert!(planner.expire(seconds(60)).is_empty());
    let ended = planner.expire(seconds(90));
    assert!(
        matches!(&ended[..], [Action::Run(call)] if call.verb == Verb::Delete && call.ip == "203.0.113.9"),
        "{ended:?}"
    );
    assert_eq!(planner.next_due(), None);
}

#[test]
fn a_second_user_without_address_is_acted_upon_too() {
    let mut planner = planner(vec![program(&[Expect::User], Some(60))]);
    let facts = rule(5712, 10, "");
    for user in [&b"alice"[..], b"bob"] {
        let actions = planner.plan(&alert(&facts, &[(FieldName::SrcUser, user)]), seconds(0));
        assert!(matches!(&actions[..], [Action::Run(_)]), "{actions:?}");
    }
}

#[test]
fn a_missing_field_is_passed_over_and_an_unclean_one_is_refused() {
    let mut planner = planner(vec![program(&[Expect::SourceAddress, Expect::User], None)]);
    let facts = rule(5712, 10, "");
    assert!(planner.plan(&alert(&facts, &[(FieldName::SrcIp, b"203.0.113.9")]), seconds(0)).is_empty());
    for user in [&b"ro;ot"[..], b"$(id)", b"-rf", b"a b", b"a\nb", &[0xff], &[b'a'; 300]] {
        let fields: &[(FieldName, &[u8])] = &[(FieldName::SrcIp, b"203.0.113.9"), (FieldName::DstUser, user)];
        let actions = planner.plan(&alert(&facts, fields), seconds(0));
        assert!(
            matches!(&actions[..], [Action::Refused(Refused { refusal: Refusal::UncleanField(_), .. })]),
            "{actions:?}"
        );
    }
}

#[test]
fn a_program_gets_a_host_name_but_no_text_that_the_c_library_reads_as_an_address() {
    let mut planner = planner(vec![program(&[Expect::SourceAddress], None)]);
    let runs = |actions: Vec<Action>| matches!(&actions[..], [Action::Run(_)]);
    assert!(runs(planner.plan(&from("attacker.example.org"), seconds(0))));
    for text in
        ["127.1", "2130706433", "0x7f000001", "0x7f.0.0.0x1", "0177.0.0.1", "1.2.3", "::1::", "fe80:", "127.0.0.1."]
    {
        assert!(!runs(planner.plan(&from(text), seconds(0))), "{text}");
    }
}

#[test]
fn white_listed_names_are_compared_as_ossec_does() {
    let set = ProtectedSet::new(&[], &["gateway.example.org".into()], MachineAddresses::default());
    let mut planner =
        Planner::new(Policy { responses: vec![program(&[Expect::SourceAddress], None)], ..Policy::default() }, set);
    assert!(matches!(&planner.plan(&from("gateway"), seconds(0))[..], [Action::Refused(_)]));
    assert!(matches!(&planner.plan(&from("gateway.example.com"), seconds(0))[..], [Action::Run(_)]));
}

fn any_address() -> impl Strategy<Value = IpAddr> {
    let near = prop_oneof![Just(0u32), any::<u32>(), 0x0a00_0000u32..0x0a00_0008, Just(0x7f00_0001), Just(0xffff_ffff)];
    let v4 = near.prop_map(Ipv4Addr::from);
    let embedded = (v4.clone(), 0..6u8).prop_map(|(v4, form)| {
        let bits = u128::from(u32::from(v4));
        IpAddr::V6(Ipv6Addr::from(match form {
            0 => (0xffff << 32) | bits,
            1 => bits,
            2 => (0x0064_ff9b_u128 << 96) | bits,
            3 => (0x2002_u128 << 112) | (bits << 80) | 1,
            4 => (0x2001_0000_u128 << 96) | (!bits & 0xffff_ffff),
            _ => (0xffff << 48) | bits,
        }))
    });
    prop_oneof![v4.prop_map(IpAddr::V4), embedded, any::<u128>().prop_map(|bits| IpAddr::V6(Ipv6Addr::from(bits)))]
}

fn any_source() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any_address().prop_map(|address| address.to_string().into_bytes()),
        any_address().prop_map(|address| format!("::ffff:{address}").into_bytes()),
        proptest::collection::vec(any::<u8>(), 0..40),
        "[0-9a-fx:.]{1,24}".prop_map(String::into_bytes),
    ]
}

fn any_protected() -> impl Strategy<Value = ProtectedSet> {
    let addresses = || proptest::collection::btree_set(any_address(), 0..4);
    let net = (any_address(), 0..=128u8, any::<bool>()).prop_map(|(address, prefix, protect)| {
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let net = ipnet::IpNet::new(address, prefix.min(longest)).expect("a prefix in range");
        (net, if protect { NeverBlock::Protect } else { NeverBlock::Except })
    });
    (addresses(), addresses(), addresses(), proptest::collection::vec(net, 0..4)).prop_map(
        |(own, gateways, resolvers, nets)| ProtectedSet::new(&nets, &[], MachineAddresses { own, gateways, resolvers }),
    )
}

proptest! {
    #[test]
    fn no_protected_address_is_ever_wanted(
        steps in proptest::collection::vec((any_source(), any_protected(), 0..4u8), 1..12),
        by_hand in any_address(),
    ) {
        let responses = vec![drop_response(Some(600)), program(&[Expect::SourceAddress], Some(60))];
        let mut planner = planner(responses);
        let facts = rule(5712, 10, "");
        for (second, (source, protected, step)) in steps.into_iter().enumerate() {
            if step == 0 {
                planner.set_protected(protected);
            }
            let _ = planner.block_by_hand(by_hand, None, "test", seconds(second as i64));
            let actions = planner.plan(&alert(&facts, &[(FieldName::SrcIp, &source)]), seconds(second as i64));
            for action in &actions {
                if let Action::Run(call) = action && let Ok(address) = call.ip.parse() {
                    prop_assert_eq!(planner.protected().protects(address), None);
                }
            }
            for address in planner.blocks().keys() {
                prop_assert_eq!(planner.protected().protects(*address), None);
                prop_assert_eq!(canonical(*address), *address);
            }
        }
    }

    #[test]
    fn what_stands_for_a_protected_ipv4_address_is_protected(bits in any::<u32>()) {
        let v4 = Ipv4Addr::from(bits);
        let set = ProtectedSet::new(&[], &[], MachineAddresses { own: [IpAddr::V4(v4)].into(), ..MachineAddresses::default() });
        let bits = u128::from(bits);
        for form in [(0xffff << 32) | bits, bits, (0x0064_ff9b_u128 << 96) | bits, (0x2002_u128 << 112) | (bits << 80)] {
            prop_assert!(set.protects(Ipv6Addr::from(form).into()).is_some());
        }
    }

    #[test]
    fn next_due_is_when_something_ends(sources in proptest::collection::vec((any_source(), 0..1000i64), 0..20)) {
        let mut planner = planner(vec![drop_response(Some(600))]);
        let facts = rule(5712, 10, "");
        let mut at: Vec<_> = sources;
        at.sort_by_key(|(_, second)| *second);
        for (source, second) in at {
            planner.plan(&alert(&facts, &[(FieldName::SrcIp, &source)]), seconds(second));
        }
        while let Some(due) = planner.next_due() {
            prop_assert!(!planner.expire(due).is_empty());
        }
        prop_assert!(planner.blocks().is_empty());
    }
}

// H5
#[test]
fn nothing_is_done_because_of_a_line_that_anybody_can_have_written() {
    let forged = |alert: Alert| {
        let sender = UntrustedSender { doubt: Doubt::OtherUser, uid: Some(33), executable: None, unit: None };
        Alert { untrusted: Some(Arc::new(sender)), ..alert }
    };
    let mut planner = planner(vec![drop_response(Some(600)), program(&[Expect::SourceAddress], Some(600))]);
    let actions = planner.plan(&forged(from("203.0.113.9")), seconds(0));
    for action in &actions {
        let Action::Refused(refused) = action else { panic!("{actions:?}") };
        assert_eq!(refused.refusal, Refusal::UntrustedSender(Doubt::OtherUser));
        assert_eq!(refused.address, Some(ip("203.0.113.9")));
    }
    assert_eq!((actions.len(), planner.blocks().len(), planner.offences().len()), (2, 0, 0));
    // The same of a confirmed sender.
    assert_eq!(planner.plan(&from("203.0.113.9"), seconds(1)).len(), 2);
    assert_eq!(planner.blocks().len(), 1);
    // Nor does a forged line make a block last longer, or a program that locks users out run.
    let before = planner.blocks().clone();
    planner.plan(&forged(from("203.0.113.9")), seconds(300));
    assert_eq!(*planner.blocks(), before);
    let mut planner = self::planner(vec![program(&[Expect::User], None)]);
    let of_user = alert(&rule(5712, 10, "syslog,"), &[(FieldName::DstUser, b"alice")]);
    let [Action::Refused(refused)] = &planner.plan(&forged(of_user), seconds(0))[..] else { panic!("not refused") };
    assert_eq!(refused.subject, "alice");
}
