//! Small cases of each dialect; OSSEC's own answers are compared in `tests/compat`.

use super::*;

fn groups(pattern: &Pattern, subject: &str) -> Option<Vec<String>> {
    let mut captures = Captures::default();
    pattern.captures(subject.as_bytes(), &mut captures)?;
    Some(captures.spans().iter().map(|span| subject[span.clone()].to_owned()).collect())
}

#[test]
fn quantifiers_of_os_regex_are_lazy_except_at_the_end() {
    let pattern = Pattern::os_regex(r"for (\.+) from (\S+)").unwrap();
    assert_eq!(groups(&pattern, "x for a from b from c"), Some(vec!["a".into(), "b".into()]));
    let pattern = Pattern::os_regex(r"(\d+)(\d+)").unwrap();
    assert_eq!(groups(&pattern, "12345"), Some(vec!["1".into(), "2345".into()]));
}

#[test]
fn groups_that_took_no_part_are_left_out() {
    let pattern = Pattern::os_regex(r"x(\d+)|y(\d+)").unwrap();
    assert_eq!(groups(&pattern, "y77"), Some(vec!["77".into()]));
}

#[test]
fn unknown_escape_of_os_regex_is_refused_with_its_place() {
    assert_eq!(Pattern::os_regex(r"ab\n").unwrap_err(), PatternError::Escape { at: 2, what: "n".into() });
    assert_eq!(Pattern::os_regex("a(b").unwrap_err(), PatternError::Parenthesis { at: 1 });
}

// O-B14: the offset is that in the pattern as written, without what is put before it.
#[test]
fn an_error_of_pcre2_names_the_place_in_the_pattern_as_written() {
    for (pattern, at, said) in
        [("abc[d", 5, "missing terminating ]"), ("(a", 2, "parenthesis"), ("a(?<n>b", 7, "paren")]
    {
        let error = Pattern::pcre2(pattern).unwrap_err();
        assert!(matches!(error, PatternError::Pcre2 { at: Some(place), .. } if place == at), "{pattern}: {error:?}");
        let text = error.to_string();
        assert!(text.contains(said) && text.ends_with(&format!(" at position {}", at + 1)), "{pattern}: {text}");
        assert_eq!(text.matches(char::is_numeric).count(), 1, "{pattern}: {text}");
    }
}

#[test]
fn one_invalid_byte_does_not_switch_a_pattern_off() {
    let line = b"a needle \xff z";
    assert!(Pattern::os_match("needle").unwrap().is_match(line));
    assert!(!Pattern::with_subject(Dialect::OsMatch, "needle", Subject::StrictUtf8).unwrap().is_match(line));
}

#[test]
fn look_around_needs_back_tracking_and_plain_patterns_do_not() {
    assert!(Pattern::pcre2("x(?=y)").unwrap().backtracks());
    assert!(!Pattern::pcre2(r"^(?:a|b)[\w.-]+\[\d{1,3}\]: (?<n>\S+)$").unwrap().backtracks());
}

#[test]
fn brackets_and_operators_in_classes_are_literal() {
    let pattern = Pattern::pcre2("^[[&&~~x]+$").unwrap();
    assert!(!pattern.backtracks());
    assert!(pattern.is_match(b"[&~X"));
    assert!(!pattern.is_match(b"a"));
}

#[test]
fn evil_pattern_is_given_up_and_counted() {
    let pattern = Pattern::pcre2(r"^(a+)+\1$").unwrap();
    assert!(!pattern.is_match(format!("{}b\n", "a".repeat(60)).as_bytes()));
    assert_eq!(pattern.limit_hits(), 1);
}

