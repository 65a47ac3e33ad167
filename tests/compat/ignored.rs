//! What OSSEC ignores is a warning, and Wazuh's `type` and `negate` are obeyed in the default mode (issue 9,
//! number 20).

use std::sync::Arc;

use hids_core::diag::{Severity, SourceFile};
use hids_core::engine::{Engine, EngineOptions, RulesetSources};
use hids_core::model::{Channel, EventRef, LogSource, Timestamp};

use crate::engine::roots;

const DECODERS: &str = r#"<decoder name="other"><prematch>^zzz</prematch></decoder>
<decoder name="demo"><program_name>^demo</program_name></decoder>
<decoder name="demo-all"><parent>demo</parent>
<regex>u=(\S+) s=(\S+) d=(\S+) sp=(\S+) dp=(\S+) a=(\S+) i=(\S+) url=(\S+) x=(\S+) st=(\S+) dyn=(\S+)</regex>
<order>user, srcip, dstip, srcport, dstport, action, id, url, data, status, dyn</order></decoder>"#;

const LINE: &str =
    "Oct 11 22:14:15 h1 demo: u=ann s=192.0.2.1 d=192.0.2.9 sp=11 dp=22 a=drop i=777 url=/abc x=dat st=okay dyn=qqq";

struct Answers {
    rules: Vec<Option<u32>>,
    fields: Vec<Vec<(String, String)>>,
    codes: Vec<&'static str>,
    errors: Vec<String>,
}

fn ask(decoders: &str, rules: &str, lines: &[&str], strict_ossec: bool) -> Answers {
    let sources = RulesetSources {
        decoders: vec![SourceFile::new("decoders", decoders)],
        rules: vec![
            SourceFile::new("roots", roots()),
            SourceFile::new("rules", format!("<group name=\"local,\">{rules}</group>")),
        ],
        lists: Vec::new(),
    };
    let (engine, diagnostics) = Engine::compile(&sources, EngineOptions { strict_ossec, ..EngineOptions::default() });
    let codes = diagnostics.iter().map(|problem| problem.code).collect();
    let errors: Vec<String> = diagnostics
        .iter()
        .filter(|problem| problem.severity == Severity::Error)
        .map(|problem| format!("{}: {}", problem.code, problem.message))
        .collect();
    let source = Arc::new(LogSource { location: "stdin".into(), channel: Channel::Log });
    let now = Timestamp::from_unix_seconds(1_700_000_000);
    let (mut found, mut fields) = (Vec::new(), Vec::new());
    if let Some(mut engine) = engine {
        for line in lines {
            let event = EventRef { source: &source, received: now, line: line.as_bytes(), notice: None };
            let outcome = engine.process(event, now);
            found.push(outcome.rule().map(|rule| rule.id.0));
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            fields.push(outcome.fields().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect());
        }
    }
    Answers { rules: found, fields, codes, errors }
}

fn rule(body: &str) -> String {
    format!("<rule id=\"100\" level=\"5\">{body}<description>x</description></rule>")
}

/// Elements with which rule 100 takes the line.
const FITTING: [&str; 24] = [
    "<match>u=ann</match>",
    "<match_pcre2>u=ann</match_pcre2>",
    "<regex>u=\\w+</regex>",
    "<pcre2>u=\\w+</pcre2>",
    "<program_name>^demo$</program_name>",
    "<hostname>h1</hostname>",
    "<id>777</id>",
    "<url>/abc</url>",
    "<url_pcre2>/abc</url_pcre2>",
    "<user>ann</user>",
    "<status>okay</status>",
    "<extra_data>dat</extra_data>",
    "<srcport>11</srcport>",
    "<dstport>22</dstport>",
    "<action>drop</action>",
    "<srcip>192.0.2.1</srcip>",
    "<dstip>192.0.2.9</dstip>",
    "<decoded_as>demo</decoded_as>",
    "<category>syslog</category>",
    "<group>x,</group>",
    "<options>no_log</options>",
    "<info>x</info>",
    "<field name=\"dyn\">qqq</field>",
    "<cve>x</cve>",
];

fn with_attribute(element: &str, attribute: &str) -> String {
    let end = element.find(['>', ' ']).expect("an element has an end");
    format!("{} {attribute}{}", &element[..end], &element[end..])
}

