//! Whatever a rule file says, there are errors or its rules analyse lines: no rule is above itself, and
//! neither deep nor wide trees take the stack or the time of who walks them (issue 9, number 10).

use std::time::{Duration, Instant};

use hids_core::diag::{Diagnostic, SourceFile};
use hids_core::engine::{self, Engine, EngineOptions, RulesetSources};
use hids_core::rules::Catalogue;
use proptest::prelude::*;

use crate::engine::roots;
use crate::ruleset;

const LINES: [&str; 3] =
    ["Oct 11 22:14:15 h demo: fail from 192.0.2.1", "Oct 11 22:14:15 h demo: fail from host.example.com", "x"];

const DECODERS: &str = r#"<decoder name="other"><prematch>^zzz</prematch></decoder>
<decoder name="demo"><program_name>^demo</program_name><regex>from (\S+)</regex><order>srcip</order></decoder>"#;

fn sources(rules: &str) -> RulesetSources {
    RulesetSources {
        decoders: vec![SourceFile::new("decoders", DECODERS)],
        rules: vec![
            SourceFile::new("roots", roots()),
            SourceFile::new("rules", format!("<group name=\"local,\">{rules}</group>")),
        ],
        lists: Vec::new(),
    }
}

/// What `check`, `rules graph`, the daemon and `logtest -v` do with the rules: the codes of the problems,
/// and the answers if there are no errors.
fn use_them(rules: &str, strict_ossec: bool) -> (Vec<&'static str>, Option<Vec<Option<u32>>>) {
    let sources = sources(rules);
    let options = EngineOptions { strict_ossec, ..EngineOptions::default() };
    let (engine, diagnostics) = Engine::compile(&sources, options.clone());
    let lint = engine::lint(&sources, &options);
    let (catalogue, _) = Catalogue::read(&sources.rules);
    assert!(catalogue.rules().count() > 0);
    diagnostics.iter().chain(&lint).map(Diagnostic::render).for_each(drop);
    let codes = diagnostics.iter().map(|problem| problem.code).collect();
    let answers = engine.map(|mut engine| {
        let mut answers = Vec::new();
        for line in LINES.into_iter().cycle().take(12) {
            answers
                .push(ruleset::analyse(&mut engine, line.as_bytes(), |outcome| outcome.rule().map(|rule| rule.id.0)));
        }
        engine.reset();
        for (number, line) in LINES.into_iter().cycle().take(12).enumerate() {
            let source = std::sync::Arc::new(hids_core::model::LogSource {
                location: "stdin".into(),
                channel: hids_core::model::Channel::Log,
            });
            let now = hids_core::model::Timestamp::from_unix_seconds(1_700_000_000);
            let event =
                hids_core::model::EventRef { source: &source, received: now, line: line.as_bytes(), notice: None };
            let (outcome, _) = engine.explain(event, now);
            assert_eq!(outcome.rule().map(|rule| rule.id.0), answers[number], "explain differs from process");
        }
        answers
    });
    (codes, answers)
}

fn rule(id: u32, attributes: &str, body: &str) -> String {
    format!("<rule id=\"{id}\" {attributes}>{body}<description>x</description></rule>\n")
}

// H4, D1
#[test]
fn a_rule_that_names_itself_beside_another_loads_as_if_it_did_not() {
    let parent = rule(100, "level=\"3\"", "<match>fail</match>");
    for strict_ossec in [false, true] {
        for ids in ["100,101", "101 100", "101, 100, 101"] {
            let file = format!("{parent}{}", rule(101, "level=\"5\"", &format!("<if_sid>{ids}</if_sid>")));
            let (codes, answers) = use_them(&file, strict_ossec);
            assert_eq!(codes, ["R053"], "{ids}");
            assert_eq!(answers.expect("it loads")[..3], [Some(101), Some(101), None], "{ids}");
        }
        let counts = "<if_matched_sid>101 100</if_matched_sid>";
        let (codes, answers) =
            use_them(&format!("{parent}{}", rule(101, "level=\"5\" frequency=\"0\"", counts)), strict_ossec);
        assert!(codes.contains(&"R053"), "{codes:?}");
        assert_eq!(answers.expect("it loads")[..5], [Some(100), Some(101), None, Some(100), Some(101)]);
        // It counts what it has fired itself: never.
        let own = "<if_sid>100</if_sid><if_matched_sid>101</if_matched_sid>";
        let (codes, answers) =
            use_them(&format!("{parent}{}", rule(101, "level=\"5\" frequency=\"0\"", own)), strict_ossec);
        assert_eq!(codes, ["R053"]);
        assert!(answers.expect("it loads").iter().all(|rule| *rule != Some(101)));
    }
}

// H4, D1
#[test]
fn a_rule_that_names_nothing_but_itself_is_an_error() {
    for body in ["<if_sid>101</if_sid>", "<if_sid>101 101</if_sid>", "<if_matched_sid>101</if_matched_sid>"] {
        for strict_ossec in [false, true] {
            let (codes, answers) = use_them(&rule(101, "level=\"5\" frequency=\"0\"", body), strict_ossec);
            assert!(answers.is_none() && codes.contains(&"R036"), "{body}: {codes:?}");
        }
    }
}

