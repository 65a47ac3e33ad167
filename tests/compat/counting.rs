//! Whom composite rules find among how many others, in both modes.

use std::collections::BTreeSet;
use std::sync::Arc;

use hids_core::diag::{Diagnostic, SourceFile};
use hids_core::engine::{Engine, EngineOptions, RulesetSources};
use hids_core::model::{Channel, EventRef, LogSource, Timestamp};

use crate::{engine::roots, ruleset};

const START_SECONDS: i64 = 1_700_000_000;

const DECODERS: &str = r#"<decoder name="other"><prematch>^zzz</prematch></decoder>
<decoder name="sshd"><program_name>^sshd</program_name></decoder>
<decoder name="sshd-f"><parent>sshd</parent><prematch>^Failed</prematch>
<regex offset="after_prematch">for (\S+) from (\S+)</regex><order>user, srcip</order></decoder>"#;

/// As the rules that people have: of a rule and of a group, by source and by user.
const RULES: &str = r#"<group name="syslog,sshd,">
<rule id="100" level="0"><decoded_as>sshd</decoded_as><description>sshd</description></rule>
<rule id="101" level="5"><if_sid>100</if_sid><match>^Failed</match><description>one</description><group>authentication_failed,</group></rule>
<rule id="110" level="10" frequency="6" timeframe="120" ignore="60"><if_matched_sid>101</if_matched_sid><same_source_ip /><description>many</description></rule>
<rule id="111" level="9" frequency="30" timeframe="300"><if_matched_group>authentication_failed</if_matched_group><same_source_ip /><description>more</description></rule>
<rule id="112" level="8" frequency="6" timeframe="120"><if_matched_sid>101</if_matched_sid><same_user /><same_source_ip /><description>one user</description></rule>
</group>"#;

struct Analysis {
    engine: Engine,
    source: Arc<LogSource>,
}

impl Analysis {
    fn new(sources: &RulesetSources, options: EngineOptions) -> Self {
        let (engine, diagnostics) = Engine::compile(sources, options);
        let engine =
            engine.unwrap_or_else(|| panic!("{}", diagnostics.iter().map(Diagnostic::render).collect::<String>()));
        Self { engine, source: Arc::new(LogSource { location: "/var/log/auth.log".into(), channel: Channel::Log }) }
    }

    fn of(decoders: &str, rules: &str, options: EngineOptions) -> Self {
        let sources = RulesetSources {
            decoders: vec![SourceFile::new("decoders", decoders)],
            rules: vec![SourceFile::new("roots", roots()), SourceFile::new("rules", rules)],
            lists: Vec::new(),
        };
        Self::new(&sources, options)
    }

    fn sshd() -> Self {
        Self::of(DECODERS, RULES, EngineOptions::default())
    }

    /// The rule that wins and its level, at a second from the start.
    fn answer(&mut self, line: &str, second: i64) -> (u32, u16) {
        let now = Timestamp::from_unix_seconds(START_SECONDS + second);
        let event = EventRef { source: &self.source, received: now, line: line.as_bytes(), notice: None };
        let outcome = self.engine.process(event, now);
        outcome.rule().map_or((0, 0), |rule| (rule.id.0, rule.level.0))
    }
}

fn wrong_password(source: &str) -> String {
    format!("Nov 29 16:00:00 h sshd[1]: Failed password for root from {source} port 4711 ssh2")
}

fn address(number: u32) -> String {
    std::net::Ipv4Addr::from(0x0a00_0000 + number).to_string()
}

// H1, D5, the required test of issue 9, number 1. An allocation counter counts its own thread only.
#[test]
fn fifty_guessers_are_found_among_a_million_sources_in_64_mib() {
    const SOURCES: u32 = 1_000_000;
    const SECONDS: u32 = 600;
    let mut found = BTreeSet::new();
    let mut losses = None;
    let used = allocation_counter::measure(|| {
        let mut analysis = Analysis::sshd();
        for second in 0..SECONDS {
            for number in second * (SOURCES / SECONDS + 1)..((second + 1) * (SOURCES / SECONDS + 1)).min(SOURCES) {
                let (rule, _) = analysis.answer(&wrong_password(&address(number)), second.into());
                assert_eq!(rule, 101, "source {number}");
            }
            for guesser in (0..50).filter(|guesser| guesser % 4 == second % 4) {
                let (_, level) = analysis.answer(&wrong_password(&format!("192.0.2.{guesser}")), second.into());
                if level >= 10 {
                    found.insert(guesser);
                }
            }
        }
        losses = Some(analysis.engine.losses());
    });
    assert_eq!(found.len(), 50, "found were {found:?}");
    let losses = losses.expect("it ran");
    println!("at most {} KiB; {losses:?}", used.bytes_max / 1024);
    assert!(losses.forgotten_single_events > 0 && losses.forgotten_counts == 0, "{losses:?}");
    assert!(used.bytes_max < 64 << 20, "{} bytes", used.bytes_max);
}

