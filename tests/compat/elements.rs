//! Nothing that OSSEC's rules and decoders can say is read in silence: every element and attribute
//! changes an answer, or a diagnostic says that it has no effect.

use std::fmt::Write as _;
use std::sync::Arc;

use hids_core::diag::SourceFile;
use hids_core::engine::{Engine, EngineOptions, ListSource, RulesetSources};
use hids_core::model::{Channel, EventRef, Level, LogSource, Timestamp};

use crate::engine::roots;

const DECODERS: &str = r#"<decoder name="other"><prematch>^zzz</prematch></decoder>
<decoder name="demo"><program_name>^demo</program_name>
<regex>u=(\S+) v=(\S+) s=(\S+) d=(\S+) sp=(\S+) dp=(\S+) p=(\S+) a=(\S+) i=(\S+) url=(\S+) x=(\S+) st=(\S+) sys=(\S+) dyn=(\S+)</regex>
<order>user, srcuser, srcip, dstip, srcport, dstport, protocol, action, id, url, data, status, system_name, dyn</order>
<fts>name, srcip</fts></decoder>"#;

/// Two events in which everything differs.
const A: &str = "Oct 11 22:14:15 h1 demo: u=ann v=bob s=192.0.2.1 d=192.0.2.9 sp=1 dp=2 p=TCP a=drop i=7 url=/a x=da st=ok sys=sa dyn=q";
const B: &str = "Oct 11 22:14:15 h2 demo: u=eve v=joe s=192.0.2.2 d=192.0.2.8 sp=3 dp=4 p=UDP a=pass i=8 url=/b x=db st=no sys=sb dyn=r";

/// Everything seen of four events ten seconds apart, and what was said while loading.
fn run(decoders: &str, rules: &str) -> (String, Vec<String>) {
    let sources = RulesetSources {
        decoders: vec![SourceFile::new("decoders", decoders)],
        rules: vec![SourceFile::new("roots", roots()), SourceFile::new("rules", rules)],
        lists: vec![ListSource {
            name: "lists/l".into(),
            text: Some(SourceFile::new("l", "192.0.2.1:v\n192.0.2.2:v\n")),
        }],
    };
    let options = EngineOptions { record_level: Level(4), ..EngineOptions::default() };
    let (engine, diagnostics) = Engine::compile(&sources, options);
    let said = diagnostics.iter().map(|problem| format!("{} {}", problem.code, problem.message)).collect();
    let Some(mut engine) = engine else { return ("refused".into(), said) };
    let source = Arc::new(LogSource { location: "/var/log/demo".into(), channel: Channel::Log });
    let mut seen = String::new();
    for (index, line) in [A, B, B, A].into_iter().enumerate() {
        let now = Timestamp::from_unix_seconds(1_700_000_000 + 10 * index as i64);
        let outcome =
            engine.process(EventRef { source: &source, received: now, line: line.as_bytes(), notice: None }, now);
        let fields: Vec<_> = outcome.fields().collect();
        let chain: Vec<_> = outcome.chain().map(|rule| rule.id.0).collect();
        let flags = (outcome.is_recorded(), outcome.is_mailed(), outcome.may_respond());
        let _ = writeln!(
            seen,
            "{:?} {:?} {:?} {chain:?} {flags:?} {fields:?}",
            outcome.decoder(),
            outcome.kind(),
            outcome.rule()
        );
    }
    (seen, said)
}

/// Fails for every pair of which the second is neither answered differently nor remarked upon.
fn judge(pairs: impl IntoIterator<Item = (String, [String; 2], [String; 2])>) {
    let mut silent = Vec::new();
    for (name, [decoders, decoders_with], [rules, rules_with]) in pairs {
        let (without, with) = (run(&decoders, &rules), run(&decoders_with, &rules_with));
        assert_ne!(without.0, "refused", "{name}: {:?}", without.1);
        if with.1.len() > without.1.len() {
            continue;
        }
        if with.0 == without.0 {
            silent.push(name);
        }
    }
    assert!(silent.is_empty(), "read without effect and without a word: {silent:?}");
}

