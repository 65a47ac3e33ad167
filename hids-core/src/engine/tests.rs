//! Whole engines on small rule sets; OSSEC's own answers are compared in `tests/compat`.

mod file_integrity;
mod overwrite;
mod untrusted;

use std::sync::Arc;

use super::*;
use crate::model::{AlertId, Channel, FieldName, LogSource};

const ROOTS: &str = r#"<group name="syslog,"><rule id="1" level="0" noalert="1"><category>syslog</category><description>root</description></rule></group>"#;
const DECODERS: &str = r#"<decoder name="none"><prematch>^zzz</prematch></decoder>
<decoder name="demo"><program_name>^demo</program_name></decoder>
<decoder name="demo-f"><parent>demo</parent><prematch>^fail</prematch><regex offset="after_prematch"> (\S+)</regex><order>srcip</order></decoder>"#;

fn compile(rules: &str, options: EngineOptions) -> (Option<Engine>, Vec<Diagnostic>) {
    let sources = RulesetSources {
        decoders: vec![SourceFile::new("decoder.xml", DECODERS)],
        rules: vec![SourceFile::new("roots.xml", ROOTS), SourceFile::new("local_rules.xml", rules)],
        lists: Vec::new(),
    };
    Engine::compile(&sources, options)
}

fn engine(rules: &str, strict_ossec: bool) -> Engine {
    let (engine, diagnostics) = compile(rules, EngineOptions { strict_ossec, ..EngineOptions::default() });
    engine.unwrap_or_else(|| panic!("{diagnostics:?}"))
}

fn source() -> Arc<LogSource> {
    Arc::new(LogSource { location: "/var/log/auth.log".into(), channel: Channel::Log })
}

fn fired(engine: &mut Engine, message: &str, second: i64) -> (Option<u32>, bool) {
    let line = format!("Oct 11 22:14:15 web1 demo[7]: {message}");
    let now = Timestamp::from_unix_seconds(second);
    let source = source();
    let outcome = engine.process(EventRef { source: &source, received: now, line: line.as_bytes(), notice: None }, now);
    (outcome.rule().map(|rule| rule.id.0), outcome.is_recorded())
}

const GUESSING: &str = r#"<group name="local,">
<rule id="100" level="5"><decoded_as>demo</decoded_as><match>fail</match><description>one</description></rule>
<rule id="110" level="10" frequency="1" timeframe="60"><if_matched_sid>100</if_matched_sid><same_source_ip/><description>many</description></rule>
</group>"#;

#[test]
fn composite_fires_on_event_frequency_plus_two_within_the_time_window() {
    let mut engine = engine(GUESSING, true);
    let answers = [0, 1, 2].map(|second| fired(&mut engine, "fail 192.0.2.1", second).0);
    assert_eq!(answers, [Some(100), Some(100), Some(110)]);
    engine.reset();
    let answers = [0, 61, 122].map(|second| fired(&mut engine, "fail 192.0.2.1", second).0);
    assert_eq!(answers, [Some(100); 3]);
}

#[test]
fn one_attacker_does_not_reset_the_count_of_another_except_in_ossec() {
    let order = [1, 2, 1, 2, 1, 2, 2];
    let run = |strict| {
        let mut engine = engine(GUESSING, strict);
        order.map(|host| fired(&mut engine, &format!("fail 192.0.2.{host}"), 0).0 == Some(110))
    };
    assert_eq!(run(false), [false, false, false, false, true, true, false]);
    assert_eq!(run(true), [false, false, false, false, true, false, false]);
}

#[test]
fn alert_carries_chain_fields_and_the_lines_that_counted() {
    let mut engine = engine(GUESSING, false);
    for second in 0..2 {
        fired(&mut engine, "fail 192.0.2.1", second);
    }
    let now = Timestamp::from_unix_seconds(2);
    let source = source();
    let line = b"Oct 11 22:14:15 web1 demo[7]: fail 192.0.2.1\r";
    let outcome = engine.process(EventRef { source: &source, received: now, line, notice: None }, now);
    let alert = outcome.to_alert(AlertId { epoch_seconds: 2, sequence: 1 }).unwrap();
    assert_eq!(alert.fields.value(&FieldName::SrcIp), Some(&b"192.0.2.1"[..]));
    assert_eq!(alert.chain.iter().map(|step| step.id.0).collect::<Vec<_>>(), [1, 100, 110]);
    assert_eq!(alert.evidence.len(), 2);
    assert_eq!(alert.evidence[0].time, Timestamp::from_unix_seconds(1));
    assert_eq!((alert.hostname.as_slice(), alert.program_name.as_deref()), (&b"web1"[..], Some(&b"demo"[..])));
    assert_eq!(&alert.full_log[alert.log_offset..], b"fail 192.0.2.1\r");
    assert!(alert.recorded && alert.mailed && alert.rule.may_respond);
}

