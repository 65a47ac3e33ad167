//! Rule trees: parents of every mechanism, conditions, composite rules, overwritten rules.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::patterns;
use crate::model::{Condition, Earlier, Rule};

const FIRST_ID: u32 = 100_100;
const GROUPS: &[&str] = &["alpha,", "beta,", "alpha,beta,", "gamma_one,", "gamma_two,"];
const WORDS: &[&str] = &["alpha", "beta", "gamma", "alpha|gamma_two", "^beta"];
const SAME: &[&str] = &[
    "same_source_ip",
    "same_user",
    "same_id",
    "same_location",
    "same_src_port",
    "same_dst_port",
    "different_url",
    "different_srcip",
];

#[derive(Clone, Debug)]
struct Draft {
    level: u32,
    parent: u8,
    parents: Vec<Index>,
    word: &'static str,
    group: &'static str,
    category: &'static str,
    numbers: (u32, u32, Option<i64>, i64),
    flags: (bool, bool, bool),
    earlier: Option<(u8, crate::model::Pattern)>,
    same: Vec<&'static str>,
    conditions: Vec<Condition>,
    options: Vec<&'static str>,
}

/// The rules of a case, in load order; `names` are decoders for `decoded_as`.
pub(super) fn rules(names: Vec<String>) -> impl Strategy<Value = Vec<Rule>> {
    prop::collection::vec(draft(names), 1..25).prop_map(|drafts| {
        let mut rules: Vec<Rule> = Vec::new();
        for draft in drafts {
            let rule = fit(draft, &rules);
            rules.push(rule);
        }
        rules
    })
}

fn draft(names: Vec<String>) -> impl Strategy<Value = Draft> {
    let level = select(&[0, 1, 2, 3, 3, 5, 5, 6, 7, 8, 10, 12, 15]);
    let numbers = (
        select(&[0, 0, 0, 0, 0, 5, 9, 20]),
        select(&[0, 0, 1, 1, 2, 3]),
        select(&[None, Some(10), Some(60), Some(10), Some(1000)]),
        select(&[0, 0, 0, 0, 10, 60]),
    );
    let flags = (prop::bool::weighted(0.07), prop::bool::weighted(0.1), prop::bool::weighted(0.1));
    let tree = (0..20u8, prop::collection::vec(any::<Index>(), 1..4), select(WORDS), select(GROUPS));
    let category = select(&["syslog", "syslog", "web-log", "ids"]);
    let earlier = prop::option::weighted(0.45, (0..6u8, patterns::os_regex()));
    let options = select(&["alert_by_email", "no_email_alert", "log_alert", "no_log", "no_ar"]);
    (
        (level, tree, category, numbers, flags),
        earlier,
        prop_oneof![2 => Just(Vec::new()), 3 => prop::collection::vec(select(SAME), 1..3)],
        prop::collection::vec(condition(names), 0..4),
        prop::collection::vec(options, 0..2),
    )
        .prop_map(|((level, tree, category, numbers, flags), earlier, same, conditions, options)| Draft {
            level,
            parent: tree.0,
            parents: tree.1,
            word: tree.2,
            group: tree.3,
            category,
            numbers,
            flags,
            earlier,
            same,
            conditions,
            options,
        })
}

fn condition(names: Vec<String>) -> impl Strategy<Value = Condition> {
    let texts = &["user", "id", "url", "status", "extra_data", "hostname", "program_name", "srcport", "dstport"][..];
    let addresses = &["192.0.2.1", "192.0.2.0/24", "!192.0.2.2", "10.0.0.0/8", "!10.1.2.3", "0.0.0.0/0"][..];
    prop_oneof![
        2 => select(names).prop_map(Condition::DecodedAs),
        4 => patterns::sregex().prop_map(|pattern| Condition::Pattern("match", pattern)),
        4 => patterns::search().prop_map(|pattern| Condition::Pattern("regex", pattern)),
        4 => (select(texts), patterns::sregex()).prop_map(|(name, pattern)| Condition::Pattern(name, pattern)),
        1 => select(&["drop", "Drop", "Allow", "ok"][..]).prop_map(|text| Condition::Action(text.into())),
        2 => (select(&["srcip", "dstip"][..]), prop::collection::vec(select(addresses), 1..3)).prop_map(|(name, list)| {
            Condition::Address(name, list.into_iter().map(str::to_owned).collect())
        }),
        1 => patterns::os_regex().prop_map(|pattern| Condition::Dynamic("color".into(), pattern)),
    ]
}

