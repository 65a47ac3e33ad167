//! The dialects, translated as `regex-dialects.md` section 6 says.

use regex::bytes::{Regex, RegexBuilder};

use crate::model::{Dialect, Pattern};

/// Whether `pattern` matches anywhere in `text`.
pub(super) fn matches(pattern: &Pattern, text: &str) -> bool {
    compiled(pattern).is_match(text.as_bytes())
}

/// The groups that took part, and where the match ends in `text`.
pub(super) fn captures(pattern: &Pattern, text: &str) -> Option<(Vec<String>, usize)> {
    let found = compiled(pattern).captures(text.as_bytes())?;
    let group = |group: regex::bytes::Match<'_>| String::from_utf8_lossy(group.as_bytes()).into_owned();
    Some((found.iter().skip(1).flatten().map(group).collect(), found.get(0)?.end()))
}

/// Word match: one of the words is a substring, or a prefix after `^`.
pub(super) fn word_matches(words: &str, text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    !words.is_empty()
        && words.to_ascii_lowercase().split('|').any(|word| match word.strip_prefix('^') {
            Some(prefix) => text.starts_with(prefix),
            None => text.contains(word),
        })
}

/// os_match on plain text.
pub(super) fn os_match(text: &str, subject: &str) -> bool {
    build(&translate_os_match(text)).is_match(subject.as_bytes())
}

fn compiled(pattern: &Pattern) -> Regex {
    match pattern.dialect {
        Dialect::OsMatch => build(&translate_os_match(&pattern.text)),
        Dialect::OsRegex => build(&translate_os_regex(&pattern.text)),
        Dialect::Pcre2 => build(&pattern.meaning),
    }
}

fn build(expression: &str) -> Regex {
    RegexBuilder::new(expression)
        .case_insensitive(true)
        .unicode(false)
        .build()
        .unwrap_or_else(|error| panic!("{expression}: {error}"))
}

fn translate_os_match(text: &str) -> String {
    let character = |character: char| match character {
        '|' => "|".into(),
        '^' => r"\A".into(),
        '$' => r"\z".into(),
        other => regex::escape(&other.to_string()),
    };
    text.chars().map(character).collect()
}

fn translate_os_regex(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut expression = String::new();
    let mut at = 0;
    while at < characters.len() {
        let character = characters[at];
        let is_quantifier = at >= 2 && characters[at - 2] == '\\' && "+*".contains(character);
        if is_quantifier {
            expression.push(character);
            let rest: String = characters[at + 1..].iter().collect();
            let rest = rest.trim_start_matches(')');
            let is_greedy = (rest.is_empty() || rest.starts_with('|')) && characters[at - 1] != '\\';
            expression += if is_greedy { "" } else { "?" };
        } else if character == '\\' {
            at += 1;
            expression += &class(characters[at]);
        } else {
            expression += &match character {
                '^' => r"\A".into(),
                '$' => r"\z".into(),
                '(' | ')' | '|' => character.to_string(),
                other => regex::escape(&other.to_string()),
            };
        }
        at += 1;
    }
    expression
}

fn class(letter: char) -> String {
    match letter {
        'w' => r"[A-Za-z0-9@_\-]".into(),
        'W' => r"[^A-Za-z0-9@_\-]".into(),
        'd' => "[0-9]".into(),
        'D' => "[^0-9]".into(),
        's' => "[ ]".into(),
        'S' => "[^ ]".into(),
        'p' => r##"[()*+,.:;<=>?\[\]!"'#%&$|{}\-]"##.into(),
        '.' => "(?s:.)".into(),
        't' => r"\t".into(),
        other => regex::escape(&other.to_string()),
    }
}
