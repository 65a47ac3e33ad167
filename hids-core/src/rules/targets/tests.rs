//! Who counts, who is pushed out by whom, and what is refused.

use proptest::prelude::*;

use crate::decode::{DecoderSet, EventKind, FieldId, FieldValues};
use crate::diag::{Diagnostic, SourceFile};
use crate::model::{AttackedTarget, Timestamp};
use crate::pattern::{Prefilter, PrefilterBuilder, Seen, Subject};
use crate::rules::event::RuleEvent;
use crate::rules::{ListTables, RuleOptions, RuleSet, RuleState, compile, evaluate, parse};

const RULES: &str = r#"
<rule id="1" level="0" noalert="1"><category>syslog</category><description>root</description></rule>
<rule id="100" level="5"><match>fail</match><group>authentication_failed,</group><description>-</description></rule>
<rule id="200" level="3"><match>login</match><group>authentication_success,</group><description>-</description></rule>
<rule id="101" level="10" timeframe="600" ignore="3600"><if_sid>100</if_sid><target networks="4">account</target><description>-</description></rule>
<rule id="102" level="9"><if_group>authentication_failed</if_group><if_target_of>101</if_target_of><description>-</description></rule>
"#;

const HOUR: i64 = 3600;
const DAY: i64 = 86_400;

struct Bench {
    set: RuleSet,
    state: RuleState,
    prefilter: Prefilter,
}

fn compiled(rules: &str, options: RuleOptions) -> (RuleSet, Prefilter, Vec<Diagnostic>) {
    let text = format!("<group name=\"t,\">{rules}</group>");
    let (defs, mut problems) = parse(&SourceFile::new("rules", text), options.reading());
    let mut prefilter = PrefilterBuilder::default();
    let decoders = DecoderSet::compile(&[], Subject::Bytes, &mut prefilter, &mut Vec::new());
    let set = compile(defs, &decoders, &ListTables::default(), options, &mut prefilter, &mut problems);
    (set, prefilter.build(), problems)
}

fn codes(rule: &str) -> Vec<&'static str> {
    compiled(&format!("{RULES}{rule}"), RuleOptions::default()).2.iter().map(|problem| problem.code).collect()
}

impl Bench {
    fn new() -> Self {
        Self::with(RULES, RuleOptions::default())
    }

    fn with(rules: &str, options: RuleOptions) -> Self {
        let (set, prefilter, problems) = compiled(rules, options);
        assert!(problems.is_empty(), "{}", problems.iter().map(Diagnostic::render).collect::<String>());
        let state = set.new_state();
        Self { set, state, prefilter }
    }

    /// The rule that an event fires, and the target that it names.
    fn event(&mut self, log: &str, source: &str, user: &str, second: i64) -> (u32, Option<AttackedTarget>) {
        let mut fields = FieldValues::default();
        for (field, value) in [(FieldId::SRC_IP, source), (FieldId::DST_USER, user)] {
            fields.set_made(field, value.as_bytes());
        }
        let mut seen = Seen::default();
        self.prefilter.scan(log.as_bytes(), &mut seen);
        let event = RuleEvent {
            full_log: log.as_bytes(),
            log: log.as_bytes(),
            log_offset: 0,
            hostname: b"h",
            program_name: Some(b"sshd"),
            seen: &seen,
            fields: &fields,
            is_common_url: false,
            decoder: None,
            decoder_name: "",
            kind: EventKind::Syslog,
            fts: None,
            location: "test",
            now: Timestamp::from_unix_seconds(second),
        };
        let found = evaluate(&self.set, &event, None, &mut self.state, None, None);
        let rule = found.rule.map_or(0, |rule| self.set.facts_of(rule).id.0);
        (rule, self.state.target().cloned())
    }

    fn fail(&mut self, source: &str, user: &str, second: i64) -> u32 {
        self.event("fail", source, user, second).0
    }

    /// Failures of `count` networks that are far from each other, the first is `from`; the rules that fired.
    fn botnet(&mut self, from: u32, count: u32, user: &str, second: i64) -> Vec<u32> {
        (from..from + count).map(|number| self.fail(&bot(number), user, second)).collect()
    }
}

fn bot(number: u32) -> String {
    std::net::Ipv4Addr::from(0x0b00_0007 + (number << 16)).to_string()
}

#[test]
fn the_last_network_that_is_wanted_fires_and_the_target_is_named_with_its_sources() {
    let mut bench = Bench::new();
    assert_eq!(bench.botnet(0, 3, "Ann", 0), [100; 3]);
    let (rule, target) = bench.event("fail", &bot(3), "ann", 10);
    let target = target.expect("a target");
    assert_eq!((rule, &*target.name, target.networks), (101, &b"ann"[..], 4));
    let text = "Target: account \"ann\": 4 source networks within 600 s: 11.3.0.7 11.2.0.7 11.1.0.7 11.0.0.7";
    assert_eq!(target.to_string(), text);
    assert_eq!(bench.fail(&bot(4), "bob", 11), 100);
}