/// Chooses what the draft left open so that the rule loads after `before`.
fn fit(draft: Draft, before: &[Rule]) -> Rule {
    let mut conditions: Vec<Condition> = Vec::new();
    for condition in draft.conditions {
        // A repeated element would be one longer text.
        if !conditions.iter().any(|other| element(other) == element(&condition)) {
            conditions.push(condition);
        }
    }
    let (maxsize, frequency, timeframe, ignore) = draft.numbers;
    let (is_inaccurate, noalert, overwrite) = draft.flags;
    let mut rule = Rule {
        id: FIRST_ID + before.len() as u32,
        level: draft.level,
        maxsize,
        ignore,
        is_inaccurate,
        noalert,
        conditions,
        options: draft.options,
        group: draft.group.into(),
        ..Rule::default()
    };
    let known: Vec<&Rule> = before.iter().filter(|rule| !rule.overwrite).collect();
    if overwrite && let Some(old) = (!known.is_empty()).then(|| *draft.parents[0].get(&known)) {
        // Often a composite rule becomes a plain one (D7).
        rule.id = old.id;
        rule.overwrite = true;
        // Later rules find their parents by the groups as they are then.
        rule.group = old.group.clone();
        rule.if_sid = old.if_sid.clone();
        return rule;
    }
    let kept = before.iter().any(|rule| rule.overwrite);
    choose_parents(&mut rule, draft.parent, &draft.parents, (draft.word, draft.category), &known);
    if let Some((kind, pattern)) = draft.earlier.filter(|_| !known.is_empty()) {
        // The mark of a level 0 rule would stop every search at once.
        rule.level = rule.level.max(1);
        (rule.frequency, rule.timeframe) = (frequency, timeframe);
        rule.if_level = None;
        // Most of them only count.
        rule.conditions.truncate(usize::from(kind == 0));
        let word = draft.word.trim_start_matches('^');
        rule.earlier = Some(match kind {
            0..=2 => Earlier::Sid(draft.parents[0].get(&known).id),
            // Overwritten groups would need the reading of which group string counts when.
            3 | 5 if !kept && known.iter().any(|rule| word.split('|').any(|word| rule.group.contains(word))) => {
                Earlier::Group(word.into())
            }
            _ => Earlier::Regex(pattern),
        });
        if !draft.parent.is_multiple_of(4) && !matches!(rule.earlier, Some(Earlier::Regex(_))) {
            // What is looked back at is the parent, too.
            (rule.if_sid, rule.if_group, rule.category) = (Vec::new(), None, None);
        }
        rule.same = draft.same;
        rule.same.dedup();
    }
    rule
}

fn choose_parents(
    rule: &mut Rule,
    mechanism: u8,
    parents: &[Index],
    (word, category): (&str, &'static str),
    known: &[&Rule],
) {
    let in_group = |rule: &Rule| {
        word.split('|').any(|word| match word.strip_prefix('^') {
            Some(prefix) => rule.group.starts_with(prefix),
            None => rule.group.contains(word),
        })
    };
    match mechanism {
        0..=10 if !known.is_empty() => {
            let mut ids: Vec<u32> = parents.iter().map(|index| index.get(known).id).collect();
            ids.sort_unstable();
            ids.dedup();
            rule.if_sid = ids;
        }
        11..=12 if known.iter().any(|rule| in_group(rule)) => rule.if_group = Some(word.into()),
        13 if known.len() < 8 => rule.if_level = Some(if rule.level > 5 { 7 } else { 3 }),
        _ => rule.category = Some(category),
    }
}

/// What must not stand twice in one rule.
fn element(condition: &Condition) -> (&str, bool) {
    match condition {
        Condition::DecodedAs(_) => ("decoded_as", false),
        Condition::Pattern(name, pattern) => (name, pattern.dialect == crate::model::Dialect::Pcre2),
        Condition::Action(_) => ("action", false),
        Condition::Address(name, _) => (name, false),
        Condition::Dynamic(..) => ("field", false),
    }
}
