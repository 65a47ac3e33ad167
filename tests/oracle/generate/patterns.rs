//! Patterns of each dialect: common ones of the vocabulary, and heaps of tokens.

use proptest::prelude::*;
use proptest::sample::select;

use crate::model::{Dialect, Pattern};

fn plain(dialect: Dialect, text: impl Into<String>) -> Pattern {
    let text = text.into();
    Pattern { dialect, meaning: text.clone(), text }
}

/// PCRE2 as written, and the same, with the same end, without look-around and possessive repeats.
const PCRE2: &[(&str, &str)] = &[
    ("login", "login"),
    ("^login", "^login"),
    ("^job|error", "^job|error"),
    ("(?=login)login", "login"),
    ("failed(?!x)", "failed"),
    ("user=(?!ann)bob", "user=bob"),
    (r"\w++ ok", r"\w+ ok"),
    (r"user=\w+", r"user=\w+"),
    ("(?-i)Login", "(?-i)Login"),
    (r"id=\d{2}", r"id=\d{2}"),
    (r"\bok\b", r"\bok\b"),
    ("192[.]0[.]2[.][0-9]", "192[.]0[.]2[.][0-9]"),
    ("(?:user|id)=", "(?:user|id)="),
    (r"^\S+ \S+ from", r"^\S+ \S+ from"),
    ("[^a-z]$", "[^a-z]$"),
    ("z*", "z*"),
    ("(?s).+ok", "(?s).+ok"),
    ("drop|(?:ann)", "drop|(?:ann)"),
];

const PCRE2_CAPTURES: &[(&str, &str)] = &[
    (r"user=(\w+)", r"user=(\w+)"),
    (r"from ([0-9.]+)", r"from ([0-9.]+)"),
    (r"(?:id|status)=(\d+)(?: url=(\S+))?", r"(?:id|status)=(\d+)(?: url=(\S+))?"),
    (r"(\w+?)=(\w+)", r"(\w+?)=(\w+)"),
    (r"user=(\w++)", r"user=(\w+)"),
    (r"(user=(\w*))|(id=(\d))", r"(user=(\w*))|(id=(\d))"),
    (r"^(\S+) (\S+)", r"^(\S+) (\S+)"),
];

fn pcre2(table: &'static [(&'static str, &'static str)]) -> impl Strategy<Value = Pattern> {
    select(table).prop_map(|(text, meaning)| Pattern {
        dialect: Dialect::Pcre2,
        text: text.into(),
        meaning: meaning.into(),
    })
}

const OS_MATCH: &[&str] = &[
    "login",
    "^login",
    "failed",
    "ok$",
    "^job",
    "login|job",
    "^error|ok$",
    "user=",
    "ann",
    "^ann$",
    "bob|red",
    "200",
    "^1$|^22$",
    "/a",
    "h1",
    "demo",
    "^demo",
    "^demo$",
    "other|demo2",
    "=",
    " ",
    "22",
    "a-b|$1x",
    "a|",
    "^login ok$",
];

/// An os_match pattern.
pub(super) fn os_match() -> impl Strategy<Value = Pattern> {
    select(OS_MATCH).prop_map(|text| plain(Dialect::OsMatch, text))
}

const OS_REGEX: &[&str] = &[
    "^login",
    "^job ",
    "failed",
    "user=",
    "ok$",
    "login|job",
    "^(login|job)",
    r"error \w+",
    r"^\w+ ",
    r"\S+ from",
    r"\.+ok",
    r"\d+",
    r"\(x\)",
    r"\p",
    "^login$",
    r"\w=\w+$",
    r"\s\s",
    r"\$\d",
    "^ann",
    r"^\d\d\d$",
    r"a\.b",
    r"^\.*$",
    r"\W\w+\W",
    "ann|bob",
];

const OS_REGEX_CAPTURES: &[&str] = &[
    r"user=(\w+)",
    r"from (\S+)",
    r"^(\w+) user=(\S+)",
    r"id=(\d+)",
    r"id=(\d+)|url=(\S+)",
    r"(\w+)=(\S+)",
    r"status=(\d+)",
    r"^ from (\S+)",
    r"color=(\w*)",
    r"act=(\w+)",
    r"(\.+)=(\.+)",
    r"^\s*(\w+)",
    r"url=(\S+)",
    r"port=(\d+)",
    r"user=(\w*)",
    r"(user=(\w+))",
    r"^(\S+) (\S+)$",
    r"(\d+)(\d+)",
    r"(ok|failed)",
    r"^()login",
];

const TOKENS: &[&str] = &[
    "login", "ok", "failed", " ", "=", "user", r"\w+", r"\S+", r"\d+", r"\.+", r"\.*", r"\s*", r"\w", r"\d", r"\p",
    r"\W", r"\D+", "a", "1", "+", "*", "|", "-", r"\\-", r"\.",
];

/// An os_regex pattern without groups that matter.
pub(super) fn os_regex() -> impl Strategy<Value = Pattern> {
    let known = select(OS_REGEX).prop_map(str::to_owned);
    prop_oneof![2 => known, 1 => heap()].prop_map(|text| plain(Dialect::OsRegex, text))
}

/// Tokens in any order, some of them in groups. `+` and `*` after a lone letter are literals.
fn heap() -> impl Strategy<Value = String> {
    let token = (select(TOKENS), 0..6u8).prop_map(|(token, wrapping)| match wrapping {
        0 => format!("({token})"),
        _ => token.to_owned(),
    });
    (0..4u8, prop::collection::vec(token, 1..5)).prop_map(|(anchors, tokens)| {
        let start = if anchors & 1 == 0 { "" } else { "^" };
        let end = if anchors == 3 { "$" } else { "" };
        format!("{start}{}{end}", tokens.concat())
    })
}

/// Any pattern that may stand in a `regex` or `pcre2` element of a rule, or in a prematch.
pub(super) fn search() -> impl Strategy<Value = Pattern> {
    prop_oneof![3 => os_regex(), 1 => pcre2(PCRE2)]
}

/// Any pattern that may stand in a `match` or field element.
pub(super) fn sregex() -> impl Strategy<Value = Pattern> {
    prop_oneof![3 => os_match(), 1 => pcre2(PCRE2)]
}

/// A pattern of a decoder that captures.
pub(super) fn capturing() -> impl Strategy<Value = Pattern> {
    let known = select(OS_REGEX_CAPTURES).prop_map(str::to_owned);
    let random = heap().prop_map(|text| format!("(\\w+){text}"));
    let os_regex = prop_oneof![6 => known, 1 => random].prop_map(|text| plain(Dialect::OsRegex, text));
    prop_oneof![3 => os_regex, 1 => pcre2(PCRE2_CAPTURES)]
}