// H1: lines as long and keys as many as an attacker can make them, several events each.
#[test]
fn no_attack_takes_more_than_64_mib() {
    let used = allocation_counter::measure(|| {
        let mut analysis = Analysis::sshd();
        for number in 0..400_000_u32 {
            let long = if number % 50 == 0 { "x".repeat(6000) } else { String::new() };
            let line = format!(
                "Nov 29 16:00:00 h sshd[1]: Failed password for u{} from {} {long}",
                number / 2,
                address(number / 3)
            );
            analysis.answer(&line, (number / 10_000).into());
        }
        assert!(analysis.engine.losses().forgotten_counts > 0);
    });
    assert!(used.bytes_max < 64 << 20, "{} bytes", used.bytes_max);
}

// H1
#[test]
fn sources_that_take_turns_are_all_found() {
    for sources in [18, 19, 40, 250, 5000] {
        let mut analysis = Analysis::sshd();
        let mut found = BTreeSet::new();
        for number in 0..sources * 40 {
            let source = number % sources;
            // 1,000 tries a second.
            if analysis.answer(&wrong_password(&address(source)), (number / 1000).into()).1 >= 10 {
                found.insert(source);
            }
        }
        assert_eq!(found.len() as u32, sources, "{sources} sources in turn");
    }
}

// H1
#[test]
fn a_lone_guesser_is_found_beside_the_noise_of_others() {
    for noise in [20, 126, 1000] {
        let mut analysis = Analysis::sshd();
        let mut levels = Vec::new();
        for round in 0..8 {
            levels.push(analysis.answer(&wrong_password("192.0.2.1"), round).1);
            (0..noise).for_each(|other| {
                analysis.answer(&wrong_password(&address(round as u32 * noise + other)), round);
            });
        }
        assert_eq!(levels, [5, 5, 5, 5, 5, 5, 5, 10], "with {noise} others in between");
    }
}

// M3
#[test]
fn guesses_from_all_over_an_ipv6_network_are_found() {
    let mut analysis = Analysis::sshd();
    let found = (0..2000).filter(|number| {
        let source = format!("2001:db8:5:6:{:x}::{:x}", number / 5, number % 7);
        analysis.answer(&wrong_password(&source), number / 100).1 >= 10
    });
    assert!(found.count() >= 1);
    // An IPv4 address is the same, however it is written.
    let mut analysis = Analysis::sshd();
    let levels = (0..8).map(|number| {
        let source = if number % 2 == 0 { "192.0.2.9" } else { "::ffff:192.0.2.9" };
        analysis.answer(&wrong_password(source), 0).1
    });
    assert_eq!(levels.last(), Some(10));
}

// Rules with frequencies of four digits keep what they ask for.
#[test]
fn a_rule_that_asks_for_thousands_of_events_gets_them() {
    let rules =
        RULES.replace("frequency=\"6\" timeframe=\"120\" ignore=\"60\"", "frequency=\"3000\" timeframe=\"900\"");
    let rules = rules.lines().filter(|line| !line.contains("\"111\"") && !line.contains("\"112\"")).collect::<String>();
    let mut analysis = Analysis::of(DECODERS, &rules, EngineOptions::default());
    let first = (1..4000).find(|&number| {
        analysis.answer(&wrong_password(&address(number)), (number / 10).into());
        analysis.answer(&wrong_password("192.0.2.1"), (number / 10).into()).1 == 10
    });
    assert_eq!(first, Some(3002));
}

/// The rule of the last line: crashes on one host, `others` of other hosts, then a new user on the first.
fn after_crashes(strict_ossec: bool, memory_size: usize, others: u32) -> Option<u32> {
    let sources = ruleset::stock_sources()?;
    let mut analysis = Analysis::new(&sources, EngineOptions { strict_ossec, memory_size, ..EngineOptions::default() });
    let crash = |host: &str| {
        format!("Dec 10 01:02:03 {host} inetd[600]: /usr/lib/fs/cachefs/cachefsd: Segmentation Fault - core dumped")
    };
    for _ in 0..8 {
        assert_eq!(analysis.answer(&crash("web1"), 0).0, 40107);
    }
    (0..others).for_each(|_| {
        analysis.answer(&crash("db2"), 0);
    });
    let line = "Dec 10 01:02:03 web1 useradd[3]: new user: name=x, uid=1000, gid=1000, home=/home/x, shell=/bin/sh";
    Some(analysis.answer(line, 0).0)
}