#[test]
fn ignore_window_hides_only_the_same_source_except_in_ossec() {
    let rules = r#"<group name="local,"><rule id="100" level="5" ignore="60"><decoded_as>demo</decoded_as><description>x</description></rule></group>"#;
    let run = |strict| {
        let mut engine = engine(rules, strict);
        [1, 1, 2].map(|host| fired(&mut engine, &format!("fail 192.0.2.{host}"), 0).1)
    };
    assert_eq!(run(false), [true, false, true]);
    assert_eq!(run(true), [true, false, false]);
}

#[test]
fn every_mistake_in_rules_is_reported_in_one_run() {
    let rules = r#"<group name="local,">
<rule id="100" level="5"><if_sid>999</if_sid><macth>x</macth><description>x</description></rule>
<rule id="100" level="5"><regex>a\n</regex></rule>
<rule id="101" level="high"><decoded_as>demi</decoded_as></rule>
<rule id="102" level="3" frequency="4"><decoded_as>demi</decoded_as><options>no_mail</options></rule>
<rule id="103" level="3" overwrite="yes"><match>x</match></rule>
</group>"#;
    let (engine, diagnostics) = compile(rules, EngineOptions::default());
    assert!(engine.is_none());
    let codes: Vec<&str> = diagnostics.iter().map(|diagnostic| diagnostic.code).collect();
    for code in ["R036", "R015", "R030", "R010", "R007", "R019", "R031", "R040"] {
        assert!(codes.contains(&code), "{code} is not in {codes:?}");
    }
    assert!(diagnostics.iter().all(|diagnostic| diagnostic.span.is_some()));
    assert!(diagnostics.iter().any(|diagnostic| diagnostic.help.as_deref() == Some("did you mean match?")));
}

#[test]
fn explanation_names_the_condition_that_refused_each_rule() {
    let mut engine = engine(GUESSING, false);
    let now = Timestamp::from_unix_seconds(0);
    let source = source();
    let line = b"Oct 11 22:14:15 web1 demo[7]: hello";
    let (outcome, explanation) = engine.explain(EventRef { source: &source, received: now, line, notice: None }, now);
    assert!(outcome.rule().is_none());
    let tried: Vec<_> = explanation.rules.iter().map(|trial| (trial.id.0, trial.depth, trial.refused_by)).collect();
    assert_eq!(tried, [(1, 0, None), (100, 1, Some("match"))]);
    assert_eq!(explanation.decoders.last().unwrap().refused_by, Some("prematch"));
}

#[test]
fn saved_state_keeps_check_diff_over_a_restart() {
    let rules = r#"<group name="local,"><rule id="100" level="5"><decoded_as>demo</decoded_as><check_diff/><description>x</description></rule></group>"#;
    let mut before = engine(rules, false);
    assert_eq!(fired(&mut before, "ports 22", 0).0, None);
    let mut after = engine(rules, false);
    after.restore_state(&before.state());
    assert_eq!(fired(&mut after, "ports 22", 1).0, None);
    assert_eq!(fired(&mut after, "ports 22 80", 2).0, Some(100));
}

