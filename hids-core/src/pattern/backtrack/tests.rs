//! The back-tracker against PCRE2 and against the linear-time engine, on patterns made at random.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;

use super::*;
use crate::pattern::backtracking::Backtracking;
use crate::pattern::linear::{Encoding, Linear};

/// Ends and groups of the first match, by the back-tracker.
fn own(tracker: &Backtracker, subject: &[u8]) -> Result<(Option<usize>, Captures), Exhausted> {
    let mut captures = Captures::default();
    let end = tracker.captures(subject, 0, &mut captures)?;
    Ok((end, captures))
}

fn check_against_pcre2(text: &str, subject: &[u8]) -> Result<bool, TestCaseError> {
    let Ok(theirs) = Backtracking::only_pcre2(text) else { return Ok(false) };
    let Some(tracker) = Backtracker::for_pcre2(text, theirs.groups()) else { return Ok(false) };
    let mut captures = Captures::default();
    let end = theirs.captures(subject, &mut captures);
    let Ok(ours) = own(&tracker, subject) else { return Ok(false) };
    if theirs.limit_hits() > 0 {
        return Ok(false);
    }
    prop_assert_eq!(ours.0, end, "end of {:?} in {:?}", text, subject.escape_ascii().to_string());
    prop_assert_eq!(
        ours.1.spans(),
        captures.spans(),
        "groups of {:?} in {:?}",
        text,
        subject.escape_ascii().to_string()
    );
    prop_assert_eq!(tracker.find_end(subject, 0), Ok(end));
    if end.is_some()
        && let Ok(superset) = Linear::new(tracker.superset(), Encoding::Bytes)
    {
        prop_assert!(superset.is_match(subject).unwrap_or(true), "{} is not wider than {}", tracker.superset(), text);
    }
    Ok(true)
}