// D5, with OSSEC's own rules 40107 and 40501
#[test]
fn what_a_group_did_is_known_behind_the_noise_of_other_hosts() {
    for (strict_ossec, others, expected) in [
        (false, 0, 40501),
        (true, 0, 40501),
        (false, 124, 40501),
        (true, 124, 40501),
        (true, 8000, 40501),
        (true, 8300, 5902),
        (false, 8300, 40501),
    ] {
        let Some(rule) = after_crashes(strict_ossec, 8192, others) else { return };
        assert_eq!(rule, expected, "strict {strict_ossec}, {others} others");
    }
}

// D9: 2,045 events after four with a memory of 2,048, and the oldest ten are forgotten.
#[test]
fn strict_memory_forgets_the_oldest_ten_at_a_time() {
    let rules = r#"<group name="local,">
<rule id="100" level="5"><match>aaa</match><description>x</description><group>grpa,</group></rule>
<rule id="101" level="3"><match>filler</match><description>x</description></rule>
<rule id="120" level="10" frequency="3" timeframe="900"><if_matched_group>grpa</if_matched_group><description>x</description></rule></group>"#;
    for (fillers, expected) in [(2043, 120), (2045, 100)] {
        let options = EngineOptions { strict_ossec: true, memory_size: 2048, ..EngineOptions::default() };
        let mut analysis = Analysis::of(DECODERS, rules, options);
        (0..4).for_each(|_| assert_eq!(analysis.answer("aaa", 0).0, 100));
        (0..fillers).for_each(|_| assert_eq!(analysis.answer("filler", 0).0, 101));
        assert_eq!(analysis.answer("aaa", 0).0, expected, "{fillers} fillers");
    }
}

// D15
#[test]
fn strict_counts_an_event_for_each_parent_of_its_rule() {
    let rules = r#"<group name="local,"><rule id="100" level="3"><match>a</match><description>x</description></rule>
<rule id="101" level="3"><if_sid>100</if_sid><match>qqq</match><description>x</description></rule>
<rule id="102" level="3"><if_sid>100</if_sid><match>rrr</match><description>x</description></rule>
<rule id="110" level="5"><if_sid>PARENTS</if_sid><match>aaa</match><description>x</description><group>grpa,</group></rule>
<rule id="120" level="10" frequency="4" timeframe="60"><if_matched_group>grpa</if_matched_group><description>x</description></rule></group>"#;
    let firing = |strict_ossec: bool, parents: &str| -> Vec<u32> {
        let options = EngineOptions { strict_ossec, ..EngineOptions::default() };
        let mut analysis = Analysis::of(DECODERS, &rules.replace("PARENTS", parents), options);
        (1..=14).filter(|_| analysis.answer("aaa", 0).0 == 120).collect()
    };
    assert_eq!(firing(true, "100,101"), [4, 8, 12]);
    assert_eq!(firing(true, "100,101,102")[0], 3);
    assert_eq!(firing(true, "100"), [6, 12]);
    assert_eq!(firing(false, "100,101"), [6, 12]);
}

// Options of internal_options.conf that rules and decoders obey
#[test]
fn options_of_ossec_have_an_effect() {
    let rules = r#"<group name="local,"><rule id="100" level="5"><category>firewall</category><action>deny</action><description>x</description></rule>
<rule id="101" level="5"><category>firewall</category><action>DROP</action><description>x</description></rule></group>"#;
    let decoders = r#"<decoder name="other"><prematch>^zzz</prematch></decoder><decoder name="wall"><prematch>^wall</prematch><type>firewall</type>
<regex>wall (\w+) from (\S+)</regex><order>action, srcip</order></decoder>"#;
    let action = |log_fw: bool| {
        Analysis::of(decoders, rules, EngineOptions { log_fw, ..EngineOptions::default() })
            .answer("wall deny from 192.0.2.1", 0)
            .0
    };
    assert_eq!((action(true), action(false)), (101, 100));
    let sources = RulesetSources {
        decoders: vec![SourceFile::new("decoders", decoders)],
        rules: vec![SourceFile::new("roots", roots())],
        lists: Vec::new(),
    };
    let (engine, problems) =
        Engine::compile(&sources, EngineOptions { decoder_order_size: 1, ..EngineOptions::default() });
    assert!(engine.is_none() && problems.iter().any(|problem| problem.code == "D050"));
}