// D4, C14
#[test]
fn attributes_that_ossec_ignores_are_warnings() {
    for attribute in ["foo=\"bar\"", "offset=\"after_parent\""] {
        for element in FITTING {
            let body = with_attribute(element, attribute);
            for strict_ossec in [false, true] {
                let Answers { rules, codes, errors, .. } = ask(DECODERS, &rule(&body), &[LINE], strict_ossec);
                assert_eq!(rules, [Some(100)], "{body}: {errors:?}");
                assert_eq!(codes, ["R013"], "{body}");
            }
        }
    }
    let below = "<rule id=\"99\" level=\"3\"><match>u=</match><description foo=\"bar\">x</description></rule>";
    for element in
        ["<if_sid>99</if_sid>", "<if_group>local</if_group>", "<if_level>3</if_level>", "<time>0:00 - 23:59</time>"]
    {
        let rules = format!("{below}{}", rule(&with_attribute(element, "foo=\"bar\"")));
        let Answers { rules, codes, errors, .. } = ask(DECODERS, &rules, &[LINE], true);
        assert_eq!(rules, [Some(100)], "{element}: {errors:?}");
        assert_eq!(codes, ["R013", "R013"], "{element}");
    }
}

// D4
#[test]
fn negate_is_obeyed_by_default_and_ignored_by_ossec() {
    for element in FITTING.iter().filter(|element| {
        !["decoded_as", "category", "group", "options", "info", "cve"]
            .iter()
            .any(|name| element.starts_with(&format!("<{name}>")))
    }) {
        let negated = rule(&with_attribute(element, "negate=\"yes\""));
        let default = ask(DECODERS, &negated, &[LINE], false);
        assert_eq!((default.rules, default.codes), (vec![None], vec![]), "{element}");
        let strict = ask(DECODERS, &negated, &[LINE], true);
        assert_eq!((strict.rules, strict.codes), (vec![Some(100)], vec!["R013"]), "{element}");
        // What is not there fits neither way, as in OSSEC; what is there and differs does.
        let other = LINE
            .replace("h1", "h2")
            .replace("demo:", "demo2:")
            .replace("ann", "eve")
            .replace("777", "888")
            .replace("/abc", "/x")
            .replace("dat", "no")
            .replace("okay", "bad")
            .replace("11 dp=22", "33 dp=44")
            .replace("drop", "pass")
            .replace("192.0.2.", "198.51.100.")
            .replace("qqq", "rrr");
        let other = if element.contains("\\w") { other.replace("u=", "w=") } else { other };
        let fits = ask(DECODERS, &negated, &[&other], false);
        assert_eq!(fits.rules, [Some(100)], "{element}: {:?}", fits.errors);
        let no = rule(&with_attribute(element, "negate=\"no\""));
        assert_eq!(ask(DECODERS, &no, &[LINE], false).rules, [Some(100)], "{element}");
    }
    let missing = [
        "<user negate=\"yes\">eve</user>",
        "<field name=\"dyn\" negate=\"yes\">x</field>",
        "<srcip negate=\"yes\">10.0.0.1</srcip>",
    ];
    for element in missing {
        assert_eq!(ask(DECODERS, &rule(element), &["Oct 11 22:14:15 h1 demo: none"], false).rules, [None], "{element}");
    }
    let twice = rule("<srcip negate=\"yes\">!192.0.2.1</srcip>");
    assert_eq!(ask(DECODERS, &twice, &[LINE], false).rules, [Some(100)]);
    let wrong = ask(DECODERS, &rule("<match negate=\"maybe\">ann</match>"), &[LINE], false);
    assert_eq!((wrong.rules, wrong.codes), (vec![Some(100)], vec!["R069"]));
}