/// A rule 100 beside and below rule 90, which takes every event of the decoder.
fn rules(attributes: &str, elements: &str) -> String {
    format!(
        r#"<group name="base,"><rule id="90" level="3"><decoded_as>demo</decoded_as><description>base</description></rule></group>
<group name="local,"><rule id="100" {attributes}>{elements}<description>x</description></rule></group>"#
    )
}

/// Name, attributes, what the rule has, what is added.
const RULE_ELEMENTS: [(&str, &str, &str, &str); 61] = [
    ("match", "", "P", "<match>nope</match>"),
    ("match_pcre2", "", "P", "<match_pcre2>nope</match_pcre2>"),
    ("regex", "", "P", "<regex>nope</regex>"),
    ("pcre2", "", "P", "<pcre2>nope</pcre2>"),
    ("decoded_as", "", "P", "<decoded_as>other</decoded_as>"),
    ("category", "", "", "<category>firewall</category>"),
    ("action", "", "P", "<action>nope</action>"),
    ("srcip", "", "P", "<srcip>198.51.100.1</srcip>"),
    ("dstip", "", "P", "<dstip>198.51.100.1</dstip>"),
    ("field", "", "P", r#"<field name="dyn">nope</field>"#),
    ("time", "", "P", "<time>1 am - 2 am</time>"),
    ("weekday", "", "P", "<weekday>sunday</weekday>"),
    ("comp_srcuser_dstuser", "", "P", "<compiled_rule>comp_srcuser_dstuser</compiled_rule>"),
    ("check_id_size", "", "P", "<compiled_rule>check_id_size</compiled_rule>"),
    (
        "comp_mswin_targetuser_calleruser_diff",
        "",
        "P",
        "<compiled_rule>comp_mswin_targetuser_calleruser_diff</compiled_rule>",
    ),
    ("is_simple_http_request", "", "P", "<compiled_rule>is_simple_http_request</compiled_rule>"),
    ("is_valid_crawler", "", "P", "<compiled_rule>is_valid_crawler</compiled_rule>"),
    ("if_sid", "", "<match>u</match>", "<if_sid>90</if_sid>"),
    ("if_group", "", "<match>u</match>", "<if_group>base</if_group>"),
    ("if_level", r#"level="2""#, "<match>u</match>", "<if_level>3</if_level>"),
    ("if_matched_sid", "", "<if_group>base</if_group>", "<if_matched_sid>90</if_matched_sid>"),
    ("if_matched_group", "", "<if_sid>90</if_sid>", "<if_matched_group>base</if_matched_group>"),
    ("if_matched_regex", "", "<if_sid>90</if_sid>", "<if_matched_regex>u</if_matched_regex>"),
    ("same_source_ip", "", "C", "<same_source_ip/>"),
    ("same_user", "", "C", "<same_user/>"),
    ("same_src_port", "", "C", "<same_src_port/>"),
    ("same_dst_port", "", "C", "<same_dst_port/>"),
    ("same_id", "", "C", "<same_id/>"),
    ("same_location", "", "C", "<same_location/>"),
    ("different_url", "", "C<same_user/>", "<different_url/>"),
    ("different_srcgeoip", "", "C", "<different_srcgeoip/>"),
    ("different_srcip", "", "C", "<different_srcip/>"),
    ("not_same_source_ip", "", "C<same_source_ip/>", "<not_same_source_ip/>"),
    ("not_same_id", "", "C<same_id/>", "<not_same_id/>"),
    ("not_same_user", "", "C<same_user/>", "<not_same_user/>"),
    ("not_same_source_ip alone", "", "C", "<not_same_source_ip/>"),
    ("not_same_agent", "", "C", "<not_same_agent/>"),
    ("check_diff", "", "P", "<check_diff/>"),
    ("if_fts", "", "P", "<if_fts/>"),
    ("ignore", "", "P<check_if_ignored>srcip</check_if_ignored>", "<ignore>srcip</ignore>"),
    ("check_if_ignored", "", "P<ignore>srcip</ignore>", "<check_if_ignored>srcip</check_if_ignored>"),
    ("alert_by_email", "", "P", "<options>alert_by_email</options>"),
    ("no_email_alert", r#"level="9""#, "P", "<options>no_email_alert</options>"),
    ("log_alert", r#"level="3""#, "P", "<options>log_alert</options>"),
    ("no_log", "", "P", "<options>no_log</options>"),
    ("no_ar", "", "P", "<options>no_ar</options>"),
    ("description", "", "P", "<description>more</description>"),
    ("group", "", "P", "<group>more,</group>"),
    ("cve", "", "P", "<cve>CVE-1</cve>"),
    ("info", "", "P", "<info>text</info>"),
    ("info text", "", "P", r#"<info type="text">text</info>"#),
    ("info link", "", "P", r#"<info type="link">text</info>"#),
    ("info cve", "", "P", r#"<info type="cve">text</info>"#),
    ("mitre", "", "P", "<mitre><id>T1110</id></mitre>"),
    ("info osvdb", "", "P", r#"<info type="osvdb">text</info>"#),
    ("not_match_key", "", "P", r#"<list field="srcip" lookup="not_match_key">lists/l</list>"#),
    ("match_key_value", "", "P", r#"<list field="srcip" lookup="match_key_value" check_value="no">lists/l</list>"#),
    ("address_match_key", "", "P", r#"<list field="dstip" lookup="address_match_key">lists/l</list>"#),
    ("not_address_match_key", "", "P", r#"<list field="srcip" lookup="not_address_match_key">lists/l</list>"#),
    (
        "address_match_key_value",
        "",
        "P",
        r#"<list field="srcip" lookup="address_match_key_value" check_value="no">lists/l</list>"#,
    ),
    ("list that is not configured", "", "P", r#"<list field="srcip">lists/gone</list>"#),
];

#[test]
fn every_rule_element_has_an_effect_or_a_diagnostic() {
    let fixed = RULE_ELEMENTS.iter().map(|(name, attributes, has, added)| {
        let has = has.replacen('P', "<if_sid>90</if_sid>", usize::from(has.starts_with('P'))).replacen(
            'C',
            "<if_matched_sid>90</if_matched_sid>",
            usize::from(has.starts_with('C')),
        );
        let attributes = if attributes.is_empty() { r#"level="5""# } else { attributes };
        (name.to_string(), rules(attributes, &has), rules(attributes, &format!("{has}{added}")))
    });
    let texts = [
        "program_name",
        "hostname",
        "id",
        "url",
        "user",
        "status",
        "extra_data",
        "srcport",
        "dstport",
        "srcgeoip",
        "dstgeoip",
    ];
    let texts = texts.into_iter().flat_map(|name| [name.to_owned(), format!("{name}_pcre2")]).map(|name| {
        let with = format!("<if_sid>90</if_sid><{name}>nope</{name}>");
        (name, rules(r#"level="5""#, "<if_sid>90</if_sid>"), rules(r#"level="5""#, &with))
    });
    let looked_up =
        ["srcport", "dstip", "dstport", "user", "url", "id", "hostname", "program_name", "status", "action"];
    let looked_up = looked_up.into_iter().map(|field| {
        let with = format!(r#"<if_sid>90</if_sid><list field="{field}">lists/l</list>"#);
        (format!("list of {field}"), rules(r#"level="5""#, "<if_sid>90</if_sid>"), rules(r#"level="5""#, &with))
    });
    let decoders = || [DECODERS.to_owned(), DECODERS.to_owned()];
    judge(fixed.chain(texts).chain(looked_up).map(|(name, without, with)| (name, decoders(), [without, with])));
}

#[test]
fn every_rule_attribute_has_an_effect_or_a_diagnostic() {
    let composite = "<if_matched_sid>90</if_matched_sid>";
    let child = "<if_sid>90</if_sid>";
    let rows = [
        ("level", r#"level="5""#, r#"level="6""#, child),
        ("maxsize", r#"level="5""#, r#"level="5" maxsize="999""#, child),
        ("timeframe", r#"level="5""#, r#"level="5" timeframe="5""#, composite),
        ("frequency", r#"level="5""#, r#"level="5" frequency="2""#, composite),
        ("ignore", r#"level="5""#, r#"level="5" ignore="60""#, child),
        ("accuracy", r#"level="5""#, r#"level="5" accuracy="0""#, child),
        ("noalert", r#"level="5""#, r#"level="5" noalert="0""#, child),
    ];
    let pairs = rows.into_iter().map(|(name, without, with, elements)| {
        let rules = [rules(without, elements), rules(with, elements)];
        (name.to_owned(), [DECODERS.to_owned(), DECODERS.to_owned()], rules)
    });
    let known = rules(r#"level="5""#, child);
    let overwritten = format!(
        r#"{known}<group name="local,"><rule id="100" level="5" overwrite="yes"><match>nope</match><description>y</description></rule></group>"#
    );
    let overwrite = ("overwrite".to_owned(), [DECODERS.to_owned(), DECODERS.to_owned()], [known, overwritten]);
    judge(pairs.chain([overwrite]));
}

#[test]
fn every_decoder_element_has_an_effect_or_a_diagnostic() {
    // What the parent is, what the decoder below it has, what is added to that.
    let rows = [
        ("program_name", "", "<program_name>nope</program_name>", ""),
        ("program_name_pcre2", "", "<program_name_pcre2>nope</program_name_pcre2>", ""),
        ("prematch", "", "", "<prematch>nope</prematch>"),
        ("prematch_pcre2", "", "", "<prematch_pcre2>nope</prematch_pcre2>"),
        ("type", "", "", "<type>firewall</type>"),
        ("fts", "", "", "<fts>name, dstip</fts>"),
        ("use_own_name", "", "", "<use_own_name>true</use_own_name>"),
        ("use_own_name of another word", "", "", "<use_own_name>yes</use_own_name>"),
        ("plugin_decoder", "", "", "<plugin_decoder>PF_Decoder</plugin_decoder>"),
        ("order that repeats", "", "", "<order>id, url, srcip</order>"),
        ("unknown", "", "", "<json_null_field>x</json_null_field>"),
    ];
    let rule = rules(r#"level="5""#, "<if_sid>90</if_sid><if_fts/>");
    let pairs = rows.into_iter().map(|(name, _, parent_or_child, added)| {
        let text = |parent: &str, child: &str| {
            format!(
                r#"<decoder name="other"><prematch>^zzz</prematch></decoder>
<decoder name="demo">{parent}</decoder>
<decoder name="child"><parent>demo</parent>{child}<regex>s=(\S+) d=(\S+)</regex><order>srcip, dstip</order></decoder>"#
            )
        };
        let plain = "<program_name>^demo</program_name>";
        let decoders = match added {
            "" => [text(plain, ""), text(parent_or_child, "")],
            _ => [text(plain, parent_or_child), text(plain, added)],
        };
        (name.to_owned(), decoders, [rule.clone(), rule.clone()])
    });
    judge(pairs);
}

#[test]
fn every_offset_moves_where_a_regex_starts() {
    // The regex fits only before the place where it starts.
    let rows = [
        ("after_parent", "<prematch> v=</prematch>", "<prematch>^u=</prematch>"),
        ("after_prematch", "<prematch>^u=</prematch>", "<prematch> v=</prematch>"),
    ];
    let rule = rules(r#"level="5""#, "<if_sid>90</if_sid>");
    let pairs = rows.into_iter().map(|(offset, parent, child)| {
        let text = |attribute: &str| {
            format!(
                r#"<decoder name="demo"><program_name>^demo</program_name>{parent}</decoder>
<decoder name="child"><parent>demo</parent>{child}<regex{attribute}>u=(\S+)</regex><order>user</order></decoder>"#
            )
        };
        let decoders = [text(""), text(&format!(" offset=\"{offset}\""))];
        (offset.to_owned(), decoders, [rule.clone(), rule.clone()])
    });
    let followed = |attribute: &str| {
        format!(
            r#"<decoder name="demo"><program_name>^demo</program_name></decoder>
<decoder name="child"><parent>demo</parent><regex>v=(\S+)</regex><order>srcuser</order></decoder>
<decoder name="child"><parent>demo</parent><regex{attribute}>u=(\S+)</regex><order>user</order></decoder>"#
        )
    };
    let decoders = [followed(""), followed(" offset=\"after_regex\"")];
    judge(pairs.chain([("after_regex".to_owned(), decoders, [rule.clone(), rule.clone()])]));
}

/// What is said to do about the errors of rule 100.
fn helps(elements: &str) -> Vec<String> {
    let file = SourceFile::new("rules", rules(r#"level="5""#, elements));
    let (_, problems) = hids_core::rules::parse(&file, hids_core::decode::Reading::AsWritten);
    problems.iter().map(|problem| problem.help.clone().unwrap_or_default()).collect()
}

#[test]
fn techniques_of_attack_are_kept_in_the_default_mode_and_change_nothing_in_the_strict_mode() {
    let facts = |elements: &str, strict_ossec: bool| {
        let text = rules(r#"level="5""#, &format!("<if_sid>90</if_sid>{elements}"));
        let sources = RulesetSources {
            decoders: vec![SourceFile::new("decoders", DECODERS)],
            rules: vec![SourceFile::new("roots", roots()), SourceFile::new("rules", text)],
            lists: Vec::new(),
        };
        let (engine, problems) = Engine::compile(&sources, EngineOptions { strict_ossec, ..EngineOptions::default() });
        let engine = engine.unwrap_or_else(|| panic!("{problems:?}"));
        let said: Vec<&str> = problems.iter().map(|problem| problem.code).collect();
        (engine.rules().map(|rule| (**rule).clone()).collect::<Vec<_>>(), said.contains(&"R025"))
    };
    let with = "<mitre><id>T1110</id><id> T1110.001 </id><tactic>Credential Access</tactic>\
                <technique>Brute Force</technique></mitre><mitre><id>T1078</id><id>T1110</id></mitre>";
    let (kept, remarked) = facts(with, false);
    let of_the_rule = kept.iter().find(|rule| rule.id.0 == 100).expect("the rule");
    assert_eq!((of_the_rule.mitre.join(" "), remarked), ("T1110 T1110.001 T1078".to_owned(), false));
    assert_eq!(facts(with, true), facts("", true));
    for wrong in ["T110", "T1110.1", "t1110", "T1110 T1111", "", "TA0006"] {
        let (kept, remarked) = facts(&format!("<mitre><id>{wrong}</id></mitre>"), false);
        let of_the_rule = kept.iter().find(|rule| rule.id.0 == 100).expect("the rule");
        assert!(remarked && of_the_rule.mitre.is_empty(), "{wrong}");
    }
    assert!(facts("<mitre>T1110</mitre>", false).1, "no id");
}

// Number 6 of Wazuh's language: each of its names gets what OSSEC has in its place.
#[test]
fn elements_of_other_programs_are_refused_with_what_ossec_has() {
    let elements = [
        "same_srcip",
        "different_dstip",
        "same_field",
        "different_field",
        "global_frequency",
        "location",
        "protocol",
        "system_name",
        "dstuser",
        "srcuser",
        "same_source_port",
        "same_agent",
        "same_dest_port",
    ];
    for element in elements {
        let (answer, said) =
            run(DECODERS, &rules(r#"level="5""#, &format!("<if_sid>90</if_sid><{element}>x</{element}>")));
        assert!(answer == "refused" && said.iter().any(|text| text.starts_with("R015")), "{element}: {said:?}");
        assert!(helps(&format!("<{element}>x</{element}>"))[0].contains("Wazuh only"), "{element}");
    }
    for (option, help) in
        [("no_full_log", "Wazuh only"), ("no_counter", "Wazuh only"), ("no_log,no_ar", "a separate <options> element")]
    {
        assert!(helps(&format!("<options>{option}</options>"))[0].contains(help), "{option}");
    }
    for attribute in [r#"type="x""#, r#"negate="yes""#] {
        assert_eq!(run(DECODERS, &rules(&format!(r#"level="5" {attribute}"#), "<if_sid>90</if_sid>")).0, "refused");
    }
}
