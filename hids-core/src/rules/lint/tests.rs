//! Each finding on the smallest rules that show it, and its absence on their neighbours.

use super::lint;
use crate::diag::{Diagnostic, SourceFile};
use crate::rules::{ListTables, RuleOptions};

const DECODERS: &str = r#"
<decoder name="sshd"><program_name>^sshd$</program_name></decoder>
<decoder name="sshd-from"><parent>sshd</parent><regex>from (\S+) of (\S+)</regex><order>srcip, user</order></decoder>
<decoder name="su"><program_name>^su$</program_name></decoder>
<decoder name="su-user"><parent>su</parent><regex>for (\S+)</regex><order>user</order></decoder>
<decoder name="access"><type>web-log</type><prematch>^\d+ GET </prematch></decoder>"#;

const ROOTS: &str = r#"
<group name="roots,">
  <rule id="1" level="0" noalert="1"><category>syslog</category><description>-</description></rule>
  <rule id="4" level="0" noalert="1"><category>web-log</category><description>-</description></rule>
</group>"#;

fn problems(rules: &str) -> Vec<Diagnostic> {
    problems_with(rules, &RuleOptions::default())
}

fn problems_with(rules: &str, options: &RuleOptions) -> Vec<Diagnostic> {
    let file = |name: &str, text: &str| SourceFile::new(name, text);
    let rules = format!("<group name=\"t,\">\n{rules}\n</group>");
    let files = [file("roots.xml", ROOTS), file("r.xml", &rules)];
    let found = lint(&[file("d.xml", DECODERS)], &files, &ListTables::default(), options);
    for problem in &found {
        assert!(problem.span.is_some() && problem.help.is_some(), "no place or no hint: {}", problem.render());
    }
    found
}

fn codes(rules: &str) -> Vec<&'static str> {
    problems(rules).iter().map(|problem| problem.code).collect()
}

fn rule(id: u32, level: u16, body: &str) -> String {
    format!("<rule id=\"{id}\" level=\"{level}\">{body}<description>-</description></rule>\n")
}

#[test]
fn a_sibling_without_conditions_hides_those_after_it() {
    let all = rule(100, 5, "<if_sid>1</if_sid>");
    let lower = rule(101, 3, "<if_sid>1</if_sid><match>x</match>");
    let higher = rule(102, 7, "<if_sid>1</if_sid><match>z</match>");
    let found = problems(&format!("{all}{lower}{higher}"));
    assert_eq!(found.len(), 1);
    assert!(
        found[0].message.starts_with("rule 101 never fires: it is shadowed by rule 100 (r.xml:2)"),
        "{}",
        found[0].message
    );
}

#[test]
fn a_wider_pattern_hides_a_narrower_one_after_it_only() {
    let wide = rule(100, 5, "<if_sid>1</if_sid><match>denied|refused</match>");
    let narrow = rule(101, 5, "<if_sid>1</if_sid><pcre2>^Access DENIED</pcre2><user>root</user>");
    let other = rule(102, 5, "<if_sid>1</if_sid><match>^denied|failed</match>");
    assert_eq!(codes(&format!("{wide}{narrow}{other}")), ["R060"]);
    assert_eq!(codes(&format!("{narrow}{other}{wide}")), [""; 0]);
}

#[test]
fn a_rule_with_another_parent_or_a_hider_that_counts_is_not_hidden() {
    let all = rule(100, 5, "<if_sid>1</if_sid><match>x</match>");
    let elsewhere = rule(101, 3, "<if_sid>1, 100</if_sid><match>x</match>");
    assert_eq!(codes(&format!("{all}{elsewhere}")), [""; 0]);
    let counting = "<rule id=\"102\" level=\"9\" frequency=\"3\"><if_matched_sid>100</if_matched_sid><description>-</description></rule>";
    let after = rule(103, 5, "<if_sid>100</if_sid><match>y</match>");
    assert_eq!(codes(&format!("{all}{counting}{after}")), [""; 0]);
}

#[test]
fn a_decoder_that_the_parent_excludes_is_a_contradiction_and_what_hangs_below_is_named() {
    let parent = rule(100, 5, "<decoded_as>sshd</decoded_as>");
    let wrong = rule(101, 6, "<if_sid>100</if_sid><decoded_as>su</decoded_as>");
    let below = rule(102, 6, "<if_sid>101</if_sid><match>x</match>");
    assert_eq!(codes(&format!("{parent}{wrong}{below}")), ["R063", "R061"]);
    assert_eq!(codes(&rule(100, 5, "<decoded_as>access</decoded_as>")), ["R063"]);
    assert_eq!(codes(&rule(100, 5, "<category>web-log</category><decoded_as>access</decoded_as>")), [""; 0]);
}

#[test]
fn a_level_that_no_earlier_rule_has_is_named() {
    assert_eq!(
        codes(&format!(
            "{}{}",
            rule(100, 5, "<match>x</match>"),
            rule(101, 9, "<if_level>12</if_level><match>y</match>")
        )),
        ["R062"]
    );
}