// D4
#[test]
fn type_is_obeyed_by_default_and_ignored_by_ossec() {
    // In the element's own language each of these matches nothing in the line.
    let rows = [
        "<match type=\"pcre2\">u=[a-n]{3} </match>",
        "<match type=\"osregex\">u=\\w+ s</match>",
        "<regex type=\"pcre2\">u=[a-n]{3} </regex>",
        "<regex type=\"osmatch\">nothing|u=ann s</regex>",
        "<user type=\"pcre2\">^[a-n]+$</user>",
        "<url type=\"PCRE2\">^/[a-c]{3}</url>",
        "<program_name type=\"pcre2\">^d[e-m]+o$</program_name>",
        "<hostname type=\"pcre2\">h[0-9]$</hostname>",
        "<srcport type=\"pcre2\">^1{2}$</srcport>",
        "<status type=\"pcre2\">ok?a</status>",
        "<extra_data type=\"pcre2\">d.t</extra_data>",
        "<id type=\"pcre2\">^7{3}$</id>",
        "<action type=\"pcre2\">^dr[op]+$</action>",
        "<action type=\"osmatch\">^dro</action>",
        "<field name=\"dyn\" type=\"pcre2\">^q{3}$</field>",
        "<field type=\"pcre2\" name=\"dyn\">^q{3}$</field>",
    ];
    for element in rows {
        let default = ask(DECODERS, &rule(element), &[LINE], false);
        assert_eq!(default.rules, [Some(100)], "{element}: {:?}", default.errors);
        assert!(default.codes.is_empty(), "{element}: {:?}", default.codes);
        let strict = ask(DECODERS, &rule(element), &[LINE], true);
        if !element.contains("osmatch\">nothing") {
            assert_eq!(strict.rules, [None], "{element}: {:?}", strict.errors);
        }
        assert_eq!(strict.codes, ["R013"], "{element}");
    }
    assert_eq!(ask(DECODERS, &rule("<match type=\"sregex\">ann</match>"), &[LINE], false).codes, ["R068"]);
    assert_eq!(
        ask(DECODERS, &rule("<action type=\"string\" negate=\"yes\">pass</action>"), &[LINE], false).rules,
        [Some(100)]
    );
}

// D4
#[test]
fn a_field_needs_its_name_only() {
    let named = "<field name=\"dyn\" foo=\"bar\">qqq</field>";
    for strict_ossec in [false, true] {
        assert_eq!(ask(DECODERS, &rule(named), &[LINE], strict_ossec).rules, [Some(100)]);
        assert_eq!(ask(DECODERS, &rule("<field foo=\"bar\">qqq</field>"), &[LINE], strict_ossec).errors.len(), 1);
    }
}

// D4
#[test]
fn decoded_as_of_a_child_without_its_own_name_loads_and_never_matches() {
    for strict_ossec in [false, true] {
        let child = ask(DECODERS, &rule("<decoded_as>demo-all</decoded_as>"), &[LINE], strict_ossec);
        assert_eq!((child.rules, child.codes), (vec![None], vec!["R056"]));
        let own = DECODERS.replace("<parent>demo</parent>", "<parent>demo</parent><use_own_name>true</use_own_name>");
        let own = ask(&own, &rule("<decoded_as>demo-all</decoded_as>"), &[LINE], strict_ossec);
        assert_eq!((own.rules, own.codes), (vec![Some(100)], vec![]));
        let unknown = ask(DECODERS, &rule("<decoded_as>demo-al</decoded_as>"), &[LINE], strict_ossec);
        assert_eq!(unknown.codes, ["R040"]);
    }
}

fn decoders(parent: &str, child: &str) -> String {
    format!(
        "<decoder name=\"other\"><prematch>^zzz</prematch></decoder>\n<decoder name=\"demo\">{parent}</decoder>\n\
         <decoder name=\"demo-child\"><parent>demo</parent>{child}</decoder>"
    )
}

// D4, C14
#[test]
fn attributes_of_decoders_that_ossec_ignores_are_warnings() {
    let rows = [
        ("<program_name foo=\"bar\">^demo</program_name>", "<regex>u=(\\S+)</regex><order>user</order>"),
        ("<program_name>^demo</program_name>", "<regex>u=(\\S+)</regex><order foo=\"bar\">user</order>"),
        (
            "<program_name>^demo</program_name>",
            "<regex offset=\"after_parent\" foo=\"bar\">u=(\\S+)</regex><order>user</order>",
        ),
        (
            "<program_name>^demo</program_name>",
            "<prematch offset=\"after_parent\" foo=\"bar\">u=</prematch><regex>u=(\\S+)</regex><order>user</order>",
        ),
        (
            "<program_name>^demo</program_name>",
            "<regex>u=(\\S+)</regex><order>user</order><fts foo=\"bar\">name, user</fts>",
        ),
        (
            "<program_name>^demo</program_name>",
            "<use_own_name foo=\"bar\">true</use_own_name><regex>u=(\\S+)</regex><order>user</order>",
        ),
        (
            "<program_name>^demo</program_name><type foo=\"bar\">syslog</type>",
            "<regex>u=(\\S+)</regex><order>user</order>",
        ),
        ("<program_name>^demo</program_name><accumulate foo=\"bar\" />", "<regex>u=(\\S+)</regex><order>user</order>"),
    ];
    for (parent, child) in rows {
        for strict_ossec in [false, true] {
            let answers = ask(&decoders(parent, child), &rule("<user>ann</user>"), &[LINE], strict_ossec);
            assert_eq!(answers.rules, [Some(100)], "{parent} {child}: {:?}", answers.errors);
            assert_eq!(answers.codes, ["D004"], "{parent} {child}");
        }
    }
    let plugin = decoders(
        "<program_name>^demo</program_name>",
        "<plugin_decoder offset=\"after_parent\">PF_Decoder</plugin_decoder>",
    );
    assert_eq!(ask(&plugin, &rule("<match>u=</match>"), &[LINE], true).codes, ["D004"]);
    // OSSEC refuses a first attribute of these that is not offset.
    for element in ["prematch", "regex"] {
        let child = format!("<{element} foo=\"bar\">u=(\\S+)</{element}>");
        for strict_ossec in [false, true] {
            let answers = ask(
                &decoders("<program_name>^demo</program_name>", &child),
                &rule("<match>u=</match>"),
                &[LINE],
                strict_ossec,
            );
            assert!(answers.errors.iter().any(|error| error.starts_with("D004")), "{child}");
        }
    }
}

