//! The promise that a line without an alert costs no allocation.

use std::sync::Arc;

use hids_core::diag::SourceFile;
use hids_core::engine::{Engine, EngineOptions, RulesetSources};
use hids_core::fim::{PathKind, PathPattern, Policy, PolicyDef, Watch};
use hids_core::model::{Channel, EventRef, LogSource, Timestamp};

use crate::ruleset;

const DECODERS: &str = r#"<decoder name="text"><prematch>^zzz</prematch></decoder>
<decoder name="demo"><program_name>^demo</program_name></decoder>
<decoder name="demo-f"><parent>demo</parent><prematch>^fail</prematch>
  <regex offset="after_prematch"> from (\S+) port (\d+)</regex><order>srcip,srcport</order></decoder>"#;
const RULES: &str = r#"<group name="syslog,">
<rule id="1" level="0" noalert="1"><category>syslog</category><description>root</description></rule>
<rule id="100" level="0"><decoded_as>demo</decoded_as><description>demo</description></rule>
<rule id="101" level="5"><if_sid>100</if_sid><match>secret</match><description>secret</description></rule>
<rule id="102" level="5"><if_sid>100</if_sid><pcre2>(?:not|never) here \d+$</pcre2><description>x</description></rule>
<rule id="110" level="9" frequency="3"><if_matched_sid>101</if_matched_sid><same_source_ip/><description>many</description></rule>
</group>"#;

/// A file's path is looked up for each event of the kernel.
#[test]
fn a_path_of_the_policy_is_found_without_allocation() {
    let watch = |number: u32| Watch {
        root: format!("/srv/{number}/a").into_bytes(),
        restrict: number.is_multiple_of(3).then(|| ".conf$|.txt$".to_owned()),
        ..Watch::default()
    };
    let sregex = |text: &str| PathPattern::Sregex(text.to_owned());
    let policy = Policy::compile(PolicyDef {
        watches: (0..200).map(watch).collect(),
        ignore: vec![PathPattern::Prefix(b"/srv/1/a/cache".to_vec()), sregex(".swp$|.log$"), sregex("/tmp/")],
        ..PolicyDef::default()
    });
    let paths: [&[u8]; 5] =
        [b"/srv/3/a/b/c/x.conf", b"/srv/1/a/Cache/x", b"/srv/5/a/b.log/c", b"/srv/9/b", b"/var/\xff\xfe/tmp/x"];
    let mut found = 0;
    let mut look_up = || {
        for path in paths {
            found += usize::from(policy.watch_of(path, PathKind::Other).is_some());
            found += usize::from(policy.enters(path)) + usize::from(policy.shows_diff(path));
        }
    };
    (0..50).for_each(|_| look_up());
    assert_eq!(allocation_counter::measure(|| (0..100).for_each(|_| look_up())).count_total, 0);
    assert!(found > 0);
}

fn allocations(engine: &mut Engine, line: &[u8]) -> u64 {
    let source = Arc::new(LogSource { location: "/var/log/messages".into(), channel: Channel::Log });
    let now = Timestamp::from_unix_seconds(1);
    let mut analyse = || {
        let event = EventRef { source: &source, received: now, line, notice: None };
        assert!(!engine.process(event, now).is_recorded(), "the line must not alert");
    };
    // Buffers, the cache of program names and lazy automata are filled by the first lines.
    (0..50).for_each(|_| analyse());
    allocation_counter::measure(|| (0..100).for_each(|_| analyse())).count_total
}

#[test]
fn a_line_without_alert_allocates_nothing() {
    let sources = RulesetSources {
        decoders: vec![SourceFile::new("decoders", DECODERS)],
        rules: vec![SourceFile::new("rules", RULES)],
        lists: Vec::new(),
    };
    let mut engine = Engine::compile(&sources, EngineOptions::default()).0.expect("the rules are good");
    assert_eq!(allocations(&mut engine, b"Oct 11 22:14:15 h1 demo[7]: fail from 192.0.2.1 port 4711"), 0);
    assert_eq!(allocations(&mut engine, b"a line that nothing knows"), 0);
}

#[test]
fn a_decoder_for_json_costs_no_allocation() {
    const JSON: &str = r#"<decoder name="json"><prematch>^{</prematch><plugin_decoder>JSON_Decoder</plugin_decoder></decoder>
<decoder name="web"><parent>json</parent><field name="kind">^web</field><map field="peer.ip">srcip</map></decoder>"#;
    let sources = RulesetSources {
        decoders: vec![SourceFile::new("decoders", [JSON, DECODERS].concat())],
        rules: vec![SourceFile::new("rules", RULES)],
        lists: Vec::new(),
    };
    let mut engine = Engine::compile(&sources, EngineOptions::default()).0.expect("the rules are good");
    let long =
        format!(r#"{{"kind":"web","peer":{{"ip":"192.0.2.1"}},"uri":"/\u003c{}","a":["b","c"]}}"#, "x".repeat(600));
    let lines = [
        "Oct 11 22:14:15 h1 demo[7]: fail from 192.0.2.1 port 4711",
        "a line that nothing knows",
        r#"{"kind":"web","peer":{"ip":"192.0.2.1"},"uri":"/\u003c","status":200}"#,
        r#"{"log":"{\"kind\":\"web\"}\n","stream":"stdout","time":"2026-11-25T10:00:00.1Z"}"#,
        "{ that is none",
        &long,
    ];
    for line in lines {
        assert_eq!(allocations(&mut engine, line.as_bytes()), 0, "{line}");
    }
}

#[test]
fn a_line_without_alert_allocates_nothing_with_the_stock_rules() {
    let Some(sources) = ruleset::stock_sources() else { return };
    let mut engine = Engine::compile(&sources, EngineOptions::default()).0.expect("the rules are good");
    let lines: [&[u8]; 3] = [
        b"192.0.2.7 - - [10/Oct/2000:13:55:36 -0700] \"GET /index.html HTTP/1.0\" 200 2326",
        b"Dec 10 06:55:46 LabSZ sshd[24200]: Received disconnect from 192.0.2.7: 11: Bye Bye [preauth]",
        b"Jun 14 15:16:01 combo crond(pam_unix)[19939]: some text of no interest",
    ];
    for line in lines {
        assert_eq!(allocations(&mut engine, line), 0, "{}", String::from_utf8_lossy(line));
    }
}