#[test]
fn tries_long_ago_and_repeated_tries_do_not_count() {
    let mut bench = Bench::new();
    bench.botnet(0, 3, "ann", 0);
    assert_eq!(bench.fail(&bot(3), "ann", 601), 100);
    assert_eq!(bench.botnet(0, 2, "ann", 602), [100; 2]);
    assert!((0..50).all(|second| bench.fail(&bot(0), "ann", 603 + second) == 100));
}

#[test]
fn of_one_wide_network_three_count() {
    let mut bench = Bench::new();
    assert!((0..200).all(|number| bench.fail(&format!("100.64.{number}.7"), "ann", 0) == 100));
    assert!((0..200).all(|number| bench.fail(&format!("2001:db8:{number:x}::7"), "bob", 0) == 100));
    assert_eq!(bench.fail("192.0.2.7", "ann", 0), 101);
    assert_eq!(bench.fail("2001:db9::7", "bob", 0), 101);
}

#[test]
fn after_an_alert_others_decide_until_the_silence_ends() {
    let mut bench = Bench::new();
    assert_eq!(bench.botnet(0, 4, "ann", 0)[3], 101);
    // 102 has a lower level; both say that the target is attacked.
    assert_eq!(bench.fail(&bot(5), "ann", 5), 102);
    assert_eq!(bench.fail(&bot(6), "bob", 5), 100);
    assert_eq!(bench.fail(&bot(5), "ann", 3600), 100);
}

#[test]
fn who_has_logged_in_does_not_count_and_is_not_struck() {
    let mut bench = Bench::new();
    for number in 0..10 {
        assert_eq!(bench.event("login", &bot(number), "ann", 0).0, 200);
    }
    assert_eq!(bench.botnet(0, 10, "ann", DAY), [100; 10]);
    assert_eq!(bench.botnet(20, 4, "ann", DAY)[3], 101);
    assert_eq!(bench.fail(&bot(3), "ann", DAY + 1), 100, "the account is attacked, but not by its user");
    // As another account it counts, and after two weeks.
    assert_eq!(bench.botnet(0, 4, "bob", DAY)[3], 101);
    assert_eq!(bench.botnet(0, 4, "ann", 16 * DAY)[3], 101);
}

#[test]
fn logins_outlive_a_restart_and_counts_do_not() {
    let mut bench = Bench::new();
    bench.event("login", &bot(3), "ann", HOUR);
    assert_eq!(bench.state.changes(), 1, "there is something to save");
    bench.botnet(0, 3, "ann", HOUR);
    let saved = bench.state.save();
    let mut after = Bench::new();
    after.state.restore(&saved);
    assert_eq!(after.state.save(), saved);
    assert_eq!(after.fail(&bot(3), "ann", HOUR), 100);
    assert_eq!(after.botnet(10, 4, "ann", HOUR), [100, 100, 100, 101]);
}

#[test]
fn the_white_list_local_sources_and_names_do_not_count() {
    let net = "11.0.0.0/8".parse().expect("a network");
    let except = "11.3.0.0/16".parse().expect("a network");
    let options = RuleOptions { excepted: vec![(except, false), (net, true)], ..RuleOptions::default() };
    let mut bench = Bench::with(RULES, options);
    assert_eq!(bench.botnet(0, 200, "ann", 0), [100; 200]);
    for source in ["127.0.0.1", "::1", "host.example", "", "127.8.0.1", "0.0.0.0"] {
        assert_eq!(bench.fail(source, "ann", 0), 100);
    }
    assert_eq!(bench.fail("192.0.2.1", "ann", 0), 100);
    assert_eq!(bench.fail("198.51.100.1", "ann", 0), 100);
    assert_eq!(bench.fail("203.0.113.1", "ann", 0), 101, "the excepted one is the first of four");
}

#[test]
fn names_of_one_flooder_push_out_only_one_another() {
    let mut bench = Bench::new();
    bench.botnet(0, 3, "ann", 0);
    bench.fail(&bot(9), "bob", 0);
    for number in 0..50_000 {
        assert_eq!(bench.fail("192.0.2.66", &format!("name{number}"), number / 500), 100);
    }
    assert_eq!(bench.fail(&bot(3), "ann", 100), 101);
    assert_eq!(bench.botnet(10, 3, "bob", 100), [100, 100, 101]);
    assert!(bench.state.losses().forgotten_counts > 40_000);
}