// D4
#[test]
fn type_of_a_decoders_pattern_is_obeyed_by_default_and_refused_by_ossec() {
    let regex = decoders(
        "<program_name type=\"pcre2\">^d[e-m]+o$</program_name>",
        "<prematch type=\"pcre2\">u=[a-z]{3}</prematch><regex offset=\"after_prematch\" type=\"pcre2\">s=([0-9.]{3,})</regex><order>srcip</order>",
    );
    let default = ask(&regex, &rule("<srcip>192.0.2.1</srcip>"), &[LINE], false);
    assert_eq!(default.rules, [Some(100)], "{:?}", default.errors);
    assert!(default.codes.is_empty(), "{:?}", default.codes);
    let strict = ask(&regex, &rule("<srcip>192.0.2.1</srcip>"), &[LINE], true);
    assert!(strict.errors.iter().any(|error| error.starts_with("D004")), "{:?}", strict.errors);
    let name = decoders(
        "<program_name type=\"pcre2\">^d[e-m]+o$</program_name>",
        "<regex>u=(\\S+)</regex><order>user</order>",
    );
    let strict = ask(&name, &rule("<user>ann</user>"), &[LINE], true);
    assert_eq!((strict.rules, strict.codes), (vec![None], vec!["D004"]));
}

// D4
#[test]
fn after_regex_may_stand_further_down_than_the_decoder_of_its_name() {
    let decoders = |second: &str| {
        format!(
            "<decoder name=\"other\"><prematch>^zzz</prematch></decoder>\n\
             <decoder name=\"demo\"><program_name>^demo</program_name></decoder>\n\
             <decoder name=\"a\"><parent>demo</parent><prematch>^u=</prematch><regex offset=\"after_prematch\">(\\w+)</regex><order>user</order></decoder>\n\
             <decoder name=\"b\"><parent>demo</parent><prematch>^v=</prematch><regex>i=(\\d+)</regex><order>id</order></decoder>\n{second}"
        )
    };
    let second = "<decoder name=\"a\"><parent>demo</parent><regex offset=\"after_regex\">sp=(\\d+)</regex><order>srcport</order></decoder>";
    let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let lines = [LINE, "Oct 11 22:14:15 h1 demo: v= i=7"];
    let default = ask(&decoders(second), &rule("<match>=</match>"), &lines, false);
    assert_eq!(default.codes, ["D028"], "{:?}", default.errors);
    assert_eq!(default.fields, [vec![field("dstuser", "ann"), field("srcport", "11")], vec![field("id", "7")]]);
    // OSSEC goes on with the decoder that follows, so that this one is no decoder of its own any more.
    let strict = ask(&decoders(second), &rule("<match>=</match>"), &lines, true);
    assert_eq!(strict.codes, ["D028"], "{:?}", strict.errors);
    assert_eq!(strict.fields, [vec![field("dstuser", "ann"), field("id", "777")], vec![]]);
    // Without any decoder of its name it stays an error.
    let alone = second.replace("\"a\"", "\"c\"");
    assert_eq!(ask(&decoders(&alone), &rule("<match>=</match>"), &lines, false).errors.len(), 1);
}
