//! `overwrite="yes"`: what stays, ends and begins without being written is said (R032), and is so.

use super::*;

/// What R032 says of a rule 100 that is written twice.
fn told(original: &str, again: &str) -> Vec<String> {
    let (_, diagnostics) = compile(&twice(original, again), EngineOptions::default());
    let of_overwrite = diagnostics.into_iter().filter(|diagnostic| diagnostic.code == "R032");
    of_overwrite
        .map(|diagnostic| {
            assert!(diagnostic.span.is_some(), "{diagnostic:?}");
            diagnostic.message
        })
        .collect()
}

fn twice(original: &str, again: &str) -> String {
    format!(
        "<group name=\"local,\">\
         <rule id=\"99\" level=\"1\"><decoded_as>demo</decoded_as><description>other</description></rule>\
         <rule id=\"100\" level=\"5\"{original}<description>one</description></rule>\
         <rule id=\"100\" level=\"6\" overwrite=\"yes\"{again}<description>two</description></rule></group>"
    )
}

/// Whether rule 100 takes each message, as it is written first and when it is written again.
fn takes(original: &str, again: &str, messages: &[&str]) -> Vec<(bool, bool)> {
    let first = twice(original, again).replace(" overwrite=\"yes\"", "").replacen(
        "\"100\" level=\"6\"",
        "\"101\" level=\"0\"",
        1,
    );
    let first = first.replace("<description>two", "<match>zzz</match><description>two");
    let rules = [first, twice(original, again)];
    let [mut first, mut second] = rules.map(|rules| engine(&rules, false));
    let is_taken = |engine: &mut Engine, message| fired(engine, message, 0).0 == Some(100);
    messages.iter().map(|message| (is_taken(&mut first, message), is_taken(&mut second, message))).collect()
}

const DEMO: &str = "><decoded_as>demo</decoded_as>";

#[test]
fn what_overwrite_does_not_change_is_named() {
    let again = |element: &str| told(DEMO, &format!("{DEMO}{element}"));
    let expected = |parts: &str| {
        [format!("overwrite does not change {parts} of rule 100, as in OSSEC")].map(String::from).to_vec()
    };
    assert_eq!(again("<pcre2>^x</pcre2>"), expected("the pcre2 conditions"));
    assert_eq!(again("<list field=\"srcip\" lookup=\"address_match_key\">lists/x</list>"), expected("the lists"));
    assert_eq!(again("<ignore>user</ignore>"), expected("ignore and check_if_ignored"));
    assert_eq!(
        again("<pcre2>^x</pcre2><check_if_ignored>user</check_if_ignored>"),
        expected("the pcre2 conditions, ignore and check_if_ignored")
    );
    assert_eq!(again("<match>x</match>"), [] as [&str; 0]);
    let same = format!("{DEMO}<pcre2>^x</pcre2>");
    assert_eq!(told(&same, &same), [] as [&str; 0], "written again as it was");
    assert_eq!(takes(DEMO, &format!("{DEMO}<pcre2>^x</pcre2>"), &["x", "y"]), [(true, true), (true, true)]);
}

#[test]
fn pcre2_condition_that_is_no_longer_tested_is_named() {
    let original = format!("{DEMO}<hostname_pcre2>^other$</hostname_pcre2>");
    let messages = told(&original, DEMO);
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert!(
        messages[0]
            .starts_with("with this definition hostname_pcre2 of rule 100 is no longer evaluated, as in OSSEC: "),
        "{messages:?}"
    );
    assert_eq!(takes(&original, DEMO, &["x"]), [(false, true)]);
    // A condition of the same kind keeps it.
    let again = format!("{DEMO}<program_name>^demo</program_name>");
    assert_eq!(told(&original, &again), [] as [&str; 0]);
    assert_eq!(takes(&original, &again, &["x"]), [(false, false)]);
}

#[test]
fn pcre2_condition_that_is_tested_from_now_on_is_named() {
    let original = format!("{DEMO}<regex>^x</regex><pcre2>y$</pcre2>");
    assert_eq!(
        told(&original, DEMO),
        ["with this definition pcre2 of rule 100 is evaluated, as in OSSEC: the plain form that replaced it is gone"]
    );
    assert_eq!(takes(&original, DEMO, &["xy", "xz", "zy"]), [(true, true), (true, false), (false, true)]);
}

#[test]
fn rule_that_no_longer_counts_is_named() {
    let original = " frequency=\"2\" timeframe=\"60\"><if_matched_sid>99</if_matched_sid>";
    assert_eq!(
        told(original, DEMO),
        ["rule 100 is no longer a composite rule: the new definition has no if_matched_…"]
    );
    assert_eq!(told(original, original), [] as [&str; 0]);
}