#[test]
fn counting_what_is_never_kept_is_named() {
    let silent = rule(100, 0, "<match>x</match>");
    let counted = "<rule id=\"101\" level=\"9\" frequency=\"3\"><if_matched_sid>100</if_matched_sid><description>-</description></rule>";
    assert_eq!(codes(&format!("{silent}{counted}")), ["R064"]);
    let loud = rule(100, 3, "<match>x</match>");
    assert_eq!(codes(&format!("{loud}{counted}")), [""; 0]);
    // D5: the default mode keeps as many events as rules ask for.
    let many = format!("{loud}{}", counted.replace("\"3\"", "\"128\""));
    assert_eq!(codes(&many), [""; 0]);
    let strict = RuleOptions { strict_ossec: true, ..RuleOptions::default() };
    assert_eq!(problems_with(&many, &strict)[0].code, "R065");
    assert!(problems_with(&many, &RuleOptions { rule_memory_size: 200, ..strict }).is_empty());
    let group = rule(100, 0, "<match>x</match><group>tick,</group>");
    let of_group =
        "<rule id=\"101\" level=\"9\"><if_matched_group>tick</if_matched_group><description>-</description></rule>";
    assert_eq!(codes(&format!("{group}{of_group}")), ["R066"]);
    let two = format!("{loud}{}{}", rule(99, 3, "<match>y</match>"), counted.replace(">100<", ">100, 99<"));
    assert_eq!(codes(&two), ["R067"]);
}

#[test]
fn patterns_are_reported_at_their_place() {
    let found = problems(&rule(100, 5, "<match>a \\<b</match>"));
    assert_eq!(found[0].code, "P014");
    assert!(found[0].render().starts_with("r.xml:2:33: warning[P014]"), "{}", found[0].render());
    assert_eq!(codes(&rule(100, 5, "<regex>a^b</regex>")), ["P010"]);
    assert_eq!(codes(&rule(100, 5, "<match>a|\n b</match>")), ["P015"]);
    assert_eq!(codes(&rule(100, 5, "<pcre2>(a)b\\1</pcre2>")), ["P013"]);
    assert_eq!(codes(&rule(100, 5, "<pcre2>x(a|b)+c</pcre2><match>plain text</match>")), [""; 0]);
}

// C28
#[test]
fn a_regex_that_needs_the_text_of_an_earlier_match_is_hidden() {
    let regex = rule(100, 4, r"<regex>^alice/\S+ Connection reset|^bob/\S+ Connection reset</regex>");
    let wide = rule(101, 5, "<match>Connection reset</match>");
    let found = problems(&format!("{regex}{wide}"));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].message.starts_with("rule 100 never fires: it is shadowed by rule 101"), "{}", found[0].message);
    let pcre2 = rule(100, 4, r"<pcre2>^alice/\S+ (?:Connection) reset by</pcre2>");
    assert_eq!(codes(&format!("{pcre2}{wide}")), ["R060"]);
    // One alternative, or one letter, is enough to have its chance.
    for body in [
        r"<regex>^alice/\S+ Connection reset|^bob/\S+ gone</regex>",
        r"<regex>Connection \w*reset</regex>",
        r"<pcre2>Connection (reset)?</pcre2>",
        r#"<match negate="yes">Connection reset</match>"#,
    ] {
        assert_eq!(codes(&format!("{}{wide}", rule(100, 4, body))), [""; 0], "{body}");
    }
    assert_eq!(
        codes(&format!("{}{}", rule(100, 4, r"<regex>^alice \S+ x</regex>"), rule(101, 5, "<match>^alice</match>"))),
        ["R060"]
    );
    assert_eq!(
        codes(&format!("{}{}", rule(100, 4, r"<regex>x alice \S+</regex>"), rule(101, 5, "<match>^alice</match>"))),
        [""; 0]
    );
}

// C29
#[test]
fn a_rule_without_parent_on_fields_of_decoders_that_have_rules_is_named() {
    let sshd = rule(100, 0, "<decoded_as>sshd</decoded_as>");
    let below = rule(101, 5, "<if_sid>100</if_sid><match>Failed</match>");
    let silent = rule(102, 0, "<srcip>192.0.2.209</srcip>");
    let found = problems(&format!("{sshd}{below}{silent}"));
    assert_eq!(found.iter().map(|problem| problem.code).collect::<Vec<_>>(), ["R058"]);
    assert!(
        found[0].message.contains("rule 102") && found[0].message.contains("rule 100 (r.xml:2)"),
        "{}",
        found[0].message
    );
    assert!(found[0].help.as_ref().is_some_and(|help| help.contains("<if_level>")));
    // Before it, below a rule, of a decoder, or for a decoder without rules it is tried.
    assert_eq!(codes(&format!("{silent}{sshd}{below}")), [""; 0]);
    assert_eq!(codes(&format!("{sshd}{}", rule(102, 0, "<if_sid>100</if_sid><srcip>192.0.2.209</srcip>"))), [""; 0]);
    assert_eq!(codes(&format!("{}{silent}", rule(100, 0, "<decoded_as>su</decoded_as>"))), [""; 0]);
    assert_eq!(codes(&format!("{sshd}{}", rule(102, 0, "<match>a</match>"))), [""; 0]);
    // One of a higher level is named if no decoder is left for it.
    let loud = rule(102, 5, "<srcip>192.0.2.209</srcip>");
    assert_eq!(codes(&format!("{sshd}{loud}")), ["R058"]);
    assert_eq!(codes(&format!("{sshd}{}", loud.replace("srcip", "user"))), [""; 0]);
}
