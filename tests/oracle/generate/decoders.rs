//! Families of decoders: a parent, and children alone or in groups of equal names.

use proptest::prelude::*;
use proptest::sample::select;

use super::patterns;
use crate::model::{Decoder, Dialect, Offset, Pattern};

const FIELDS: &[&str] = &[
    "user",
    "srcuser",
    "srcip",
    "dstip",
    "srcport",
    "dstport",
    "action",
    "id",
    "url",
    "status",
    "extra_data",
    "color",
];

const TYPES: &[&str] = &["syslog", "syslog", "syslog", "syslog", "web-log", "ids"];

/// What is drawn for one pattern that captures.
type Regex = (Pattern, usize, Vec<&'static str>);

/// The decoders of a case, in load order.
pub(super) fn decoders() -> impl Strategy<Value = Vec<Decoder>> {
    prop::collection::vec(family(), 1..4).prop_map(|families| {
        let mut decoders = vec![never("zz-none", false), never("zz-program", true)];
        for (number, family) in families.into_iter().enumerate() {
            add_family(&mut decoders, number, family);
        }
        decoders
    })
}

/// Neither of the two lists may be empty.
fn never(name: &str, has_program: bool) -> Decoder {
    let pattern = |dialect| Pattern { dialect, text: "^zz-never-zz".into(), meaning: String::new() };
    Decoder {
        name: name.into(),
        parent: None,
        program_name: has_program.then(|| pattern(Dialect::OsMatch)),
        prematch: (!has_program).then(|| (pattern(Dialect::OsRegex), Offset::Start)),
        regex: None,
        order: Vec::new(),
        kind: "syslog",
        use_own_name: false,
    }
}

#[derive(Clone, Debug)]
struct Family {
    program_name: Option<Pattern>,
    prematch: Option<Pattern>,
    regex: Option<Regex>,
    kind: &'static str,
    repeats_name: bool,
    children: Vec<Child>,
}

#[derive(Clone, Debug)]
struct Child {
    prematch: Option<(Pattern, usize)>,
    regexes: Vec<Regex>,
    kind: &'static str,
    use_own_name: bool,
}

fn regex() -> impl Strategy<Value = Regex> {
    let order = Just(FIELDS.to_vec()).prop_shuffle();
    (patterns::capturing(), 0..4usize, order, 1..4usize).prop_map(|(pattern, offset, mut order, length)| {
        order.truncate(length);
        (pattern, offset, order)
    })
}

fn family() -> impl Strategy<Value = Family> {
    let program = prop_oneof![
        select(&["^demo", "demo", "^demo$", "other|demo2", "^d"][..]).prop_map(|text| Pattern {
            dialect: Dialect::OsMatch,
            text: text.into(),
            meaning: text.into()
        }),
        Just(Pattern { dialect: Dialect::Pcre2, text: "^demo2?$".into(), meaning: "^demo2?$".into() }),
    ];
    (
        prop::option::weighted(0.6, program),
        prop::option::weighted(0.3, patterns::search()),
        prop::option::of(regex()),
        select(TYPES),
        prop::bool::weighted(0.2),
        prop::collection::vec(child(), 0..5),
    )
        .prop_map(|(program_name, prematch, regex, kind, repeats_name, children)| Family {
            program_name,
            prematch,
            regex,
            kind,
            repeats_name,
            children,
        })
}

fn child() -> impl Strategy<Value = Child> {
    (
        prop::option::weighted(0.5, (patterns::search(), 0..2usize)),
        prop::collection::vec(regex(), 1..4),
        select(TYPES),
        prop::bool::weighted(0.2),
    )
        .prop_map(|(prematch, regexes, kind, use_own_name)| Child { prematch, regexes, kind, use_own_name })
}

fn add_family(decoders: &mut Vec<Decoder>, number: usize, family: Family) {
    let name = if family.repeats_name && number > 0 { "family0".into() } else { format!("family{number}") };
    let prematch = match (&family.program_name, family.prematch) {
        // A decoder needs one of them.
        (None, None) => {
            Some(Pattern { dialect: Dialect::OsRegex, text: "^login|error|job".into(), meaning: String::new() })
        }
        (_, prematch) => prematch,
    };
    let has_prematch = prematch.is_some();
    let (regex, order) = parts(family.regex, |offset| match offset {
        0 if has_prematch => Offset::AfterPrematch,
        _ => Offset::Start,
    });
    decoders.push(Decoder {
        name: name.clone(),
        parent: None,
        program_name: family.program_name,
        prematch: prematch.map(|pattern| (pattern, Offset::Start)),
        regex,
        order,
        kind: family.kind,
        use_own_name: false,
    });
    for (index, child) in family.children.into_iter().enumerate() {
        add_group(decoders, &name, format!("family{number}-child{index}"), child);
    }
}

/// A child, or several of one name that are tried in turn.
fn add_group(decoders: &mut Vec<Decoder>, parent: &str, name: String, child: Child) {
    let is_pcre2 = child.regexes[0].0.dialect == Dialect::Pcre2;
    let mut prematch = child.prematch;
    for (position, regex) in child.regexes.into_iter().enumerate() {
        // Members of one name use the same element.
        if (regex.0.dialect == Dialect::Pcre2) != is_pcre2 {
            continue;
        }
        let has_prematch = prematch.is_some();
        let (regex, order) = parts(Some(regex), |offset| match offset {
            0 => Offset::Start,
            1 => Offset::AfterParent,
            _ if position > 0 => Offset::AfterRegex,
            _ if has_prematch => Offset::AfterPrematch,
            _ => Offset::AfterParent,
        });
        let offset = |offset| if offset == 0 { Offset::Start } else { Offset::AfterParent };
        decoders.push(Decoder {
            name: name.clone(),
            parent: Some(parent.into()),
            program_name: None,
            prematch: prematch.take().map(|(pattern, at)| (pattern, offset(at))),
            regex,
            order,
            kind: child.kind,
            use_own_name: child.use_own_name,
        });
    }
}

fn parts(regex: Option<Regex>, offset: impl Fn(usize) -> Offset) -> (Option<(Pattern, Offset)>, Vec<String>) {
    let Some((pattern, at, order)) = regex else { return (None, Vec::new()) };
    (Some((pattern, offset(at))), order.into_iter().map(str::to_owned).collect())
}