/// A pattern with every construct that is known, nested at random.
fn pattern() -> impl Strategy<Value = String> {
    let atom = prop_oneof![
        6 => "[ab]",
        1 => Just(".".to_owned()),
        2 => prop_oneof![Just(r"\w"), Just(r"\W"), Just(r"\d"), Just(r"\S"), Just("[^a]"), Just("[ab]"), Just(r"\R")].prop_map(str::to_owned),
        1 => prop_oneof![Just("^"), Just("$"), Just(r"\b"), Just(r"\B"), Just(r"\z"), Just(r"\Z"), Just(r"\A"), Just(r"\G"), Just("(?m)"), Just("(?-i)"), Just("(?s)"), Just(r"\K")].prop_map(str::to_owned),
        2 => prop_oneof![Just(r"\1"), Just(r"\2"), Just(r"\g{-1}")].prop_map(str::to_owned),
    ];
    atom.prop_recursive(5, 40, 4, |inner| {
        let quantifier = prop_oneof![
            Just(""),
            Just("*"),
            Just("+"),
            Just("?"),
            Just("*?"),
            Just("+?"),
            Just("??"),
            Just("*+"),
            Just("++"),
            Just("?+"),
            Just("{2}"),
            Just("{1,2}"),
            Just("{2,}"),
            Just("{0,2}?"),
            Just("{0}"),
        ];
        let opening = prop_oneof![
            4 => Just("("), 3 => Just("(?:"), 1 => Just("(?="), 1 => Just("(?!"), 1 => Just("(?<="), 1 => Just("(?<!"),
            1 => Just("(?>"), 1 => Just("(?-i:"),
        ];
        prop_oneof![
            2 => proptest::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
            2 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("(?:{a}|{b})")),
            4 => (opening, inner, quantifier).prop_map(|(opening, inner, quantifier)| {
                let around = ["(?=", "(?!", "(?<=", "(?<!"].contains(&opening);
                format!("{opening}{inner}){}", if around { "" } else { quantifier })
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn nested_patterns_answer_as_in_pcre2(text in pattern(), subjects in proptest::collection::vec("[abAB0 \n]{0,9}", 6)) {
        for subject in subjects {
            check_against_pcre2(&text, subject.as_bytes())?;
        }
    }

    #[test]
    fn any_text_answers_as_in_pcre2(text in "([ab.|()?*+\\[\\]^$\\\\dwsxR{}0-3:<=>!#,QEk'P-]|\\(\\?[=!>:]|\\(\\?<[=!]|a\\)|[*+?]\\+){1,14}", subject in "[abAB01 .:\\n-]{0,12}") {
        check_against_pcre2(&text, subject.as_bytes())?;
    }

    #[test]
    fn expressions_answer_as_in_the_linear_time_engine(text in "([ab.|()?*+^$]|\\[\\^?[ab]\\]|a\\)|\\+\\?|\\{1,3\\}){1,12}", subject in "[abAB01 é]{0,12}") {
        for encoding in [Encoding::Bytes, Encoding::Characters] {
            let Ok(linear) = Linear::new(&text.replace('^', "\\A").replace('$', "\\z"), encoding) else { return Ok(()) };
            // Loops around nothing are the one thing in which the engines differ; patterns of ours have none.
            let Some(tracker) = linear.hir().as_ref().and_then(Backtracker::for_hir) else { return Ok(()) };
            if tracker.code.empty_loops > 0 {
                return Ok(());
            }
            let end = linear.find_end(subject.as_bytes()).unwrap();
            prop_assert_eq!(tracker.find_end(subject.as_bytes(), 0), Ok(end));
            prop_assert_eq!(linear.find(subject.as_bytes()).unwrap().map(|span| span.end), end);
            let mut slots = Vec::new();
            let (ours, found) = (own(&tracker, subject.as_bytes()).unwrap(), linear.captures(subject.as_bytes(), &mut slots).unwrap());
            prop_assert_eq!(ours.0.is_some(), found);
            if found {
                let groups = slots[2..].chunks_exact(2).filter_map(|pair| Some(pair[0]?.get()..pair[1]?.get()));
                prop_assert_eq!(ours.1.spans(), groups.collect::<Vec<_>>());
            }
        }
    }
}

#[test]
fn most_patterns_of_the_tests_are_compared() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let known = (0..400).filter(|_| {
        let text = pattern().new_tree(&mut runner).unwrap().current();
        check_against_pcre2(&text, b"abab ba0").unwrap()
    });
    assert!(known.count() > 150);
}

#[test]
fn newline_after_the_dollar_sign_can_be_matched() {
    for (text, end) in [(r"\Z\W", Some(1)), (r"(?:$)\n(?!x)", Some(1)), (r"\n$(?!x)", Some(1))] {
        assert!(check_against_pcre2(text, b"\n").unwrap());
        assert_eq!(Backtracking::new(text).unwrap().find_end(b"\n"), end, "{text}");
    }
}

#[test]
fn step_that_failed_at_a_place_is_not_taken_there_again() {
    let text = "a".repeat(20_000);
    for pattern in ["(?!b)(a+)+c", "(?>a+)b", "(?:(?=.*a)a)*b", "(?:a|a|a?)+(?=c)b", "(?<!b)(?:a*a*a*)*c"] {
        let tracker = Backtracker::for_pcre2(pattern, pattern.matches("(a").count()).unwrap();
        assert_eq!(tracker.find_end(text.as_bytes(), 0), Ok(None), "{pattern}");
    }
}

#[test]
fn repeated_text_is_given_up_after_the_steps_that_are_allowed() {
    let tracker = Backtracker::for_pcre2(r"(a+)+\1b", 1).unwrap();
    assert_eq!(tracker.find_end("a".repeat(5_000).as_bytes(), 0), Err(Exhausted));
}

#[test]
fn names_references_and_looking_behind_are_known() {
    for (text, subject, end) in [
        (r"(?<q>['x])\w+\k<q>", "a 'bc'", Some(6)),
        (r"(?P<q>.)-(?P=q)", "ab-b", Some(4)),
        (r"\g{2}(b)|(a)", "ba", Some(2)),
        (r"(?<=ab|c)d", "abd", Some(3)),
        (r"(?<=ab|c)d", "bd", None),
        (r"(?i:a)(?-i)b(?#comment)c", "AbC", None),
        (r"\Qa.b\E(?=c)", "a.bc", Some(3)),
        (r"(?m)^b(?=$)", "a\nb\n", Some(3)),
        (r"\x41\x{42}[\x43-d](?=\t)", "abD\t", Some(3)),
    ] {
        let groups = Backtracking::only_pcre2(text).unwrap().groups();
        let tracker = Backtracker::for_pcre2(text, groups).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(tracker.find_end(subject.as_bytes(), 0), Ok(end), "{text}");
    }
}