#[test]
fn host_is_reported_when_it_is_new_and_when_its_ports_change() {
    let rules = r#"<group name="local,"><rule id="90" level="3"><category>syslog</category><decoded_as>hostinfo_new</decoded_as><description>x</description></rule></group>"#;
    let run = |engine: &mut Engine, line: &str| {
        let source = Arc::new(LogSource { location: "nmap".into(), channel: Channel::HostInformation });
        let now = Timestamp::from_unix_seconds(0);
        let outcome =
            engine.process(EventRef { source: &source, received: now, line: line.as_bytes(), notice: None }, now);
        (outcome.decoder().unwrap().to_string(), outcome.dropped())
    };
    let mut before = engine(rules, false);
    let answers = ["Host: 192.0.2.1, open ports: 22(tcp)", "Host: 192.0.2.1, open ports: 22(tcp) 80(tcp)"]
        .map(|line| run(&mut before, line));
    assert_eq!(answers, [("hostinfo_new".into(), None), ("hostinfo_modified".into(), None)]);
    let mut after = engine(rules, false);
    after.restore_state(&before.state());
    let same = run(&mut after, "Host: 192.0.2.1, open ports: 22(tcp) 80(tcp)");
    assert_eq!(same, ("hostinfo_modified".into(), Some(Dropped::UnchangedHost)));
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_analysed_without_panic(lines in proptest::collection::vec(proptest::collection::vec(proptest::num::u8::ANY, 0..80), 1..20)) {
        for strict in [false, true] {
            let mut engine = engine(GUESSING, strict);
            for line in &lines {
                let mut text = b"Oct 11 22:14:15 web1 demo[7]: fail".to_vec();
                text.extend_from_slice(line);
                for line in [line, &text] {
                    let now = Timestamp::from_unix_seconds(0);
                    let source = source();
                    let outcome = engine.process(EventRef { source: &source, received: now, line, notice: None }, now);
                    outcome.to_alert(AlertId { epoch_seconds: 0, sequence: 0 });
                }
            }
        }
    }
}

#[test]
fn events_from_before_the_clock_was_set_back_do_not_count() {
    let mut engine = engine(GUESSING, false);
    let seconds = [3600, 3601, 0, 1, 2];
    let answers = seconds.map(|second| fired(&mut engine, "fail 192.0.2.1", second).0);
    assert_eq!(answers, [Some(100), Some(100), Some(100), Some(100), Some(110)]);
}

#[test]
fn an_ignore_window_from_before_the_clock_was_set_back_hides_nothing() {
    let rules = r#"<group name="local,"><rule id="100" level="5" ignore="60"><decoded_as>demo</decoded_as><description>x</description></rule></group>"#;
    let mut engine = engine(rules, false);
    let answers = [3600, 0, 1].map(|second| fired(&mut engine, "fail 192.0.2.1", second).1);
    assert_eq!(answers, [true, true, false]);
}

/// Rules with every condition that asks more than the message, below and beside those that do not.
const STATEFUL: &str = r#"<group name="local,">
<rule id="100" level="0" noalert="1"><decoded_as>demo</decoded_as><description>demo</description></rule>
<rule id="101" level="3"><if_sid>100</if_sid><match>diff</match><check_diff/><description>output</description></rule>
<rule id="102" level="4"><if_sid>100</if_sid><match>fail</match><hostname>web2</hostname><description>second</description></rule>
<rule id="103" level="5" ignore="7"><if_sid>100</if_sid><match>fail</match><description>one</description></rule>
<rule id="104" level="6"><if_sid>103</if_sid><time>12 am - 12:01 am</time><description>late</description></rule>
<rule id="105" level="6"><if_sid>103</if_sid><srcip>192.0.2.1</srcip><description>known</description></rule>
<rule id="106" level="2"><if_sid>100</if_sid><regex>^pass \w+$</regex><description>other</description></rule>
<rule id="110" level="10" frequency="1" timeframe="60"><if_matched_sid>103</if_matched_sid><same_source_ip/><description>many</description></rule>
<rule id="111" level="11" frequency="2" timeframe="90"><if_matched_group>local</if_matched_group><description>all</description></rule>
</group>"#;

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]

    /// Explanations look every message up anew.
    #[test]
    fn message_that_is_recalled_is_judged_as_the_first_time(
        events in proptest::collection::vec((0..7usize, 0..2usize, 0..40i64), 1..60),
        strict: bool,
    ) {
        let messages = ["fail 192.0.2.1", "fail 192.0.2.2", "diff a", "diff b", "pass word", "pass \x01word\u{e9}", "x"];
        let (mut recalling, mut fresh) = (engine(STATEFUL, strict), engine(STATEFUL, strict));
        let source = source();
        let mut second = 0;
        for (message, host, pause) in events {
            second += pause;
            let now = Timestamp::from_unix_seconds(second);
            let line = format!("Oct 11 22:14:15 web{} demo[7]: {}", host + 1, messages[message]);
            let event = EventRef { source: &source, received: now, line: line.as_bytes(), notice: None };
            let id = AlertId { epoch_seconds: second, sequence: 1 };
            let recalled = recalling.process(event, now);
            let (explained, _) = fresh.explain(event, now);
            proptest::prop_assert_eq!(recalled.is_ignored(), explained.is_ignored());
            let text = |outcome: &Outcome<'_>| format!("{:?}", outcome.to_alert(id));
            proptest::prop_assert_eq!(text(&recalled), text(&explained));
        }
    }
}