#[test]
fn what_is_usual_for_a_target_is_no_attack_and_four_times_as_much_is() {
    let mut bench = Bench::new();
    // Six networks in each ten minutes, for two days: told once, at first.
    let mut fired = 0;
    for number in 0..2 * 24 * 36 {
        fired += u32::from(bench.fail(&bot(number % 5000), "root", i64::from(number) * 100) == 101);
    }
    assert_eq!(fired, 1);
    let now = 2 * DAY + 10;
    let burst = bench.botnet(10_000, 40, "root", now);
    assert_eq!(burst.iter().filter(|rule| **rule == 101).count(), 1);
    assert!(burst[..15].iter().all(|rule| *rule == 100), "{burst:?}");
}

#[test]
fn accounts_of_one_source_are_counted_whatever_its_network() {
    let rule = r#"<rule id="103" level="10" timeframe="600"><if_sid>100</if_sid><different_accounts>4</different_accounts><description>-</description></rule>"#;
    let mut bench = Bench::with(&format!("{RULES}{rule}"), RuleOptions::default());
    let tries = |bench: &mut Bench, source: &str, names: std::ops::Range<u32>| -> Vec<u32> {
        names.map(|name| bench.fail(source, &format!("n{name}"), 0)).collect()
    };
    assert_eq!(tries(&mut bench, "192.0.2.1", 0..3), [100; 3]);
    assert_eq!(tries(&mut bench, "192.0.2.2", 3..6), [100; 3], "a neighbour is somebody else");
    assert_eq!(tries(&mut bench, "192.0.2.1", 0..3), [100; 3], "the same names again");
    assert_eq!(tries(&mut bench, "192.0.2.1", 9..11), [103; 2]);
    bench.event("login", "203.0.113.8", "ann", 0);
    assert_eq!(tries(&mut bench, "203.0.113.9", 10..30), [100; 20], "somebody of its network has logged in");
}

#[test]
fn misuse_is_reported() {
    let rule = |attributes: &str, body: &str| {
        format!(r#"<rule id="110" level="9" {attributes}>{body}<description>-</description></rule>"#)
    };
    let fine = r#"<if_sid>100</if_sid><target networks="9">service</target>"#;
    assert_eq!(codes(&rule("timeframe=\"60\"", fine)), [""; 0]);
    assert_eq!(codes(&rule("", r#"<if_sid>100</if_sid><target networks="9">acount</target>"#)), ["R070"]);
    assert_eq!(codes(&rule("", "<if_sid>100</if_sid><target>account</target>")), ["R071"]);
    for networks in ["", "1", "257", "many", "-3"] {
        let body = format!(r#"<if_sid>100</if_sid><target networks="{networks}">path</target>"#);
        assert_eq!(codes(&rule("", &body)), ["R071"], "{networks}");
    }
    assert_eq!(codes(&rule("", "<if_sid>100</if_sid><different_accounts>x</different_accounts>")), ["R071"]);
    assert_eq!(codes(&rule("frequency=\"3\"", fine))[0], "R072");
    assert_eq!(codes(&rule("", &format!("{fine}<if_target_of>101</if_target_of>"))), ["R072"]);
    assert_eq!(codes(&rule("", r#"<target networks="9">account</target>"#)), ["R072"]);
    assert_eq!(codes(&rule("", "<if_sid>100</if_sid><if_target_of>100</if_target_of>")), ["R073"]);
}

#[test]
fn the_strict_mode_loads_such_rules_and_never_fires_them() {
    let options = RuleOptions { strict_ossec: true, ..RuleOptions::default() };
    let mut bench = Bench::with(RULES, options);
    assert_eq!(bench.botnet(0, 20, "ann", 0), [100; 20]);
}

#[test]
fn an_overwriting_rule_without_a_target_keeps_it() {
    let again = r#"<rule id="101" level="8" timeframe="600" overwrite="yes"><if_sid>100</if_sid><description>-</description></rule>"#;
    let mut bench = Bench::with(&format!("{RULES}{again}"), RuleOptions::default());
    assert_eq!(bench.botnet(0, 3, "ann", 0), [100; 3]);
}

proptest! {
    #[test]
    fn whatever_comes_is_bounded_and_never_panics(
        tries in prop::collection::vec((any::<u32>(), 0..6000_u32, any::<bool>(), -400_000..400_000_i64), 0..300)
    ) {
        let mut bench = Bench::new();
        for (source, user, is_login, second) in tries {
            let source = std::net::Ipv4Addr::from(source).to_string();
            bench.event(if is_login { "login" } else { "fail" }, &source, &user.to_string(), second);
        }
        let saved = bench.state.save();
        let mut after = Bench::new();
        after.state.restore(&saved);
        prop_assert_eq!(after.state.save(), saved);
    }
}