proptest::proptest! {
    #[test]
    fn any_text_is_compiled_or_refused_without_panic(text in "\\PC{0,40}", subject in proptest::collection::vec(proptest::num::u8::ANY, 0..80)) {
        for dialect in [Dialect::OsRegex, Dialect::OsMatch, Dialect::Pcre2, Dialect::Word] {
            if let Ok(pattern) = Pattern::new(dialect, &text) {
                let end = pattern.captures(&subject, &mut Captures::default());
                proptest::prop_assert_eq!(end.is_some(), pattern.is_match(&subject));
            }
        }
    }

    #[test]
    fn translated_pcre2_answers_like_pcre2(text in "[ab.|()?*+\\[\\]^$\\\\dws{}0-3:-]{1,12}", subject in "[ab01 .:\\n-]{0,12}") {
        let Ok(pattern) = Pattern::pcre2(&text) else { return Ok(()) };
        if let Program::Automaton(_) = pattern.program {
            let Ok(backtracking) = backtracking::Backtracking::new(&text) else {
                return Err(proptest::test_runner::TestCaseError::fail(format!("PCRE2 refuses {text:?}")));
            };
            let (mut ours, mut theirs) = (Captures::default(), Captures::default());
            let end = pattern.captures(subject.as_bytes(), &mut ours);
            proptest::prop_assert_eq!(end, backtracking.captures(subject.as_bytes(), &mut theirs));
            proptest::prop_assert_eq!(ours.spans(), theirs.spans());
        }
    }

    #[test]
    fn prefilter_refuses_no_line_that_matches(text in "([abc#%<]{0,3}[.|()?*+\\[\\]^$\\\\dws{}0-3:-]{0,3}){1,4}", subject in "[abcABC01 .:\\n#%<{}$|-]{0,24}") {
        for dialect in [Dialect::OsRegex, Dialect::OsMatch, Dialect::Pcre2] {
            let Ok(pattern) = Pattern::new(dialect, &text) else { continue };
            let mut builder = PrefilterBuilder::default();
            let Some(required) = builder.add(&pattern) else { continue };
            let mut seen = Seen::default();
            builder.build().scan(subject.as_bytes(), &mut seen);
            let matches = pattern.is_match(subject.as_bytes());
            proptest::prop_assert!(required.may_match(&seen) || !matches);
            proptest::prop_assert_eq!(required.matches(&seen).unwrap_or(matches), matches);
        }
    }

    #[test]
    fn alternatives_of_literals_match_where_the_search_finds_one(text in "[ab]{3,4}(\\|[aB ]{3}){0,3}", subject in "[abAB \u{e4}]{0,24}") {
        for dialect in [Dialect::OsRegex, Dialect::OsMatch] {
            let pattern = Pattern::new(dialect, &text).unwrap();
            let mut builder = PrefilterBuilder::default();
            let required = builder.add(&pattern).unwrap();
            let mut seen = Seen::default();
            builder.build().scan(subject.as_bytes(), &mut seen);
            proptest::prop_assert_eq!(required.matches(&seen), Some(pattern.is_match(subject.as_bytes())));
        }
    }
}

#[test]
fn class_of_a_bracket_and_a_colon_is_no_posix_class() {
    let pattern = Pattern::pcre2("^[[:]$").unwrap();
    assert_eq!(["[", ":", "]"].map(|text| pattern.is_match(text.as_bytes())), [true, true, false]);
}

#[test]
fn pattern_that_backtracks_finds_the_first_place_and_its_end() {
    // The search is written into the pattern, so that the match limit counts it as one.
    for (text, subject, end, group) in [
        (r"(?!b)(\w)\1", "ab ccdd", 5, 3..4),
        (r"(?<=x)(a)|(b)(?!c)", "bc a xa b", 7, 6..7),
        ("(?x) (a) (?!b) # a comment", "abac", 3, 2..3),
        (r"(?!x)^(b)|(?!x)(c)$", "abc", 3, 2..3),
        (r"(a(?R)?b)", "xaabb", 5, 1..5),
        (r"(?!z)a(*PRUNE)(b)", "aab", 3, 2..3),
    ] {
        let pattern = Pattern::pcre2(text).unwrap();
        assert!(pattern.backtracks(), "{text}");
        let mut captures = Captures::default();
        assert_eq!(pattern.captures(subject.as_bytes(), &mut captures), Some(end), "{text}");
        assert_eq!(captures.spans(), [group], "{text}");
    }
}

// Their literals lie in several words.
#[test]
fn each_of_many_patterns_is_refused_by_its_own_literals() {
    let mut builder = PrefilterBuilder::default();
    let required: Vec<_> = (100..400)
        .map(|number| {
            builder.add(&Pattern::pcre2(&format!("left{number}.|{{.right{number}|#{number}..")).unwrap()).unwrap()
        })
        .collect();
    let prefilter = builder.build();
    let mut seen = Seen::default();
    for (line, wanted) in [("a LEFT123b", Some(23)), ("{aRight399", Some(299)), ("left99 right12 124", None)] {
        prefilter.scan(line.as_bytes(), &mut seen);
        let found: Vec<usize> = (0..required.len()).filter(|&at| required[at].may_match(&seen)).collect();
        assert_eq!(found, Vec::from_iter(wanted), "{line}");
    }
    prefilter.scan(b"#", &mut seen);
    assert!(!required[0].may_match(&seen), "#100 is sought, not its first byte");
}