// H4: two rules that name one another, also by group, by level and by overwriting
#[test]
fn what_an_overwriting_rule_names_makes_no_cycle() {
    let first = rule(100, "level=\"5\"", "<match>fail</match><group>a,</group>");
    let second = rule(101, "level=\"5\"", "<if_sid>100</if_sid><group>a,</group>");
    for above in [
        "<if_sid>101</if_sid>",
        "<if_group>a</if_group>",
        "<if_level>1</if_level>",
        "<if_matched_sid>101</if_matched_sid>",
        "<if_matched_group>a</if_matched_group>",
    ] {
        let again = rule(100, "level=\"5\" overwrite=\"yes\"", above);
        for strict_ossec in [false, true] {
            let (codes, answers) = use_them(&format!("{first}{second}{again}"), strict_ossec);
            assert_eq!(answers.unwrap_or_else(|| panic!("{above}: {codes:?}"))[0], Some(101), "{above}");
        }
    }
    let forward = format!(
        "{}{}",
        rule(100, "level=\"5\"", "<if_sid>101</if_sid>"),
        rule(101, "level=\"5\"", "<if_sid>100</if_sid>")
    );
    assert!(use_them(&forward, false).0.contains(&"R036"));
}

fn in_small_stack<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    // As large as the threads of the daemon have it.
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(work).expect("a thread starts");
    thread.join().expect("the stack is large enough")
}

#[test]
fn a_chain_of_10_000_rules_is_an_error_and_one_as_deep_as_allowed_is_walked() {
    let chain = |length: u32| -> String {
        let below = |index: u32| rule(1000 + index, "level=\"3\"", &format!("<if_sid>{}</if_sid>", 999 + index));
        std::iter::once(rule(1000, "level=\"3\"", "<match>fail</match>")).chain((1..length).map(below)).collect()
    };
    for strict_ossec in [false, true] {
        let deep = chain(10_000);
        let (codes, answers) = in_small_stack(move || use_them(&deep, strict_ossec));
        assert!(answers.is_none());
        assert_eq!(codes, ["R054"], "told once");
        let allowed = chain(400);
        let (codes, answers) = in_small_stack(move || use_them(&allowed, strict_ossec));
        assert_eq!(answers.unwrap_or_else(|| panic!("{codes:?}"))[0], Some(1399));
    }
}

#[test]
fn a_tree_that_doubles_with_each_rule_is_an_error() {
    let started = Instant::now();
    let doubling =
        |index: u32| rule(1000 + index, "level=\"3\" noalert=\"1\"", "<if_level>1</if_level><match>fail</match>");
    let wide: String = (0..64).map(doubling).collect();
    for strict_ossec in [false, true] {
        let (codes, answers) = use_them(&wide, strict_ossec);
        assert!(answers.is_none() && codes.iter().filter(|code| **code == "R055").count() == 1, "{codes:?}");
        // As many as fit are walked.
        let most: String = (0..12).map(doubling).collect();
        assert!(use_them(&most, strict_ossec).1.is_some());
    }
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
}

#[test]
fn ten_thousand_children_are_tried() {
    let child =
        |index: u32| rule(10_000 + index, "level=\"3\"", &format!("<if_sid>100</if_sid><match>no {index}</match>"));
    let wide: String =
        std::iter::once(rule(100, "level=\"3\"", "<match>fail</match>")).chain((0..10_000).map(child)).collect();
    let (codes, answers) = in_small_stack(move || use_them(&wide, false));
    assert_eq!(answers.unwrap_or_else(|| panic!("{codes:?}"))[0], Some(100));
}

/// Rules whose references go anywhere.
fn any_rules() -> impl Strategy<Value = String> {
    let id = || prop_oneof![8 => 100..116_u32, 1 => 1..10_u32, 1 => 99_100..99_108_u32];
    let ids = || prop::collection::vec(id(), 1..4);
    let list = |ids: Vec<u32>| ids.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
    let group = || prop::sample::select(&["a", "b", "local", "syscheck", "^a|b", ""][..]);
    let link = prop_oneof![
        4 => ids().prop_map(move |ids| format!("<if_sid>{}</if_sid>", list(ids))),
        2 => id().prop_map(|id| format!("<if_matched_sid>{id}</if_matched_sid>")),
        1 => group().prop_map(|group| format!("<if_group>{group}</if_group>")),
        1 => group().prop_map(|group| format!("<if_matched_group>{group}</if_matched_group>")),
        1 => (0..16_u32).prop_map(|level| format!("<if_level>{level}</if_level>")),
        1 => Just("<if_matched_regex>fail</if_matched_regex>".to_owned()),
        1 => Just("<match>fail</match>".to_owned()),
        1 => Just("<same_source_ip /><if_fts /><check_diff />".to_owned()),
        1 => group().prop_map(|group| format!("<group>{group},</group>")),
    ];
    let level = prop::sample::select(&["0", "1", "5", "12", "99", "150"][..]);
    let flags = prop::sample::subsequence(
        vec![
            "noalert=\"1\"",
            "overwrite=\"yes\"",
            "accuracy=\"0\"",
            "frequency=\"1\"",
            "ignore=\"9\"",
            "maxsize=\"3\"",
        ],
        0..3,
    );
    let rule = (id(), level, flags, prop::collection::vec(link, 0..4)).prop_map(|(id, level, flags, links)| {
        rule(id, &format!("level=\"{level}\" {}", flags.join(" ")), &links.concat())
    });
    prop::collection::vec(rule, 1..20).prop_map(|rules| rules.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    // H4
    #[test]
    fn any_rules_give_errors_or_analyse_lines(rules in any_rules(), strict_ossec: bool) {
        let (codes, answers) = use_them(&rules, strict_ossec);
        prop_assert!(answers.is_some() || !codes.is_empty());
    }
}
